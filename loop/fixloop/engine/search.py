"""Try candidates in their order until one is verified, a partial one is worth building on, or nothing is left."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

from fixloop.engine.baseline import Baseline
from fixloop.engine.common import Ending, Ports, count
from fixloop.engine.ledger import Ledger
from fixloop.engine.stability import flaky
from fixloop.engine.stacking import Stacked, on_top
from fixloop.engine.verify import harms_nothing, verify
from fixloop.judge.gates import has_passed
from fixloop.localize.rank import rank_suspects
from fixloop.ports import Brief, Evaluator, RunRequest
from fixloop.records.attempt import Attempt, Candidate, Verdict
from fixloop.records.events import Event, StopReason, SuspectsRanked
from fixloop.records.execution import Execution, Outcome
from fixloop.records.task import Task

PATIENCE = 60  # candidates that are tried after the best partial one, before building on it
SEEN_AT_MOST = 20  # with more failing checks than this, a candidate is given up at its first failure


@dataclass(frozen=True)
class Partial:
    """A candidate that helps some of the targets and harms nothing: the next round goes on from its patch."""

    candidate: Candidate
    fixed: int


def search(
    task: Task, ports: Ports, ledger: Ledger, baseline: Baseline, base: Partial | None, rounds_left: int
) -> Generator[Event, None, Ending | Partial]:
    """One round of candidates on top of ``base`` (None: the unchanged code)."""
    sources = Stacked(ports.sources, base.candidate.patch) if base else ports.sources
    suspects = rank_suspects(baseline.left, baseline.passed, baseline.spectrum, sources)
    if not suspects:
        return _no_suspects()
    if base is None:
        ledger.suspects = suspects
    yield SuspectsRanked(suspects)
    proposed = ledger.counted(ports.proposer.propose(Brief(suspects, baseline.left, sources, task.seed)))
    candidates = (
        on_top(base.candidate, candidate, sources, ports.sources) if base else candidate for candidate in proposed
    )
    checks = baseline.target_ids
    request = RunRequest(
        checks,
        wall_seconds=min(10.0 + 2 * baseline.wall_seconds, max(5.0, ledger.seconds_left())),
        check_seconds=baseline.check_seconds,
        stop_at_first=len(checks) > SEEN_AT_MOST,
        lean=baseline.lean,
    )
    best, since = base, 0
    enough = ledger.seconds_left() * rounds_left / (rounds_left + 1)
    slow: list[Candidate] = []
    screening = _screened(ports.evaluator, candidates, request, baseline, slow, ledger)
    try:
        for candidate, execution in screening:
            ledger.ran(execution)
            if candidate not in slow and _was_only_slow(execution, request, baseline):
                slow.append(candidate)
                if ledger.seconds_left() <= 0:
                    return _budget(ledger)
                continue
            fixed = tuple(check for check in checks if has_passed(check, execution))
            if len(fixed) == len(checks):
                attempt = yield from verify(candidate, ports, ledger, baseline)
            else:
                attempt = _rejected(candidate, execution, checks, fixed)
                better = rounds_left and len(fixed) > (best.fixed if best else 0)
                since += 1
                if better and harms_nothing(candidate.patch, ports, ledger, baseline):
                    best, since = Partial(candidate, len(fixed)), 0
            yield ledger.record(attempt)
            if attempt.verdict is Verdict.VERIFIED:
                return _verified(attempt)
            if ledger.flaky:
                return flaky(ledger.flaky)
            if ledger.seconds_left() <= 0:
                return _budget(ledger)
            if best is not base and (since > PATIENCE or ledger.seconds_left() < enough):
                break  # the other rounds need their share
    finally:
        screening.close()
    return best if best is not None and best is not base else exhausted(ledger)


def _screened(
    evaluator: Evaluator,
    candidates: Iterable[Candidate],
    request: RunRequest,
    baseline: Baseline,
    slow: Sequence[Candidate],
    ledger: Ledger,
) -> Generator[tuple[Candidate, Execution], None, None]:
    """Every candidate under a short time limit, then those that the caller put into ``slow`` under the user's own."""
    yield from evaluator.screen(candidates, request)
    asked = request.wall_seconds + baseline.check_limit * len(request.checks)
    wall_seconds = min(asked, max(5.0, ledger.seconds_left()))
    patient = replace(request, check_seconds=baseline.check_limit, wall_seconds=wall_seconds)
    yield from evaluator.screen(iter(slow), patient)


def _was_only_slow(execution: Execution, request: RunRequest, baseline: Baseline) -> bool:
    """True when nothing but a limit shorter than the user's speaks against a candidate: it may still be the fix.

    A target that hangs in the unchanged code and still does says enough.
    """
    if request.check_seconds >= baseline.check_limit or execution.problem is not None:
        return False
    hanging = {check.id for check in baseline.targets if check.outcome is Outcome.TIMEOUT}
    left = [check for check in request.checks if not has_passed(check, execution)]
    return bool(left) and all(execution.outcome(check) is Outcome.TIMEOUT and check not in hanging for check in left)


def _rejected(candidate: Candidate, execution: Execution, checks: tuple[str, ...], fixed: tuple[str, ...]) -> Attempt:
    still = tuple(check for check in checks if check not in fixed)
    if execution.problem is not None:
        critique = execution.problem.message
    else:
        result = execution.result(still[0])
        said = (result.message or result.outcome.value) if result else "it did not report"
        critique = f"{still[0]}: {said}"
    return Attempt(
        candidate,
        Verdict.REJECTED,
        critique,
        fixed,
        still,
        wall_seconds=execution.wall_seconds,
        cpu_seconds=execution.cpu_seconds,
    )


def _verified(attempt: Attempt) -> Ending:
    where = ", ".join(attempt.candidate.patch.paths)
    message = f"{StopReason.VERIFIED.value.removesuffix('.')}: {where}, {attempt.candidate.summary}."
    return Ending(StopReason.VERIFIED, message)


def _no_suspects() -> Ending:
    return Ending(
        StopReason.EXHAUSTED,
        "No line that a fix may change takes part in the failure, so no patch was tried. Tests and configuration are"
        " never edited: look at the test itself, or at code outside this workspace. Nothing was changed.",
    )


def _budget(ledger: Ledger) -> Ending:
    if ledger.findings:
        return _plausible(ledger)
    tried = count(ledger.attempts, "patch", "patches")
    return Ending(StopReason.BUDGET, f"{StopReason.BUDGET.value} {tried} tried. Nothing was changed.")


def exhausted(ledger: Ledger) -> Ending:
    """No candidate is left: what there is to say of those that were tried."""
    if ledger.findings:
        return _plausible(ledger)
    tried = count(ledger.attempts, "patch", "patches")
    return Ending(StopReason.EXHAUSTED, f"{StopReason.EXHAUSTED.value} {tried} tried. Nothing was changed.")


def _plausible(ledger: Ledger) -> Ending:
    best = ledger.findings[0]
    failed = " ".join(found.detail for found in best.evidence if not found.held)
    return Ending(StopReason.PLAUSIBLE_ONLY, f"{StopReason.PLAUSIBLE_ONLY.value} {failed} Nothing was changed.")
