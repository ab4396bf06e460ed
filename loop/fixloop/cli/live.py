"""The live display: stage, attempts, the budget as a bar, the best so far. Leaves no trace when it ends."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self, assert_never

from rich import live
from rich.console import Console, Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from fixloop.ports import Cancellation
from fixloop.records.events import Attempted, BaselineMeasured, Event, StageEntered, Stopped, SuspectsRanked
from fixloop.report.words import count, duration, one_line

BAR_WIDTH = 24
REFRESHES_PER_SECOND = 8


class Live:
    """Implements ``progress.Progress`` on a terminal. Redraws by itself, so that time is seen to pass."""

    def __init__(self, budget_seconds: float | None, cancellation: Cancellation) -> None:
        self._budget = budget_seconds
        self._cancellation = cancellation
        self._began = time.monotonic()
        self._spinner = Spinner("dots")
        self._stage = "starting"
        self._facts: dict[str, str] = {}
        self._best = 0
        console = Console(file=sys.stderr, force_terminal=True)
        self._live = live.Live(
            get_renderable=self._draw,
            console=console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            refresh_per_second=REFRESHES_PER_SECOND,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        """Take the event in; the next redraw shows it."""
        match event:
            case StageEntered(stage, detail):
                self._stage = f"{stage.value}: {one_line(detail)}" if detail else stage.value
            case BaselineMeasured(_, targets):
                self._facts["count"] = count(len(targets), "failing test")
            case SuspectsRanked(suspects):
                self._stage = "trying patches"
                if suspects:
                    self._facts["place"] = f"first suspect {one_line(suspects[0].path)}:{suspects[0].line}"
            case Attempted(attempt, number, _):
                self._facts["count"] = f"{number:,} tried"
                fixed, total = len(attempt.fixed), len(attempt.fixed) + len(attempt.still_broken)
                if fixed > self._best:
                    self._best = fixed
                    self._facts["best"] = f"best makes {fixed} of {total} pass"
                self._stage = f"trying patches: {one_line(attempt.candidate.summary)}"
            case Stopped():
                pass
            case _:
                assert_never(event)

    def _draw(self) -> RenderableType:
        stage = "stopping, please wait" if self._cancellation.requested() else self._stage
        spent = time.monotonic() - self._began
        shown = Text.assemble(stage, (f"  {duration(spent)}", "dim") if self._budget is None else "")
        shown.no_wrap, shown.overflow = True, "ellipsis"
        self._spinner.update(text=shown)
        if self._budget is None:
            return self._spinner
        line = Table.grid(padding=(0, 1))
        left = f"{duration(max(0.0, self._budget - spent))} left"
        facts = " · ".join([left, *(self._facts[key] for key in ("count", "best", "place") if key in self._facts)])
        bar = ProgressBar(
            total=self._budget, completed=min(spent, self._budget), width=BAR_WIDTH, complete_style="cyan"
        )
        line.add_row(Text(" "), bar, Text(facts, "dim", no_wrap=True, overflow="ellipsis"))
        return Group(self._spinner, line)
