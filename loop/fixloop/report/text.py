"""Results as rich renderables for a terminal. The only module of this package that needs rich.

Whatever came from the code under test is made printable first and never read as rich's own markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.text import Text

from fixloop.records.attempt import Evidence, Suspect
from fixloop.records.events import RepairResult
from fixloop.records.execution import CheckResult
from fixloop.records.settings import Grants
from fixloop.report.diff import Read
from fixloop.report.doctor import DoctorItem
from fixloop.report.documents import StaticReport
from fixloop.report.lines import line_at
from fixloop.report.trials import closest, trials
from fixloop.report.words import count, duration, one_line, printable
from fixloop.sandbox.gaps import STRONGEST, gaps_of

FAILURES_AT_MOST = 5
SUSPECTS_AT_MOST = 3
TRIALS_AT_MOST = 5
DIAGNOSTICS_AT_MOST = 10

YES, NO = Text("✓ ", "green"), Text("✗ ", "red")


class Hanging:
    """A first column once, and beside it text that wraps within the second. Never pads a line."""

    def __init__(self, head: Text, body: Text) -> None:
        self._head, self._body = head, body

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = self._body.wrap(console, max(20, options.max_width - self._head.cell_len))
        for number, line in enumerate(lines):
            margin = Text(" " * self._head.cell_len) if number else self._head
            yield Text.assemble(margin, line)


def failures(checks: Sequence[CheckResult], read: Read) -> RenderableType:
    """Each failing check: its id, where it fails, what that line says, and why."""
    blocks = [part for check in checks[:FAILURES_AT_MOST] for part in _failure(check, read)]
    more = len(checks) - FAILURES_AT_MOST
    return Group(*blocks, *([Text(f"  and {more} more", "dim")] if more > 0 else []))


def _failure(check: CheckResult, read: Read) -> Iterator[RenderableType]:
    yield Hanging(NO, Text(one_line(check.id), "bold"))
    if check.location:
        place = Text(f"{printable(check.location.path)}:{check.location.line}", "cyan")
        line = line_at(check.location.path, check.location.line, read)
        yield Hanging(Text("  "), Text.assemble(place, "  ", line))
    yield Hanging(Text("  "), Text(one_line(check.message or check.outcome.value), "red"))


def search(result: RepairResult) -> RenderableType:
    """One line: how much was tried and how long it took; with a fix, also where the fault was sought first."""
    tried = count(len(result.trajectory), "patch", "patches")
    places = ", ".join(_place(suspect) for suspect in result.suspects[:SUSPECTS_AT_MOST])
    said = f"{tried} tried of {result.candidates:,} proposed, {duration(result.wall_seconds)}"
    return Hanging(Text(""), Text(f"{said}; likeliest places: {places}" if places and result.finding else said, "dim"))


def _place(suspect: Suspect) -> str:
    return f"{printable(suspect.path)}:{suspect.line}"


def diff(text: str) -> RenderableType:
    """A coloured unified diff."""
    lines = [Text(printable(line), _style(line)) for line in text.replace("\r\n", "\n").splitlines()]
    return unwrapped(Text("\n").join(lines))


def unwrapped(text: Text) -> Text:
    """Lines that the terminal itself may fold, so that what is copied from them is whole."""
    text.no_wrap, text.overflow = True, "ignore"
    return text


def _style(line: str) -> str:
    if line.startswith(("--- ", "+++ ")):
        return "bold"
    return {"+": "green", "-": "red", "@": "cyan", "\\": "dim"}.get(line[:1], "")


def evidence(found: Sequence[Evidence]) -> RenderableType:
    """Every gate with its mark."""
    width = max((len(item.gate) for item in found), default=0)
    return Group(
        *(
            Hanging(
                Text.assemble("  ", YES if item.held else NO, f"{item.gate:<{width}}  "), Text(printable(item.detail))
            )
            for item in found
        )
    )


def stuck(result: RepairResult, read: Read) -> RenderableType:
    """What is worth knowing where no fix was found: suspects with their text, what was tried, what came closest."""
    parts: list[RenderableType] = []
    for number, suspect in enumerate(result.suspects[:SUSPECTS_AT_MOST]):
        label = Text("suspects  " if number == 0 else " " * 10, "dim")
        text = line_at(suspect.path, suspect.line, read)
        parts.append(Hanging(label, Text.assemble((_place(suspect), "cyan"), f"  {text}")))
    for number, trial in enumerate(trials(result.trajectory)[:TRIALS_AT_MOST]):
        label = Text("tried     " if number == 0 else " " * 10, "dim")
        name = printable(trial.origin)
        parts.append(Hanging(label, Text(f"{name}: {trial.attempts}, for example {one_line(trial.example, 80)}")))
    partial = closest(result.trajectory)
    if partial:
        total = len(partial.fixed) + len(partial.still_broken)
        said = (
            f"{one_line(partial.candidate.summary, 120)}: {len(partial.fixed)} of {count(total, 'failing test')} pass"
        )
        parts.append(Hanging(Text("closest   ", "dim"), Text(said)))
    return Group(*parts)


def surroundings(interpreter: str | None, python: str, tier: str | None, scope: str, grants: Grants) -> RenderableType:
    """With which Python, how confined, and over which checks the run was."""
    said = [
        f"Python: {interpreter} ({python})" if python else f"Python: {interpreter}" if interpreter else "",
        f"sandbox: {tier}" if tier else "",
        f"granted: {grants.words}" if grants else "",
        f"scope: {scope}" if scope else "",
    ]
    line = Hanging(Text(""), Text(printable("; ".join(part for part in said if part)), "dim"))
    # What the strongest tier leaves open is told by doctor; a weaker one has to say it each time.
    weaker = gaps_of(tier) if tier != STRONGEST else ()
    return Group(line, *(Hanging(Text("  gap: ", "yellow"), Text(gap, "yellow")) for gap in weaker))


def static(kind: str, report: StaticReport) -> RenderableType:
    """What a lint or type tool said."""
    if report.tool is None or report.note:
        return Hanging(Text(f"{kind}: ", "dim"), Text(printable(report.note), "dim"))
    found = report.diagnostics
    head = Text(f"{kind} ({report.tool}): {count(len(found), 'finding') if found else 'nothing found'}")
    lines = (
        Hanging(
            Text.assemble("  ", (f"{printable(item.path)}:{item.line}", "cyan"), f" {printable(item.code)} "),
            Text(one_line(item.message)),
        )
        for item in found[:DIAGNOSTICS_AT_MOST]
    )
    more = len(found) - DIAGNOSTICS_AT_MOST
    return Group(head, *lines, *([Text(f"  and {more} more", "dim")] if more > 0 else []))


def doctor(items: Sequence[DoctorItem]) -> RenderableType:
    """Every item under its area, with the remedy below what is amiss."""
    lines: list[RenderableType] = []
    area = ""
    width = max((len(item.name) for item in items), default=0)
    for item in items:
        if item.area != area:
            area = item.area
            lines.append(Text(area.capitalize(), "bold"))
        head = Text.assemble("  ", YES if item.ok else NO, f"{item.name:<{width}}  ")
        lines.append(Hanging(head, Text(printable(item.detail))))
        if item.remedy:
            lines.append(Hanging(Text(" " * head.cell_len), Text(printable(item.remedy), "yellow")))
    return Group(*lines)
