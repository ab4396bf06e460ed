"""What a run of the checks showed.

Infrastructure outcomes (timeout, crash, missing) are kept apart from test outcomes: none of them is ever "failed",
and none is ever "passed".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The result of one check."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # fixture or collection raised
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    TIMEOUT = "timeout"  # infrastructure: stopped by a limit
    CRASHED = "crashed"  # infrastructure: the process died during it
    MISSING = "missing"  # infrastructure: expected, never reported

    @property
    def is_broken(self) -> bool:
        """True for what a repair may be asked about: the check ran, or tried to, and did not pass."""
        return self in _BROKEN


_BROKEN = {Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.CRASHED}


@dataclass(frozen=True)
class Location:
    """A place in the workspace: POSIX path from its root, 1-based line."""

    path: str
    line: int


@dataclass(frozen=True)
class Frame:
    """One frame of a traceback, with the text of its simple local values where they were recorded."""

    path: str
    line: int
    function: str
    values: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Failure:
    """Why a check did not pass: exception type, its message, and the workspace's frames, outermost first."""

    exception: str
    message: str
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome. ``location`` is the failing assertion where there is one, else the check's definition."""

    id: str
    outcome: Outcome
    seconds: float = 0.0
    location: Location | None = None
    failure: Failure | None = None

    @property
    def message(self) -> str | None:
        """One line a person can read, or None for a check that passed."""
        if self.failure is None:
            return None
        first = self.failure.message.strip().splitlines()
        return f"{self.failure.exception}: {first[0]}" if first else self.failure.exception


def one_a_check(results: Iterable[CheckResult]) -> dict[str, CheckResult]:
    """One result for each id: a check that ran more than once has passed only if it passed every time."""
    kept: dict[str, CheckResult] = {}
    for result in results:
        earlier = kept.get(result.id)
        if earlier is None or earlier.outcome is Outcome.PASSED or result.outcome.is_broken:
            kept[result.id] = result
    return kept


class ProblemKind(StrEnum):
    """Why the checks could not be run at all."""

    NO_INTERPRETER = "no_interpreter"
    NO_PYTEST = "no_pytest"
    MISSING_PACKAGE = "missing_package"
    BAD_CONFIGURATION = "bad_configuration"
    NO_TESTS = "no_tests"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    SANDBOX = "sandbox"


@dataclass(frozen=True)
class Problem:
    """An environment failure: what happened and what to do, never a verdict about the code."""

    kind: ProblemKind
    message: str
    remedy: str


Spectrum = Mapping[str, Mapping[str, frozenset[int]]]
"""check id -> path -> 1-based lines that the check ran; under AT_IMPORT those that ran while tests were collected."""

AT_IMPORT = ""


def _no_spectrum() -> Spectrum:
    return {}


@dataclass(frozen=True)
class Execution:
    """One run: results in the order in which the checks ended, at most one a check."""

    results: tuple[CheckResult, ...]
    interpreter: str  # its path
    tier: str
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    problem: Problem | None = None
    complete: bool = True  # False when a limit ended the run before every check had reported
    spectrum: Spectrum = field(default_factory=_no_spectrum)
    python: str = ""  # version and origin of the interpreter, for a person
    output: str = ""  # tail of what the run printed, for a person
    notes: tuple[str, ...] = ()  # sentences for a person about this run

    def outcome(self, check: str) -> Outcome:
        """The outcome of a check; MISSING when it did not report."""
        result = self.result(check)
        return result.outcome if result else Outcome.MISSING

    def result(self, check: str) -> CheckResult | None:
        """The record of a check, if it reported."""
        return self._by_id.get(check)

    @property
    def _by_id(self) -> Mapping[str, CheckResult]:
        cached: Mapping[str, CheckResult] | None = self.__dict__.get("_index")
        if cached is None:
            cached = {result.id: result for result in self.results}
            self.__dict__["_index"] = cached
        return cached

    @property
    def broken(self) -> tuple[CheckResult, ...]:
        """The checks that ran and did not pass."""
        return tuple(result for result in self.results if result.outcome.is_broken)

    @property
    def passed(self) -> tuple[str, ...]:
        """The ids of the checks that passed."""
        return tuple(result.id for result in self.results if result.outcome is Outcome.PASSED)
