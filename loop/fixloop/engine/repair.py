"""The whole loop on one screen.

It is synchronous: whoever drives it chooses the thread, and stops it through the cancellation.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from fixloop.engine.baseline import measure, measure_again
from fixloop.engine.common import Ending, Ports
from fixloop.engine.ledger import Ledger
from fixloop.engine.search import Partial, exhausted, search
from fixloop.ports import Cancelled
from fixloop.records.events import Event, Stopped, StopReason
from fixloop.records.task import Task


def repair(task: Task, ports: Ports) -> Iterator[Event]:
    """Work on one task. The last event is the only Stopped, on cancellation too."""
    ledger = Ledger(task, ports.clock, ports.recorder)
    try:
        ending = yield from _loop(task, ports, ledger)
    except Cancelled:
        ending = Ending(StopReason.CANCELLED, StopReason.CANCELLED.value)
    yield Stopped(ledger.result(ending))


def _loop(task: Task, ports: Ports, ledger: Ledger) -> Generator[Event, None, Ending]:
    baseline = yield from measure(task, ports, ledger)
    if isinstance(baseline, Ending):
        return baseline
    partial: Partial | None = None
    for rounds_left in reversed(range(task.budget.rounds)):
        outcome = yield from search(task, ports, ledger, baseline, partial, rounds_left)
        if isinstance(outcome, Ending):
            return outcome
        partial = outcome  # it helps some of the targets: go on from there
        baseline = measure_again(baseline, partial.candidate.patch, task, ports, ledger)
    return exhausted(ledger)
