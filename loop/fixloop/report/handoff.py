"""The handoff note: what a person needs to go on where a repair stopped. Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fixloop.ports import Unreadable
from fixloop.records.events import RepairResult, StopReason
from fixloop.records.execution import CheckResult
from fixloop.records.source import Patch, StaleText
from fixloop.report.diff import Read, diff_text
from fixloop.report.lines import line_at
from fixloop.report.question import next_question
from fixloop.report.trials import closest, trials
from fixloop.report.words import count, duration, one_line, printable
from fixloop.sandbox.gaps import STRONGEST, gaps_of

FAILURES_AT_MOST = 10
VALUES_AT_MOST = 12
SUSPECTS_AT_MOST = 5
TRIALS_AT_MOST = 12


def handoff(result: RepairResult, asked: str, read: Read) -> str | None:
    """The note for a repair of what the user named ``asked``; None where there is nothing to hand over."""
    match result.reason:
        case StopReason.VERIFIED | StopReason.NOTHING_FAILING | StopReason.REFUSED:
            return None
        case (
            StopReason.PLAUSIBLE_ONLY
            | StopReason.EXHAUSTED
            | StopReason.BUDGET
            | StopReason.CANCELLED
            | StopReason.FLAKY
            | StopReason.ENVIRONMENT
        ):
            sections = (
                ("", _asked(result, asked)),
                ("What fails", _failures(result)),
                ("Where the fault probably is", _suspects(result, read)),
                ("What was tried", _tried(result)),
                ("Closest patch so far", _best(result, read)),
                ("Next question", iter([next_question(result, read)])),
            )
    parts = [_section(title, list(lines)) for title, lines in sections]
    return "\n".join(part for part in parts if part)


def _section(title: str, lines: list[str]) -> str:
    body = "".join(f"{line}\n" for line in lines)
    return f"## {title}\n\n{body}" if title and body else body


def _asked(result: RepairResult, asked: str) -> Iterator[str]:
    yield f"# Handoff: {_code(asked)}"
    yield ""
    yield printable(result.message)
    if result.interpreter:
        yield ""
        granted = f", with {printable(result.grants.words)}" if result.grants else ""
        yield (
            f"Run with {_code(result.interpreter)} in the sandbox tier {_code(result.tier or 'unknown')}{granted}; "
            f"scope: {printable(result.scope)}. Before any change {count(result.baseline.failed, 'test')} failed and "
            f"{result.baseline.passed} passed."
        )
        gaps = gaps_of(result.tier) if result.tier != STRONGEST else ()
        yield from (["", "This tier has gaps:", "", *(f"- {gap}" for gap in gaps)] if gaps else [])


def _failures(result: RepairResult) -> Iterator[str]:
    for check in result.targets[:FAILURES_AT_MOST]:
        place = f" at {_code(f'{check.location.path}:{check.location.line}')}" if check.location else ""
        yield f"- {_code(check.id)}{place}: {_code(check.message or check.outcome.value)}"
        yield from _values(check)
    more = len(result.targets) - FAILURES_AT_MOST
    if more > 0:
        yield f"- and {more} more"


def _values(check: CheckResult) -> Iterator[str]:
    frames = check.failure.frames if check.failure else ()
    for frame in reversed(frames):
        if frame.values:
            named = ", ".join(_code(f"{name} = {value}") for name, value in frame.values[:VALUES_AT_MOST])
            yield f"  - in {_code(frame.function)}, {_code(f'{frame.path}:{frame.line}')}: {named}"


def _suspects(result: RepairResult, read: Read) -> Iterator[str]:
    for suspect in result.suspects[:SUSPECTS_AT_MOST]:
        text = line_at(suspect.path, suspect.line, read)
        shown = f": {_code(text)}" if text else ""
        yield f"- {_code(f'{suspect.path}:{suspect.line}')} ({suspect.score:.2f}){shown}"


def _tried(result: RepairResult) -> Iterator[str]:
    if not result.trajectory:
        return
    tried, took = count(len(result.trajectory), "patch", "patches"), duration(result.wall_seconds)
    yield f"{tried} in {took}. By kind, with the commonest reason for failing:"
    yield ""
    summed = trials(result.trajectory)
    for trial in summed[:TRIALS_AT_MOST]:
        yield (
            f"- {_code(trial.origin)}, {trial.attempts} tried, for example {printable(trial.example)}: "
            f"{_code(trial.critique)} ({count(trial.times, 'time')})"
        )
    rest = summed[TRIALS_AT_MOST:]
    if rest:
        yield f"- {count(len(rest), 'other kind')}, {sum(trial.attempts for trial in rest)} tried"


def _best(result: RepairResult, read: Read) -> Iterator[str]:
    partial = closest(result.trajectory)
    if result.finding:
        patch, held = result.finding.patch, [found for found in result.finding.evidence if not found.held]
        yield "Not verified. " + " ".join(f"The gate {_code(found.gate)}: {printable(found.detail)}" for found in held)
    elif partial:
        patch = partial.candidate.patch
        total = len(partial.fixed) + len(partial.still_broken)
        yield f"Not a fix: {len(partial.fixed)} of {count(total, 'failing test')} pass with it."
    else:
        return
    yield ""
    yield from _fenced(patch, read)


def _fenced(patch: Patch, read: Read) -> Iterator[str]:
    try:
        diff = diff_text(patch, read)
    except (StaleText, Unreadable) as error:
        yield f"Its diff cannot be shown: {printable(str(error))}."
        return
    fence = "`" * max(3, _longest_run(diff) + 1)
    shown = printable(diff.replace("\r\n", "\n"))
    yield f"{fence}diff\n{shown}{fence}"


def _code(text: str) -> str:
    """A Markdown code span of one line, whatever the text holds."""
    flat = one_line(text)
    ticks = "`" * (_longest_run(flat) + 1)
    pad = " " if flat.startswith("`") or flat.endswith("`") else ""
    return f"{ticks}{pad}{flat}{pad}{ticks}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
