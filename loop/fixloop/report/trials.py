"""What was tried, summed up: attempts by the template that made them, and the one that came closest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from fixloop.records.attempt import Attempt


@dataclass(frozen=True)
class Trial:
    """All attempts of one origin. ``critique`` is the commonest reason why they failed, seen ``times`` times."""

    origin: str
    attempts: int
    critique: str
    times: int
    example: str


def trials(trajectory: Sequence[Attempt]) -> tuple[Trial, ...]:
    """Every origin with its attempts, the most tried first."""
    by_origin: dict[str, list[Attempt]] = {}
    for attempt in trajectory:
        by_origin.setdefault(_origin(attempt), []).append(attempt)
    summed = (_sum(origin, attempts) for origin, attempts in by_origin.items())
    return tuple(sorted(summed, key=lambda trial: (-trial.attempts, trial.origin)))


def _origin(attempt: Attempt) -> str:
    return " + ".join(made.name for made in attempt.candidate.provenance) or "unnamed"


def _sum(origin: str, attempts: Sequence[Attempt]) -> Trial:
    critique, times = Counter(attempt.critique for attempt in attempts).most_common(1)[0]
    return Trial(origin, len(attempts), critique, times, attempts[0].candidate.summary)


def closest(trajectory: Sequence[Attempt]) -> Attempt | None:
    """The attempt that turned most targets green without turning all, the smaller number left deciding; or None."""
    partial = [attempt for attempt in trajectory if attempt.fixed and attempt.still_broken]
    return max(partial, key=lambda attempt: (len(attempt.fixed), -len(attempt.still_broken)), default=None)
