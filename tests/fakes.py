"""Real fakes for the engine's ports: small, deterministic, and honest about what was asked of them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fixloop.engine.common import Ports
from fixloop.engine.stacking import Stacked
from fixloop.ports import Brief, Cancelled, RunRequest, Unreadable
from fixloop.records.attempt import Attempt, Candidate, Provenance
from fixloop.records.execution import CheckResult, Execution, Failure, Frame, Location, Outcome, Problem
from fixloop.records.source import Patch, SourceText, edit_between

Judgement = Callable[[Mapping[str, str]], Mapping[str, Outcome]]
"""The texts of all files -> the outcome of every check; a run that leaves one missing was cut off."""


@dataclass
class FakeSources:
    """Texts by path; everything but tests is editable."""

    texts: Mapping[str, str]

    def read(self, path: str) -> SourceText:
        if path not in self.texts:
            raise Unreadable(f"{path} cannot be read: it is not there.")
        return SourceText(path, self.texts[path].encode())

    def editable(self, path: str) -> bool:
        return not path.startswith("test")


@dataclass
class FakeCancellation:
    """Requested after a number of questions, or never."""

    after: int | None = None
    asked: int = 0

    def requested(self) -> bool:
        self.asked += 1
        return self.after is not None and self.asked > self.after


@dataclass
class FakeClock:
    """Each look costs ``step`` seconds."""

    step: float = 0.0
    now: float = 0.0

    def wall(self) -> float:
        self.now += self.step
        return self.now

    def cpu(self) -> float:
        return 0.0


@dataclass
class FakeEvaluator:
    """Runs checks by asking a function of the texts. ``flaky`` checks fail in the first ``failing_runs`` only."""

    sources: FakeSources
    judgement: Judgement
    cancellation: FakeCancellation = field(default_factory=FakeCancellation)
    flaky: frozenset[str] = frozenset()
    problem: Problem | None = None
    failing_runs: int = 1
    takes_seconds: float = 0.0
    requests: list[RunRequest] = field(default_factory=list)
    screened: list[Candidate] = field(default_factory=list)
    closed: bool = False

    def run(self, request: RunRequest) -> Execution:
        if self.cancellation.requested():
            raise Cancelled
        fails = len(self.requests) < self.failing_runs
        self.requests.append(request)
        sources = Stacked(self.sources, request.patch) if request.patch else self.sources
        texts = {path: sources.read(path).text for path in self.sources.texts}
        results: list[CheckResult] = []
        complete = True
        for check, outcome in self.judgement(texts).items():
            if request.checks and not any(check == asked or check.startswith(f"{asked}::") for asked in request.checks):
                continue
            if outcome is Outcome.MISSING:
                complete = False
                continue
            if outcome is Outcome.PASSED and self.takes_seconds > request.check_seconds:
                outcome = Outcome.TIMEOUT
            passes = check in self.flaky and not fails
            results.append(_result(check, Outcome.PASSED if passes else outcome))
        lines = {path: frozenset(range(1, text.count("\n") + 1)) for path, text in texts.items()}
        spectrum = {result.id: lines for result in results} if request.spectrum else {}
        return Execution(
            tuple(results), "fake", "none", 0.01, 0.02, problem=self.problem, complete=complete, spectrum=spectrum
        )

    def run_all(self, requests: Sequence[RunRequest]) -> tuple[Execution, ...]:
        return tuple(map(self.run, requests))

    def screen(
        self, candidates: Iterable[Candidate], request: RunRequest
    ) -> Generator[tuple[Candidate, Execution], None, None]:
        try:
            for candidate in candidates:
                self.screened.append(candidate)
                yield candidate, self.run(replace(request, patch=candidate.patch))
        finally:
            self.closed = True


def _result(check: str, outcome: Outcome) -> CheckResult:
    path = check.partition("::")[0]
    failure = Failure("AssertionError", "assert 1 == 2", (Frame(path, 1, "test"),)) if outcome.is_broken else None
    return CheckResult(check, outcome, 0.001, Location(path, 1), failure)


@dataclass
class FakeProposer:
    """Offers ``rewrites`` (old text, new text) of every file of the suspects, in their order."""

    rewrites: tuple[tuple[str, str], ...]
    briefs: list[Brief] = field(default_factory=list)

    def propose(self, brief: Brief) -> Iterator[Candidate]:
        self.briefs.append(brief)
        suspects = {suspect.path: suspect for suspect in reversed(brief.suspects)}
        for old, new in self.rewrites:
            for path, suspect in sorted(suspects.items()):
                source = brief.sources.read(path)
                if old in source.text:
                    patch = Patch((edit_between(source, source.text.replace(old, new)),))
                    yield Candidate(patch, (Provenance("template", "fake"),), suspect, 1.0, f"replace {old} by {new}")


@dataclass
class FakeRecorder:
    """Keeps attempts, and how many had been kept when each was recorded."""

    attempts: list[Attempt] = field(default_factory=list)

    def record(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)


@dataclass
class World:
    """One fake workspace with everything that the engine asks for."""

    texts: Mapping[str, str]
    judgement: Judgement
    rewrites: tuple[tuple[str, str], ...] = ()
    flaky: frozenset[str] = frozenset()
    problem: Problem | None = None
    failing_runs: int = 1
    takes_seconds: float = 0.0
    cancel_after: int | None = None
    step: float = 0.0

    def __post_init__(self) -> None:
        self.sources = FakeSources(self.texts)
        self.cancellation = FakeCancellation(self.cancel_after)
        self.evaluator = FakeEvaluator(
            self.sources,
            self.judgement,
            self.cancellation,
            self.flaky,
            self.problem,
            self.failing_runs,
            self.takes_seconds,
        )
        self.proposer = FakeProposer(self.rewrites)
        self.recorder = FakeRecorder()
        self.ports = Ports(
            self.evaluator, self.proposer, self.sources, self.recorder, FakeClock(self.step), self.cancellation
        )
