"""The one word, and the one sentence, for an evaluation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from fixloop.records.execution import CheckResult, Execution, Outcome, Problem, ProblemKind
from fixloop.report.words import count, duration


class Status(StrEnum):
    """How an evaluation ended."""

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"  # a limit ended it, and nothing else was amiss
    ENVIRONMENT = "environment"
    NO_TESTS = "no_tests"
    REFUSED = "refused"
    CANCELLED = "cancelled"


def status_of(execution: Execution) -> Status:
    """A failing test outweighs a limit; a limit or a crash alone is no verdict about the code."""
    if execution.problem is not None:
        return _status_of_problem(execution.problem)
    outcomes = {result.outcome for result in execution.results}
    if outcomes & {Outcome.FAILED, Outcome.ERROR}:
        return Status.FAILED
    if Outcome.CRASHED in outcomes:
        return Status.ENVIRONMENT
    if Outcome.TIMEOUT in outcomes or not execution.complete:
        return Status.TIMEOUT
    if Outcome.MISSING in outcomes:
        return Status.ENVIRONMENT
    return Status.PASSED if outcomes else Status.NO_TESTS


def _status_of_problem(problem: Problem) -> Status:
    match problem.kind:
        case ProblemKind.NO_TESTS:
            return Status.NO_TESTS
        case ProblemKind.TIMEOUT:
            return Status.TIMEOUT
        case (
            ProblemKind.NO_INTERPRETER
            | ProblemKind.NO_PYTEST
            | ProblemKind.MISSING_PACKAGE
            | ProblemKind.BAD_CONFIGURATION
            | ProblemKind.CRASHED
            | ProblemKind.LIMIT
            | ProblemKind.SANDBOX
        ):
            return Status.ENVIRONMENT


def sentence(execution: Execution) -> str:
    """What was run and how it went."""
    if execution.problem is not None:
        return f"{execution.problem.message} {execution.problem.remedy}".strip()
    if not execution.results and execution.complete:
        return "No test was found."
    took = f"in {duration(execution.wall_seconds)}"
    ended = "" if execution.complete else " The run ended before every test had reported."
    limit = f" {execution.limit}" if execution.limit else ""
    return f"{tally(execution.results) or 'No test ended'} {took}.{ended}{limit}"


def tally(results: Sequence[CheckResult]) -> str:
    """``3 passed, 1 failed``, in the order in which people look for it."""
    counted = Counter(result.outcome for result in results)
    words = {
        Outcome.ERROR: count(counted[Outcome.ERROR], "error"),
        Outcome.TIMEOUT: f"{counted[Outcome.TIMEOUT]} timed out",
    }
    return ", ".join(words.get(outcome, f"{counted[outcome]} {outcome}") for outcome in _ORDER if counted[outcome])


_ORDER = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.TIMEOUT,
    Outcome.CRASHED,
    Outcome.MISSING,
    Outcome.PASSED,
    Outcome.SKIPPED,
    Outcome.XFAILED,
    Outcome.XPASSED,
)
