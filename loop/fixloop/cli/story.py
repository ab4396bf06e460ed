"""The result of a repair as text on standard output.

Piped, the text is input for ``git apply``: the diff is plain and in the files' own encodings, and no other line begins
as a line of a diff does.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from fixloop.cli.arguments import FixOptions
from fixloop.cli.render import render
from fixloop.cli.repaired import Repaired
from fixloop.cli.streams import Part, stdout_is_terminal
from fixloop.records.attempt import Verdict
from fixloop.records.events import Finding, RepairResult, StopReason
from fixloop.report import text
from fixloop.report.diff import diff_bytes, diff_text
from fixloop.report.question import next_question
from fixloop.report.words import one_line, printable

_NOT_FOR_GIT = re.compile(r"^(?=--- |\+\+\+ |@@ |diff --git |Index: )", re.MULTILINE)


def story(repaired: Repaired, options: FixOptions, cwd: Path) -> list[Part]:
    """The parts of the text, in order."""
    result, finding = repaired.result, repaired.result.finding
    shown = finding if finding and (finding.verdict is Verdict.VERIFIED or options.show_plausible) else None
    parts: list[Part] = [_prose(*_before(result, repaired))]
    if shown:
        parts += ["\n", _diff(shown, repaired, cwd), "\n"]
    parts.append(_prose(*_after(repaired, options, shown, cwd)))
    return parts


def _prose(*renderables: RenderableType) -> str:
    rendered = render(*renderables)
    return rendered if stdout_is_terminal() else _NOT_FOR_GIT.sub(" ", rendered)


def _before(result: RepairResult, repaired: Repaired) -> Iterator[RenderableType]:
    if result.targets:
        yield text.failures(result.targets, repaired.texts.read)
        yield ""
    if result.trajectory:
        yield text.search(result)
    if result.interpreter:
        yield text.surroundings(result.interpreter, result.python, result.tier, result.scope, result.grants)


def _diff(finding: Finding, repaired: Repaired, cwd: Path) -> Part:
    if stdout_is_terminal():
        return render(text.diff(diff_text(finding.patch, repaired.texts.read)))
    return diff_bytes(finding.patch, repaired.texts.read, lambda path: shown_as(path, repaired.place.root, cwd))


def shown_as(path: str, root: Path, cwd: Path) -> str:
    """A path from the root as ``git apply`` needs it in the current directory; unchanged where it lies elsewhere."""
    file, here = root / path, cwd.resolve()
    return file.relative_to(here).as_posix() if file.is_relative_to(here) else path


def _after(repaired: Repaired, options: FixOptions, shown: Finding | None, cwd: Path) -> Iterator[RenderableType]:
    result = repaired.result
    if result.reason is StopReason.VERIFIED and result.finding:
        yield Text(printable(result.message), "bold green")
    else:
        if result.interpreter and not shown:
            yield ""
        yield text.Hanging(Text(""), Text(printable(result.message), "bold"))
    if result.finding:
        yield text.evidence(result.finding.evidence)
    yield from _what_now(repaired, options, shown, cwd)


def _what_now(repaired: Repaired, options: FixOptions, shown: Finding | None, cwd: Path) -> Iterator[RenderableType]:
    result = repaired.result
    again = _again(options)
    match result.reason:
        case StopReason.VERIFIED:
            yield ""
            yield Text(printable(repaired.ending)) if repaired.ending else _how_to_apply(again, repaired, cwd)
        case StopReason.PLAUSIBLE_ONLY:
            yield text.Hanging(Text("next      ", "dim"), Text(next_question(result, repaired.texts.read)))
            if not shown:
                yield text.unwrapped(Text(f"The patch: {again} --show-plausible", "dim"))
        case StopReason.EXHAUSTED | StopReason.BUDGET | StopReason.FLAKY | StopReason.CANCELLED:
            yield text.stuck(result, repaired.texts.read)
            if result.targets:
                yield text.Hanging(Text("next      ", "dim"), Text(next_question(result, repaired.texts.read)))
                yield text.unwrapped(Text(f"The whole handoff note: {again} --json", "dim"))
        case StopReason.ENVIRONMENT | StopReason.NOTHING_FAILING | StopReason.REFUSED:
            return


def _again(options: FixOptions) -> str:
    """The command that makes the same repair again."""
    chosen = [
        ("--interpreter", options.interpreter),
        ("--test-command", options.test_command),
        ("--root", options.root),
        ("--seed", options.seed or None),
        *(("--allow-read", path) for path in options.grants.read),
        *(("--allow-port", port) for port in options.grants.ports),
        *(("--allow-env", name) for name in options.grants.env),
    ]
    words = [options.target, *(word for name, value in chosen if value for word in (name, str(value)))]
    return one_line(f"fixloop fix {shlex.join(words)}")


def _how_to_apply(again: str, repaired: Repaired, cwd: Path) -> Text:
    root = repaired.place.root
    patch = repaired.result.finding.patch if repaired.result.finding else None
    inside = patch is not None and all((root / path).is_relative_to(cwd.resolve()) for path in patch.paths)
    place = "" if inside else f" -C {shlex.quote(os.path.relpath(root, cwd.resolve()))}"
    commands = f"  {again} --apply\n  {again} | git{place} apply"
    return text.unwrapped(Text(f"Nothing was written. Either of these applies it:\n{commands}"))
