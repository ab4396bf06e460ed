"""Judge a candidate that looks good, on cold and clean runs."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from fixloop.engine.baseline import Baseline
from fixloop.engine.common import Ports
from fixloop.engine.ledger import Ledger
from fixloop.judge.gates import has_passed, regression_gate, scope_gate, target_gate
from fixloop.judge.minimise import minimise
from fixloop.ports import RunRequest
from fixloop.records.attempt import Attempt, Candidate, Evidence, Verdict
from fixloop.records.events import Event, Finding, Stage, StageEntered
from fixloop.records.execution import Execution, one_a_check
from fixloop.records.source import Patch

HASH_SEEDS = (0, 1)


def verify(candidate: Candidate, ports: Ports, ledger: Ledger, baseline: Baseline) -> Generator[Event, None, Attempt]:
    """Minimise the patch, run everything under two hash seeds, and let the gates speak.

    A patch for which all gates hold is set against the unchanged code once more: if a target passes there as well, it
    is flaky, the candidate was lucky, and ``ledger.flaky`` names it.
    """
    yield StageEntered(Stage.JUDGE, candidate.summary)
    patch = minimise(candidate.patch, lambda smaller: _still_works(smaller, ports, ledger, baseline))
    candidate = replace(candidate, patch=patch)
    runs: list[Execution] = []
    evidence: list[Evidence] = []
    failed: list[Evidence] = []
    for seed in HASH_SEEDS:
        runs.append(_run_all(patch, seed, ports, ledger, baseline))
        target = target_gate(baseline.target_ids, runs)
        regression = regression_gate(baseline.passed, runs, baseline.scope)
        evidence = [target, regression, scope_gate(patch, ports.sources)]
        failed = [found for found in evidence if not found.held]
        if failed:
            break
    if not failed:
        failed = _without_the_patch(ports, ledger, baseline)
    verdict = Verdict.PLAUSIBLE if failed else Verdict.VERIFIED
    if any(found.gate == "target" for found in failed):
        verdict = Verdict.REJECTED  # the quick look was wrong
    if verdict is not Verdict.REJECTED:
        ledger.found(Finding(candidate, patch, verdict, tuple(evidence)))
    still = tuple(check for check in baseline.target_ids if not all(has_passed(check, run) for run in runs))
    return Attempt(
        candidate=candidate,
        verdict=verdict,
        critique=" ".join(found.detail for found in failed) or "Every gate held.",
        fixed=tuple(check for check in baseline.target_ids if check not in still),
        still_broken=still,
        evidence=tuple(evidence),
        wall_seconds=sum(run.wall_seconds for run in runs),
        cpu_seconds=sum(run.cpu_seconds for run in runs),
    )


def _without_the_patch(ports: Ports, ledger: Ledger, baseline: Baseline) -> list[Evidence]:
    """Nothing when every target still fails in the unchanged code."""
    request = RunRequest(baseline.target_ids, wall_seconds=_wall(ledger, baseline), check_seconds=baseline.check_limit)
    runs = ports.evaluator.run_all([replace(request, hash_seed=seed) for seed in HASH_SEEDS])
    for run in runs:
        ledger.ran(run)
    ledger.flaky = tuple(check for check in baseline.target_ids if any(has_passed(check, run) for run in runs))
    if not ledger.flaky:
        return []
    return [Evidence("target", held=False, detail=f"Also passing without the patch: {', '.join(ledger.flaky[:3])}.")]


def harms_nothing(patch: Patch, ports: Ports, ledger: Ledger, baseline: Baseline) -> bool:
    """Whether everything that passed before still does: what a patch must show before others are put on top of it."""
    run = _run_all(patch, HASH_SEEDS[0], ports, ledger, baseline)
    return regression_gate(baseline.passed, [run], baseline.scope).held


def _still_works(patch: Patch, ports: Ports, ledger: Ledger, baseline: Baseline) -> bool:
    run = _run(baseline.target_ids, patch, 0, ports, ledger, baseline)
    return all(has_passed(check, run) for check in baseline.target_ids)


def _run_all(patch: Patch, seed: int, ports: Ports, ledger: Ledger, baseline: Baseline) -> Execution:
    """Every request of the baseline, as one execution."""
    runs = [_run(checks, patch, seed, ports, ledger, baseline) for checks in baseline.requests]
    results = one_a_check(result for run in runs for result in run.results)
    return replace(
        runs[0],
        results=tuple(results.values()),
        wall_seconds=sum(run.wall_seconds for run in runs),
        cpu_seconds=sum(run.cpu_seconds for run in runs),
        complete=all(run.complete for run in runs),
    )


def _run(
    checks: tuple[str, ...], patch: Patch, seed: int, ports: Ports, ledger: Ledger, baseline: Baseline
) -> Execution:
    request = RunRequest(
        checks,
        patch,
        wall_seconds=_wall(ledger, baseline),
        check_seconds=baseline.check_limit,
        hash_seed=seed,
    )
    return ledger.ran(ports.evaluator.run(request))


def _wall(ledger: Ledger, baseline: Baseline) -> float:
    """A candidate that was found is judged to the end, but no longer than the baseline says that this takes."""
    fair = 5.0 + 1.5 * baseline.wall_seconds
    return min(30.0 + 3 * baseline.wall_seconds, max(fair, ledger.seconds_left()))
