"""What a repair is asked to do."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Selection:
    """Which checks a task is about, as pytest arguments relative to the workspace root.

    ``targets`` must pass in the end. ``affected`` is what may not get worse; ``scope`` says in words how it was chosen.
    """

    targets: tuple[str, ...]
    affected: tuple[str, ...]
    scope: str


@dataclass(frozen=True)
class Budget:
    """Where the search ends. Seconds are wall time from the first event."""

    seconds: float = 180.0
    check_seconds: float = 10.0  # one check, before a limit ends it
    rounds: int = 3  # how many edits may be stacked when one alone does not suffice


@dataclass(frozen=True)
class Task:
    """One repair. ``seed`` decides every choice that is not determined by the code."""

    selection: Selection
    budget: Budget = Budget()
    seed: int = 0
