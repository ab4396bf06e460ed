"""Does the failure hold still? The failing checks are run again by themselves, without any change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from fixloop.engine.common import Ending
from fixloop.ports import RunRequest
from fixloop.records.events import StopReason
from fixloop.records.execution import CheckResult, Execution, Outcome
from fixloop.records.task import Budget

HASH_SEEDS = (1, 2)
SHARE_OF_BUDGET = 0.1  # what the first run may have taken, for repeating it to be cheap


@dataclass(frozen=True)
class Stability:
    """``flaky``: failing checks that passed without a change. ``lean``: see ``RunRequest.lean``; true when the other
    checks fail just the same that way."""

    flaky: frozenset[str] = frozenset()
    lean: bool = False


def requests(first: Execution, budget: Budget) -> list[RunRequest]:
    """What to run again: under other hash seeds, then lean. Nothing when the first run was not cheap."""
    if first.wall_seconds > budget.seconds * SHARE_OF_BUDGET:
        return []
    again = RunRequest(
        tuple(check.id for check in first.broken),
        wall_seconds=budget.seconds * SHARE_OF_BUDGET,
        check_seconds=budget.check_seconds,
    )
    return [*(replace(again, hash_seed=seed) for seed in HASH_SEEDS), replace(again, lean=True)]


def flaky(checks: Iterable[str]) -> Ending:
    """The end of a repair whose failing checks do not fail every time."""
    return Ending(StopReason.FLAKY, f"{StopReason.FLAKY.value} Seen with {', '.join(sorted(checks)[:3])}.")


def judge_stability(first: Execution, runs: Sequence[Execution]) -> Stability:
    """Read the executions of ``requests``, in their order; none of them means that nothing is known."""
    if not runs:
        return Stability()
    *repeated, lean = runs
    flaky = frozenset(
        check.id for check in first.broken if any(run.outcome(check.id) is Outcome.PASSED for run in repeated)
    )
    stable = [check for check in first.broken if check.id not in flaky]
    return Stability(flaky, all(_alike(check, lean.result(check.id)) for check in stable))


def _alike(check: CheckResult, other: CheckResult | None) -> bool:
    if other is None or other.outcome is not check.outcome:
        return False
    return (check.failure and check.failure.exception) == (other.failure and other.failure.exception)
