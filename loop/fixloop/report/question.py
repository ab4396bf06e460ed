"""The one question whose answer would help most, chosen by how the repair ended."""

from __future__ import annotations

from fixloop.records.events import RepairResult, StopReason
from fixloop.records.execution import CheckResult
from fixloop.report.diff import Read
from fixloop.report.lines import line_at
from fixloop.report.trials import closest
from fixloop.report.words import one_line

VALUES_AT_MOST = 4


def next_question(result: RepairResult, read: Read) -> str:
    """A sentence or two for a person, without markup."""
    match result.reason:
        case StopReason.FLAKY:
            return (
                "What differs between two runs of the same test: the clock, the order, random numbers, a cache, "
                "something outside? Make that fixed first; then there is something to repair."
            )
        case StopReason.ENVIRONMENT:
            return "Do these tests run with this interpreter outside fixloop? `fixloop doctor` says what is missing."
        case StopReason.PLAUSIBLE_ONLY:
            return _about_gates(result)
        case StopReason.CANCELLED:
            return "Run it again to go on: nothing was changed, and the same seed tries the same patches in order."
        case (
            StopReason.EXHAUSTED
            | StopReason.BUDGET
            | StopReason.VERIFIED
            | StopReason.NOTHING_FAILING
            | StopReason.REFUSED
        ):
            return _about_the_rest(result) or _about_the_suspect(result, read)


def _about_gates(result: RepairResult) -> str:
    evidence = result.finding.evidence if result.finding else ()
    details = " ".join(one_line(found.detail) for found in evidence if not found.held)
    return f"The patch makes the failing tests pass, at a price: {details} Is that what you want, or what rules it out?"


def _about_the_rest(result: RepairResult) -> str:
    partial = closest(result.trajectory)
    if partial is None:
        return ""
    return f"What does {one_line(partial.still_broken[0])} need beyond the closest patch so far?"


def _about_the_suspect(result: RepairResult, read: Read) -> str:
    failing = next(iter(result.targets), None)
    if failing is None or not result.suspects:
        return "Is the test itself right? No line that a fix may change takes part in the failure."
    suspect = result.suspects[0]
    text = line_at(suspect.path, suspect.line, read)
    shown = f" ({text})" if text else ""
    return (
        f"What should {suspect.path}:{suspect.line}{shown} do{_with_values(failing)}? "
        f"{one_line(failing.id)} says: {one_line(failing.message or failing.outcome.value)}"
    )


def _with_values(check: CheckResult) -> str:
    frames = check.failure.frames if check.failure else ()
    values = next((frame.values for frame in reversed(frames) if frame.values), ())
    named = ", ".join(f"{name} = {one_line(value, 60)}" for name, value in values[:VALUES_AT_MOST])
    return f" with {named}" if named else ""
