"""What is told on standard error while a repair works."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self, assert_never

from fixloop.cli.streams import stderr_is_terminal
from fixloop.ports import Cancellation
from fixloop.records.events import Attempted, BaselineMeasured, Event, Stage, StageEntered, Stopped, SuspectsRanked
from fixloop.report.words import count, duration, one_line

SECONDS_BETWEEN_LINES = 10.0


class Progress(Protocol):
    """Told of every event, in order."""

    def show(self, event: Event) -> None:
        """Tell a person, or don't."""
        ...


def choose(budget_seconds: float | None, cancellation: Cancellation) -> AbstractContextManager[Progress]:
    """A live display on a terminal, sparse lines elsewhere. ``budget_seconds`` None: nothing is being searched."""
    if not stderr_is_terminal():
        return Lines()
    from fixloop.cli.live import Live

    return Live(budget_seconds, cancellation)


class Silence:
    """Says nothing."""

    def show(self, event: Event) -> None:
        """Nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Lines(Silence):
    """One line a stage, and in a long search one now and then; made for logs."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._best = 0
        self._said: set[str] = set()

    def show(self, event: Event) -> None:
        """Print a line where there is news."""
        match event:
            case StageEntered(stage, detail):
                # Every candidate that looks good is judged; one line that says so is enough.
                self._say(stage.value if stage is Stage.JUDGE else ": ".join(part for part in (stage, detail) if part))
            case BaselineMeasured(_, targets):
                self._say(f"{count(len(targets), 'failing test')} to repair")
            case SuspectsRanked(suspects):
                self._say(f"trying patches, first at {suspects[0].path}:{suspects[0].line}" if suspects else "")
            case Attempted(attempt, number, seconds_left):
                fixed, total = len(attempt.fixed), len(attempt.fixed) + len(attempt.still_broken)
                better, self._best = fixed > self._best, max(fixed, self._best)
                if better or time.monotonic() - self._last > SECONDS_BETWEEN_LINES:
                    best = f", best so far: {self._best} of {count(total, 'failing test')} pass" if self._best else ""
                    self._say(f"{count(number, 'patch', 'patches')} tried{best}, {duration(seconds_left)} left")
            case Stopped():
                pass
            case _:
                assert_never(event)

    def _say(self, line: str) -> None:
        if not line or line in self._said:
            return
        self._said.add(line)
        self._last = time.monotonic()
        try:
            print(f"fixloop: {one_line(line)}", file=sys.stderr, flush=True)
        except (OSError, ValueError):  # nobody listens any more; the repair goes on
            return
