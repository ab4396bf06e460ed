"""What a repair tells its caller while it works, ending in exactly one Stopped."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum

from fixloop.records.attempt import Attempt, Candidate, Evidence, Suspect, Verdict
from fixloop.records.execution import CheckResult, Execution
from fixloop.records.settings import NO_GRANTS, Grants
from fixloop.records.source import Patch


class StopReason(Enum):
    """Why a repair ended: the value is a sentence for a person, ``code`` the word in machine-readable output."""

    VERIFIED = "A fix was found and verified."
    PLAUSIBLE_ONLY = "A patch makes the failing tests pass, but not every gate held, so it is not offered as a fix."
    EXHAUSTED = "Every candidate was tried and none makes the failing tests pass."
    BUDGET = "The budget ended before a fix was found."
    CANCELLED = "Cancelled. Nothing was changed."
    FLAKY = "The failing tests also pass without any change, so there is nothing to repair in the code."
    ENVIRONMENT = "The tests could not be run, so no repair was tried."
    NOTHING_FAILING = "No test is failing here."
    REFUSED = "The request could not be accepted."

    @property
    def code(self) -> str:
        """The documented word, for example ``plausible_only``."""
        return self.name.lower()


class Stage(StrEnum):
    """Where a repair is."""

    BASELINE = "running the tests"
    STABILITY = "checking that the failure is stable, and running the rest of the suite"
    SEARCH = "trying patches"
    JUDGE = "verifying a patch"


@dataclass(frozen=True)
class StageEntered:
    """A new stage began."""

    stage: Stage
    detail: str = ""


@dataclass(frozen=True)
class BaselineMeasured:
    """The unchanged code was run: ``targets`` are the checks that a fix must turn green."""

    execution: Execution
    targets: tuple[CheckResult, ...]


@dataclass(frozen=True)
class SuspectsRanked:
    """The likeliest places of the fault, best first."""

    suspects: tuple[Suspect, ...]


@dataclass(frozen=True)
class Attempted:
    """One candidate was run. ``number`` counts from 1; ``seconds_left`` of the budget."""

    attempt: Attempt
    number: int
    seconds_left: float


@dataclass(frozen=True)
class Outcomes:
    """Counts of the unchanged code's checks over the stated scope."""

    passed: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Finding:
    """A patch worth showing, with what is known of it."""

    candidate: Candidate
    patch: Patch
    verdict: Verdict
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class RepairResult:
    """Everything that a repair found out. ``finding`` is the fix, or the best plausible patch, or None."""

    reason: StopReason
    message: str
    finding: Finding | None = None
    alternatives: tuple[Finding, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    targets: tuple[CheckResult, ...] = ()
    trajectory: tuple[Attempt, ...] = ()
    candidates: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    baseline: Outcomes = Outcomes()
    scope: str = ""
    interpreter: str | None = None
    python: str = ""
    tier: str | None = None
    grants: Grants = NO_GRANTS
    notes: tuple[str, ...] = ()  # what a person should know of how the checks were run


@dataclass(frozen=True)
class Stopped:
    """The last event of every repair."""

    result: RepairResult


Event = StageEntered | BaselineMeasured | SuspectsRanked | Attempted | Stopped
