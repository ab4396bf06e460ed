"""Measure the unchanged code: what fails, whether it fails reliably, and what must not get worse."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

from fixloop.engine import stability
from fixloop.engine.common import Ending, Ports, count
from fixloop.engine.ledger import Ledger
from fixloop.ports import RunRequest
from fixloop.records.events import BaselineMeasured, Event, Outcomes, Stage, StageEntered, StopReason
from fixloop.records.execution import CheckResult, Execution, Outcome, Spectrum, one_a_check
from fixloop.records.source import Patch
from fixloop.records.task import Task

SHARE_OF_TARGETS, SHARE_OF_SUITE = 0.5, 0.3  # of the budget, at most


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
    check_limit: float  # seconds that the user allows one check
    wall_seconds: float

    @property
    def target_ids(self) -> tuple[str, ...]:
        """The checks that a fix must turn green, quickest first."""
        return tuple(check.id for check in sorted(self.targets, key=lambda check: check.seconds))

    @property
    def check_seconds(self) -> float:
        """How long one check of a candidate may take: several times the slowest that did not hang, within reason."""
        slowest = max((check.seconds for check in self.targets if check.outcome is not Outcome.TIMEOUT), default=0.0)
        return min(self.check_limit, 2.0 + 4 * slowest)


def measure(task: Task, ports: Ports, ledger: Ledger) -> Generator[Event, None, Baseline | Ending]:
    """Run the targets, see whether their failures are stable, and run what may be affected."""
    yield StageEntered(Stage.BASELINE, task.selection.scope)
    request = _request(task.selection.targets, task, task.budget.seconds * SHARE_OF_TARGETS)
    first = ledger.ran(ports.evaluator.run(request))
    ledger.outcomes = Outcomes(len(first.passed), len(first.broken))
    ending = _nothing_to_repair(first)
    if ending is not None:
        return ending
    yield StageEntered(Stage.STABILITY, count(len(first.broken), "failing test"))
    stable, suite = _run_more(first, task, ports, ledger)
    targets = tuple(check for check in first.broken if check.id not in stable.flaky)
    ledger.targets = targets or first.broken
    if not targets:
        return stability.flaky(stable.flaky)
    requests, scope = _scope(task, first, suite, targets)
    runs = [first, suite] if suite is not None and suite.complete else [first]
    broken = {check.id for run in runs for check in run.broken}
    passed = tuple(dict.fromkeys(check for run in runs for check in run.passed if check not in broken))
    ledger.scope, ledger.outcomes = scope, Outcomes(len(passed), len(broken))
    yield BaselineMeasured(runs[-1], targets)
    spectrum = {check: lines for run in reversed(runs) for check, lines in run.spectrum.items()}
    wall_seconds = sum(run.wall_seconds for run in runs)
    limit = task.budget.check_seconds
    return Baseline(targets, targets, passed, spectrum, requests, scope, stable.lean, limit, wall_seconds)


def _run_more(
    first: Execution, task: Task, ports: Ports, ledger: Ledger
) -> tuple[stability.Stability, Execution | None]:
    """The failing checks again, and beside them the affected suite where it is more than the targets."""
    again = stability.requests(first, task.budget)
    more = task.selection.targets != task.selection.affected
    suite = [_request(task.selection.affected, task, task.budget.seconds * SHARE_OF_SUITE)] if more else []
    runs = [ledger.ran(run) for run in ports.evaluator.run_all([*again, *suite])]
    return stability.judge_stability(first, runs[: len(again)]), runs[-1] if more else None


def _scope(
    task: Task, first: Execution, suite: Execution | None, targets: tuple[CheckResult, ...]
) -> tuple[tuple[tuple[str, ...], ...], str]:
    """What to run for "nothing got worse", and how to call it."""
    selection = task.selection
    scope = selection.scope if first.complete else f"what ran within this budget of {selection.scope}"
    if suite is None:
        return (selection.targets,), scope
    if suite.problem is not None or not suite.complete:
        return (selection.targets,), f"{scope}; the whole suite could not be run within this budget"
    covered = all(suite.outcome(check.id).is_broken for check in targets)
    return (selection.affected,) if covered else (selection.targets, selection.affected), "the whole suite"


def _nothing_to_repair(first: Execution) -> Ending | None:
    if first.problem is not None:
        return Ending(StopReason.ENVIRONMENT, f"{first.problem.message} {first.problem.remedy} Nothing was changed.")
    if not first.broken and not first.complete:
        return _cut_off(first)
    if not first.broken:
        return _nothing_failing(first)
    return _unparsable(first)


def _request(checks: tuple[str, ...], task: Task, wall: float) -> RunRequest:
    return RunRequest(checks, spectrum=True, wall_seconds=wall, check_seconds=task.budget.check_seconds)


def _cut_off(execution: Execution) -> Ending:
    """What did not get its turn is neither failing nor passing."""
    so_far = f"{count(len(execution.passed), 'test')} passed and none failed in {execution.wall_seconds:.0f} s"
    return Ending(
        StopReason.BUDGET,
        f"The run ended before every test had reported: {so_far}. Allow a larger budget, or name fewer tests."
        " Nothing was changed.",
    )


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


def measure_again(baseline: Baseline, patch: Patch, task: Task, ports: Ports, ledger: Ledger) -> Baseline:
    """The same baseline seen through a partial patch: which targets are left, and the lines that checks run now."""
    found: list[CheckResult] = []
    spectrum: dict[str, Mapping[str, frozenset[int]]] = {}
    for checks in baseline.requests:
        request = replace(_request(checks, task, task.budget.seconds * SHARE_OF_SUITE), patch=patch)
        execution = ledger.ran(ports.evaluator.run(request))
        found += execution.results
        spectrum.update(execution.spectrum)
    results = one_a_check(found)
    left = tuple(
        results[check.id] for check in baseline.targets if check.id in results and results[check.id].outcome.is_broken
    )
    return replace(baseline, left=left or baseline.left, spectrum=spectrum)
