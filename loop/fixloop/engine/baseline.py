"""Measure the unchanged code: what fails, whether it fails reliably, and what must not get worse."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from fixloop.engine.common import Ending, Ports, count
from fixloop.engine.ledger import Ledger
from fixloop.ports import RunRequest
from fixloop.records.events import BaselineMeasured, Event, Outcomes, Stage, StageEntered, StopReason
from fixloop.records.execution import CheckResult, Execution, Outcome, Problem, Spectrum
from fixloop.records.source import Patch
from fixloop.records.task import Task

STABILITY_RUNS = 2
SHARE_OF_TARGETS, SHARE_OF_SUITE, SHARE_OF_STABILITY = 0.5, 0.3, 0.1  # of the budget, at most


@dataclass(frozen=True)
class Baseline:
    """The unchanged code's outcomes.

    ``requests`` are the sets of pytest arguments that together run every check in ``targets`` and ``passed``.
    """

    targets: tuple[CheckResult, ...]
    left: tuple[CheckResult, ...]  # the targets that still fail: all of them, until a partial patch is built on
    passed: tuple[str, ...]
    spectrum: Spectrum
    requests: tuple[tuple[str, ...], ...]
    scope: str
    lean: bool  # whether screening may leave out the plugins that pytest loads by itself
    wall_seconds: float

    @property
    def target_ids(self) -> tuple[str, ...]:
        """The checks that a fix must turn green, quickest first."""
        return tuple(check.id for check in sorted(self.targets, key=lambda check: check.seconds))

    def check_seconds(self, ceiling: float) -> float:
        """How long one check of a candidate may take: several times the slowest that did not hang, within reason."""
        slowest = max((check.seconds for check in self.targets if check.outcome is not Outcome.TIMEOUT), default=0.0)
        return min(ceiling, 2.0 + 4 * slowest)


def measure(task: Task, ports: Ports, ledger: Ledger) -> Generator[Event, None, Baseline | Ending]:
    """Run the targets, see whether their failures are stable, then run what may be affected."""
    budget, selection = task.budget, task.selection
    yield StageEntered(Stage.BASELINE, selection.scope)
    first = ledger.ran(ports.evaluator.run(_request(selection.targets, task, budget.seconds * SHARE_OF_TARGETS)))
    ledger.outcomes = Outcomes(len(first.passed), len(first.broken))
    if first.problem is not None:
        return _cannot_run(first.problem)
    if not first.broken:
        return _nothing_failing(first)
    unparsable = _unparsable(first)
    if unparsable is not None:
        return unparsable
    yield StageEntered(Stage.STABILITY, count(len(first.broken), "failing test"))
    flaky = _flaky(task, ports, ledger, first)
    targets = tuple(check for check in first.broken if check.id not in flaky)
    ledger.targets = targets or first.broken
    if not targets:
        return Ending(StopReason.FLAKY, f"{StopReason.FLAKY.value} Seen with {', '.join(sorted(flaky)[:3])}.")
    lean = _is_cheap(first, task) and _lean_suffices(task, ports, ledger, targets)
    suite = first
    requests = [selection.targets]
    scope = selection.scope
    if selection.targets != selection.affected:
        yield StageEntered(Stage.REGRESSION_BASELINE)
        suite = ledger.ran(ports.evaluator.run(_request(selection.affected, task, budget.seconds * SHARE_OF_SUITE)))
        if suite.problem is None and suite.complete:
            covered = all(suite.outcome(check.id).is_broken for check in targets)
            requests = [selection.affected] if covered else [selection.targets, selection.affected]
            scope = "the whole suite"
        else:
            suite = first
            scope = f"{selection.scope}; the whole suite could not be run within this budget"
    broken = {check.id for execution in (first, suite) for check in execution.broken}
    passed = tuple(dict.fromkeys(check for run in (first, suite) for check in run.passed if check not in broken))
    ledger.scope = scope
    ledger.outcomes = Outcomes(len(passed), len(broken))
    yield BaselineMeasured(suite, targets)
    return Baseline(
        targets=targets,
        left=targets,
        passed=passed,
        spectrum={**suite.spectrum, **first.spectrum},
        requests=tuple(requests),
        scope=scope,
        lean=lean,
        wall_seconds=first.wall_seconds + (suite.wall_seconds if suite is not first else 0.0),
    )


def _request(checks: tuple[str, ...], task: Task, wall: float) -> RunRequest:
    return RunRequest(checks, spectrum=True, wall_seconds=wall, check_seconds=task.budget.check_seconds)


def _cannot_run(problem: Problem) -> Ending:
    return Ending(StopReason.ENVIRONMENT, f"{problem.message} {problem.remedy} Nothing was changed.")


def _nothing_failing(execution: Execution) -> Ending:
    skipped = len(execution.results) - len(execution.passed)
    detail = f"{count(len(execution.passed), 'test')} passed" + (f", {skipped} skipped" if skipped else "")
    return Ending(StopReason.NOTHING_FAILING, f"{StopReason.NOTHING_FAILING.value} {detail}.")


def _unparsable(execution: Execution) -> Ending | None:
    """A text that is not Python cannot be run, and templates cannot read it: say where, and leave it to its author."""
    for check in execution.broken:
        failure = check.failure
        if failure is None or failure.exception not in {"SyntaxError", "IndentationError", "TabError"}:
            return None
    failure = execution.broken[0].failure
    place = failure.frames[-1] if failure and failure.frames else None
    where = f"{place.path}, line {place.line}" if place else execution.broken[0].id
    said = failure.message.split(" (")[0] if failure else ""
    return Ending(
        StopReason.ENVIRONMENT,
        f"The tests cannot be run because {where} is not valid Python: {said}. Correct that; nothing was changed.",
    )


def _flaky(task: Task, ports: Ports, ledger: Ledger, first: Execution) -> set[str]:
    """Failing checks that pass by themselves, without a change, under another hash seed or none."""
    flaky: set[str] = set()
    for run in range(STABILITY_RUNS if _is_cheap(first, task) else 0):
        again = ledger.ran(ports.evaluator.run(_again(first.broken, task, run + 1)))
        flaky.update(check.id for check in first.broken if again.outcome(check.id) is Outcome.PASSED)
    return flaky


def _lean_suffices(task: Task, ports: Ports, ledger: Ledger, targets: tuple[CheckResult, ...]) -> bool:
    """Whether the targets fail just the same without the plugins that pytest loads by itself."""
    again = ledger.ran(ports.evaluator.run(replace(_again(targets, task, 0), lean=True)))
    return all(_alike(check, again.result(check.id)) for check in targets)


def _alike(check: CheckResult, other: CheckResult | None) -> bool:
    if other is None or other.outcome is not check.outcome:
        return False
    return (check.failure and check.failure.exception) == (other.failure and other.failure.exception)


def _is_cheap(execution: Execution, task: Task) -> bool:
    return execution.wall_seconds <= task.budget.seconds * SHARE_OF_STABILITY


def _again(checks: tuple[CheckResult, ...], task: Task, hash_seed: int) -> RunRequest:
    return RunRequest(
        tuple(check.id for check in checks),
        wall_seconds=task.budget.seconds * SHARE_OF_STABILITY,
        check_seconds=task.budget.check_seconds,
        hash_seed=hash_seed,
    )


def measure_again(baseline: Baseline, patch: Patch, task: Task, ports: Ports, ledger: Ledger) -> Baseline:
    """The same baseline seen through a partial patch: which targets are left, and the lines that checks run now."""
    results: dict[str, CheckResult] = {}
    spectrum: dict[str, Mapping[str, frozenset[int]]] = {}
    for checks in baseline.requests:
        request = replace(_request(checks, task, task.budget.seconds * SHARE_OF_SUITE), patch=patch)
        execution = ledger.ran(ports.evaluator.run(request))
        results.update((result.id, result) for result in execution.results)
        spectrum.update(execution.spectrum)
    left = tuple(
        results[check.id] for check in baseline.targets if check.id in results and results[check.id].outcome.is_broken
    )
    return replace(baseline, left=left or baseline.left, spectrum=spectrum)
