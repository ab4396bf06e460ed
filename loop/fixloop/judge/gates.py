"""The gates that a candidate passes before it is called verified.

``target``, ``regression`` and ``scope`` in this form. Each is a pure function of what was run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fixloop.ports import Sources
from fixloop.records.attempt import Evidence
from fixloop.records.execution import Execution, Outcome
from fixloop.records.source import Patch

NAMED_AT_MOST = 3


def target_gate(targets: Sequence[str], executions: Sequence[Execution]) -> Evidence:
    """Every target reports passed, in every execution that it was asked of. Skipped or absent does not count."""
    missing = [check for check in targets if not all(has_passed(check, execution) for execution in executions)]
    runs = f" in {len(executions)} clean runs under different hash seeds" if len(executions) > 1 else ""
    if missing:
        said = {check: executions[-1].outcome(check).value for check in missing}
        return Evidence("target", held=False, detail=f"Not passing: {_named(f'{c} ({o})' for c, o in said.items())}.")
    subject = "The failing test now passes" if len(targets) == 1 else f"All {len(targets)} failing tests now pass"
    granted = next((run.grants.words for run in executions if run.grants), "")
    through = f" The sandbox let through what was granted: {granted}." if granted else ""
    return Evidence("target", held=True, detail=f"{subject}{runs}.{through}")


def has_passed(target: str, execution: Execution) -> bool:
    """True when a target passed. A file or class that could not be collected passes when all that it holds passes."""
    if execution.result(target) is not None:
        return execution.outcome(target) is Outcome.PASSED
    inside = [result for result in execution.results if result.id.startswith(f"{target}::")]
    broken = any(result.outcome.is_broken for result in execution.results if _within(result.id, target))
    return not broken and any(result.outcome is Outcome.PASSED for result in inside)


def _within(check: str, target: str) -> bool:
    return check == target or check.startswith(f"{target}::")


def regression_gate(passed_before: Iterable[str], executions: Sequence[Execution], scope: str) -> Evidence:
    """Nothing that passed before the patch reports anything else now; a check that vanished counts as lost."""
    before = list(passed_before)
    worse = [check for check in before if any(run.outcome(check) is not Outcome.PASSED for run in executions)]
    if worse:
        said = {
            check: next(o for o in (run.outcome(check) for run in executions) if o is not Outcome.PASSED)
            for check in worse
        }
        named = _named(f"{check} ({outcome.value})" for check, outcome in said.items())
        return Evidence("regression", held=False, detail=f"Passed before, not now: {named}.")
    detail = (
        f"{_still(len(before))} ({scope})."
        if before
        else (f"No other test passed before, so nothing could get worse ({scope}).")
    )
    return Evidence("regression", held=True, detail=detail)


def scope_gate(patch: Patch, sources: Sources) -> Evidence:
    """Only editable source files change: never tests, configuration, or anything outside the workspace."""
    outside = [path for path in patch.paths if not sources.editable(path)]
    if outside:
        return Evidence("scope", held=False, detail=f"Changes what a fix may not touch: {_named(outside)}.")
    return Evidence("scope", held=True, detail=f"Only {_named(patch.paths)} changes; tests and configuration do not.")


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - NAMED_AT_MOST
    return ", ".join(listed[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def _still(number: int) -> str:
    return (
        "The test that passed before still passes"
        if number == 1
        else f"All {number} tests that passed before still pass"
    )
