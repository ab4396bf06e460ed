"""What the parts of the loop share: the ports, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass

from fixloop.ports import Cancellation, Clock, Evaluator, Proposer, Recorder, Sources
from fixloop.records.events import StopReason


@dataclass(frozen=True)
class Ports:
    """Everything outside the loop that it uses."""

    evaluator: Evaluator
    proposer: Proposer
    sources: Sources
    recorder: Recorder
    clock: Clock
    cancellation: Cancellation


@dataclass(frozen=True)
class Ending:
    """Why the repair is over, in a sentence about this case."""

    reason: StopReason
    message: str


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 test``, ``2 tests``, ``3 patches``."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
