"""Exit statuses, as documented."""

from __future__ import annotations

from fixloop.records.events import StopReason
from fixloop.report.status import Status
from fixloop.sandbox.job import Completed, Ended

OK, NOT_FIXED, COULD_NOT_RUN, NOTHING_FAILING, CANCELLED = 0, 1, 2, 3, 130
LIMIT, NOT_CONFINED, SIGNALLED = 124, 125, 128  # of ``fixloop sandbox``, beside the command's own


def of_repair(reason: StopReason) -> int:
    """The status of ``fixloop fix``."""
    match reason:
        case StopReason.VERIFIED:
            return OK
        case StopReason.PLAUSIBLE_ONLY | StopReason.EXHAUSTED | StopReason.BUDGET | StopReason.FLAKY:
            return NOT_FIXED
        case StopReason.ENVIRONMENT | StopReason.REFUSED:
            return COULD_NOT_RUN
        case StopReason.NOTHING_FAILING:
            return NOTHING_FAILING
        case StopReason.CANCELLED:
            return CANCELLED


def of_command(completed: Completed) -> int:
    """The status of ``fixloop sandbox``: the command's own where it ended by itself."""
    status = completed.status
    match completed.ended:
        case Ended.EXITED if status is not None:
            return SIGNALLED - status if status < 0 else status
        case Ended.EXITED | Ended.NOT_STARTED:
            return NOT_CONFINED if status is None else status
        case Ended.CANCELLED:
            return CANCELLED
        case _:
            return LIMIT


def of_evaluation(status: Status) -> int:
    """The status of ``fixloop evaluate``: a limit or a crash alone is no failure of the code, and no pass."""
    match status:
        case Status.PASSED:
            return OK
        case Status.FAILED:
            return NOT_FIXED
        case Status.TIMEOUT | Status.ENVIRONMENT | Status.NO_TESTS | Status.REFUSED:
            return COULD_NOT_RUN
        case Status.CANCELLED:
            return CANCELLED
