"""What the repair has learnt and spent so far: the only mutable state of the loop."""

from __future__ import annotations

from collections.abc import Iterator

from fixloop.engine.common import Ending
from fixloop.ports import Clock, Recorder
from fixloop.records.attempt import Attempt, Candidate, Suspect, Verdict
from fixloop.records.events import Attempted, Finding, Outcomes, RepairResult
from fixloop.records.execution import CheckResult, Execution
from fixloop.records.settings import NO_GRANTS
from fixloop.records.task import Task


class Ledger:
    """Counts, findings and time of one repair."""

    def __init__(self, task: Task, clock: Clock, recorder: Recorder) -> None:
        self._task = task
        self._clock = clock
        self._recorder = recorder
        self._began_wall, self._began_cpu = clock.wall(), clock.cpu()
        self._sandbox_cpu = 0.0
        self._trajectory: list[Attempt] = []
        self._findings: list[Finding] = []
        self._interpreter: str | None = None
        self._python = ""
        self._tier: str | None = None
        self._grants = NO_GRANTS
        self._notes: dict[str, None] = {}
        self.candidates = 0
        self.suspects: tuple[Suspect, ...] = ()
        self.targets: tuple[CheckResult, ...] = ()
        self.flaky: tuple[str, ...] = ()  # targets that were seen to pass without any change
        self.outcomes = Outcomes()
        self.scope = task.selection.scope

    @property
    def attempts(self) -> int:
        """How many candidates were run."""
        return len(self._trajectory)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Patches that make every target pass, in the order found."""
        return tuple(self._findings)

    def seconds_left(self) -> float:
        """Of the budget; never negative."""
        return max(0.0, self._task.budget.seconds - (self._clock.wall() - self._began_wall))

    def ran(self, execution: Execution) -> Execution:
        """Account for an execution."""
        self._sandbox_cpu += execution.cpu_seconds
        self._interpreter, self._python, self._tier = execution.interpreter, execution.python, execution.tier
        self._grants = execution.grants
        self._notes.update(dict.fromkeys(execution.notes))
        return execution

    def counted(self, candidates: Iterator[Candidate]) -> Iterator[Candidate]:
        """The same candidates, counted as they are taken."""
        for candidate in candidates:
            self.candidates += 1
            yield candidate

    def record(self, attempt: Attempt) -> Attempted:
        """Store an attempt before anything else happens."""
        self._recorder.record(attempt)
        self._trajectory.append(attempt)
        return Attempted(attempt, self.attempts, self.seconds_left())

    def found(self, finding: Finding) -> None:
        """Keep a patch that makes every target pass."""
        self._findings.append(finding)

    def result(self, ending: Ending) -> RepairResult:
        """Everything, for the last event."""
        verified = [finding for finding in self._findings if finding.verdict is Verdict.VERIFIED]
        best = next(iter(verified or self._findings), None)
        return RepairResult(
            reason=ending.reason,
            message=ending.message,
            finding=best,
            alternatives=tuple(finding for finding in self._findings if finding is not best),
            suspects=self.suspects,
            targets=self.targets,
            trajectory=tuple(self._trajectory),
            candidates=self.candidates,
            wall_seconds=self._clock.wall() - self._began_wall,
            cpu_seconds=self._clock.cpu() - self._began_cpu + self._sandbox_cpu,
            baseline=self.outcomes,
            scope=self.scope,
            interpreter=self._interpreter,
            python=self._python,
            tier=self._tier,
            grants=self._grants,
            notes=tuple(self._notes),
        )
