"""From what the probe reported to an Execution: a check that did not report has not passed."""

from __future__ import annotations

import difflib
import json
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fixloop.evaluate.project import python_files
from fixloop.probe import wire
from fixloop.records.execution import (
    CheckResult,
    Execution,
    Failure,
    Frame,
    Location,
    Outcome,
    Problem,
    ProblemKind,
    one_a_check,
)
from fixloop.sandbox.run import Completed, Ended, Limits, Tier, hints

_INTERRUPTED, _INTERNAL_ERROR, _USAGE_ERROR, _NOTHING_COLLECTED = 2, 3, 4, 5

_USUAL = Limits(wall_seconds=60)

_SAME_MESSAGE = "Run pytest yourself to see the whole message; a plugin or its configuration may be at fault."


def read_execution(
    completed: Completed,
    token: str,
    interpreter: str,
    tier: str,
    root: Path,
    check_seconds: float,
    limits: Limits = _USUAL,
) -> Execution:
    """Everything that one run showed. Lines without the run's token are ignored.

    ``check_seconds`` is what one check was allowed: the end of the run says nothing of a check that had time left.
    ``limits``: those of the run, to name the one that may be behind a failure.
    """
    found: list[CheckResult] = []
    spectrum: dict[str, dict[str, frozenset[int]]] = {}
    expected: list[str] = []
    running: dict[str, Any] | None = None
    end: int | None = None
    no_pytest = ready = False
    for record in _records(completed.channel, token):
        match record["kind"]:
            case wire.READY:
                ready = True
            case wire.COLLECTED:
                expected = list(record["ids"])
            case wire.STARTED:
                running = record
            case wire.RESULT:
                running = None
                found.append(read_result(record, Tier(tier), limits))
            case wire.LINES:
                spectrum[record["id"]] = {path: frozenset(lines) for path, lines in record["lines"].items()}
            case wire.PROBLEM:
                no_pytest = record["what"] == wire.NO_PYTEST
            case wire.END:
                end = record["status"]
            case _:
                pass
    if running is not None:
        found += _unfinished(running, completed, check_seconds)
    results = one_a_check(found)
    output = completed.output.decode("utf-8", "replace")
    problem = _problem(completed, end, ready, no_pytest, output, interpreter, results, expected, root)
    return Execution(
        results=tuple(results.values()),
        interpreter=interpreter,
        tier=tier,
        wall_seconds=completed.wall_seconds,
        cpu_seconds=completed.cpu_seconds,
        problem=problem,
        limit="" if completed.ended is Ended.NOT_STARTED else completed.detail,
        notes=completed.notes,
        complete=end not in {None, _INTERNAL_ERROR} and all(check in results for check in expected),
        spectrum=spectrum,
        output=output,
    )


def _records(channel: bytes, token: str) -> Iterator[dict[str, Any]]:
    for line in channel.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("token") == token:  # pyright: ignore[reportUnknownMemberType]
            yield record


def read_result(record: dict[str, Any], tier: Tier, limits: Limits = _USUAL) -> CheckResult:
    """What one RESULT says; ``limits``: those of the run, to name the one that may be behind a failure."""
    outcome = Outcome(record["outcome"])
    location = Location(record["path"], max(record["line"], 1)) if record["path"] else None
    failure = None
    if "exception" in record:
        frames = tuple(
            Frame(path, line, function, tuple((name, value) for name, value in values))
            for path, line, function, values in record["frames"]
        )
        said = hints(f"{record['exception']}: {record['message']}", limits, tier)
        failure = Failure(record["exception"], record["message"], frames, " ".join(said))
        if not record["line"] and frames:  # a file that could not be collected: where it broke is all there is
            location = Location(frames[-1].path, frames[-1].line)
    return CheckResult(record["id"], outcome, record["seconds"], location, failure)


def _unfinished(started: dict[str, Any], completed: Completed, check_seconds: float) -> Iterator[CheckResult]:
    """What may be said of the check during which the run ended: nothing, if it was merely its turn."""
    check: str = started["id"]
    seconds = completed.wall_seconds - started["after"]
    place = Location(check.partition("::")[0], 1)
    match completed.ended:
        case Ended.WALL_LIMIT:
            if seconds >= check_seconds:
                failure = Failure("Timeout", f"did not end within {seconds:.0f} s")
                yield CheckResult(check, Outcome.TIMEOUT, seconds, place, failure)
            return
        case Ended.CPU_LIMIT:
            if seconds >= check_seconds:
                yield CheckResult(check, Outcome.TIMEOUT, seconds, place, Failure("CpuLimit", completed.detail))
            return
        case Ended.MEMORY_LIMIT:
            failure = Failure("MemoryLimit", completed.detail)
        case Ended.OUTPUT_LIMIT:
            failure = Failure("OutputLimit", completed.detail)
        case Ended.EXITED | Ended.CANCELLED | Ended.NOT_STARTED:
            failure = Failure("Crash", f"the process ended during this test ({_status(completed)})")
    yield CheckResult(check, Outcome.CRASHED, 0.0, place, failure)


def _status(completed: Completed) -> str:
    if completed.status is None:
        return "no exit status"
    return f"signal {-completed.status}" if completed.status < 0 else f"exit status {completed.status}"


def _problem(
    completed: Completed,
    end: int | None,
    ready: bool,  # noqa: FBT001
    no_pytest: bool,  # noqa: FBT001
    output: str,
    interpreter: str,
    results: dict[str, CheckResult],
    expected: list[str],
    root: Path,
) -> Problem | None:
    if completed.ended is Ended.NOT_STARTED:
        return Problem(ProblemKind.SANDBOX, completed.detail, "Run `fixloop doctor` to see what the sandbox needs.")
    if not results and completed.ended in {Ended.CPU_LIMIT, Ended.MEMORY_LIMIT, Ended.OUTPUT_LIMIT}:
        remedy = "Look for code that does so when it is imported, or name fewer tests."
        return Problem(ProblemKind.LIMIT, f"No test ended. {completed.detail}", remedy)
    if no_pytest:
        message = f"pytest is not installed in {interpreter}."
        return Problem(ProblemKind.NO_PYTEST, message, "Install it there, or choose another interpreter.")
    if not ready:
        return Problem(
            ProblemKind.NO_INTERPRETER,
            f"{interpreter} did not start inside the sandbox: {_last_line(output) or _status(completed)}",
            "Choose another interpreter, or run `fixloop doctor`.",
        )
    if results:
        return missing_package(results, root, interpreter) or _stopped(end, results, expected, output)
    if end == _NOTHING_COLLECTED:
        return Problem(ProblemKind.NO_TESTS, "No tests were found here.", "Name a test file, or write a failing test.")
    if end == _USAGE_ERROR:
        return _usage_problem(output, root, interpreter)
    if end in {_INTERRUPTED, _INTERNAL_ERROR}:
        message = f"pytest stopped before it ran a test: {_why_it_stopped(output)}"
        return Problem(ProblemKind.BAD_CONFIGURATION, message, _SAME_MESSAGE)
    if completed.ended is Ended.WALL_LIMIT and expected:
        message = f"No test ended within {completed.wall_seconds:.0f} s."
        return Problem(ProblemKind.TIMEOUT, message, "Allow more time, or name fewer tests.")
    if completed.ended is Ended.WALL_LIMIT:
        message = f"The tests were not even collected within {completed.wall_seconds:.0f} s."
        return Problem(ProblemKind.TIMEOUT, message, "Look for code that hangs when it is imported.")
    if end is None:
        message = f"The test process died before any test ran ({_status(completed)}): {_last_line(output)}"
        return Problem(ProblemKind.CRASHED, message, "Run pytest on this file to see how it dies.")
    return None


def _stopped(end: int | None, results: dict[str, CheckResult], expected: list[str], output: str) -> Problem | None:
    """pytest gave up although every check so far was fine: nothing in the code explains the checks that are missing."""
    if end not in {_INTERRUPTED, _INTERNAL_ERROR} or any(result.outcome.is_broken for result in results.values()):
        return None
    left = sum(check not in results for check in expected)
    message = f"pytest stopped with {left} of {len(expected)} tests not run: {_why_it_stopped(output)}"
    return Problem(ProblemKind.BAD_CONFIGURATION, message, _SAME_MESSAGE)


def _why_it_stopped(output: str) -> str:
    said = re.findall(r"^(?:INTERNALERROR> |!+ )(\S.*)", output, re.MULTILINE)
    return textwrap.shorten(said[-1] if said else _last_line(output), 200, placeholder=" …")


def _usage_problem(output: str, root: Path, interpreter: str) -> Problem:
    missing = re.search(r"ModuleNotFoundError: No module named '([\w.]+)'", output)
    if missing and not _is_near_miss(missing.group(1), root):
        return _no_package(missing.group(1), interpreter)
    not_found = re.search(r"not found: (.+)", output)
    if not_found:
        message = f"pytest finds no such test: {not_found.group(1)}"
        return Problem(ProblemKind.NO_TESTS, message, "Check the test's name.")
    errors = re.findall(r"(?:^|: )(?:error|ERROR): (.+)|^E +(.+)", output, re.MULTILINE)
    parts = dict.fromkeys(part for pair in errors for part in pair if part and not part.startswith("usage:"))
    said = textwrap.shorten(" ".join([*parts][:2]) or _last_line(output), 200, placeholder=" …")
    return Problem(ProblemKind.BAD_CONFIGURATION, f"pytest refused to start: {said.rstrip('.')}.", _SAME_MESSAGE)


def missing_package(results: dict[str, CheckResult], root: Path, interpreter: str) -> Problem | None:
    """Named only when every check that ran was stopped by the same kind of absence: then no patch can help."""
    names: list[str] = []
    for result in results.values():
        if result.outcome is Outcome.SKIPPED:
            continue
        if result.failure is None or result.failure.exception != "ModuleNotFoundError":
            return None
        found = re.search(r"No module named '([\w.]+)'", result.failure.message)
        if found is None or _is_near_miss(found.group(1), root):
            return None
        names.append(found.group(1))
    return _no_package(names[0], interpreter) if names else None


def _no_package(name: str, interpreter: str) -> Problem:
    package = name.partition(".")[0]
    remedy = f"Install what provides `{package}` there, or choose the project's own interpreter."
    return Problem(ProblemKind.MISSING_PACKAGE, f"The module `{name}` is not installed in {interpreter}.", remedy)


def _is_near_miss(name: str, root: Path) -> bool:
    """True when the name is probably a slip in the code: the project has it, or something is almost spelt like it."""
    top = name.partition(".")[0]
    own = {part for file in python_files(root) for part in file.removesuffix(".py").split("/")}
    return top in own or bool(difflib.get_close_matches(top, own | sys.stdlib_module_names, 1, 0.87))


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.strip().splitlines() if line.strip()]
    return lines[-1] if lines else ""
