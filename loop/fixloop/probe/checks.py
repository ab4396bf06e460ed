"""The collected checks of a loaded project, and how one of them is run in a child.

Decides nothing: an outcome is what pytest, or the exception, says.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple

from . import wire
from .answers import Answers
from .guard import Guard
from .paths import check_id
from .quick import is_quick, may_be_quick, remember_signatures, run_quick
from .recorder import CheckTimeout, Recorder

MESSAGE_LENGTH = 500


class Limits(NamedTuple):
    """What one check may use; zero seconds are no limit."""

    jumps: int
    cpu_seconds: float
    wall_seconds: float


class Result(NamedTuple):
    """One check's outcome, and what it took."""

    id: str
    outcome: str
    seconds: float
    exception: str
    message: str
    jumps: int = 0
    cpu_seconds: float = 0.0

    def signature(self) -> tuple[str, str, str, str]:
        """What must come out again when the same code runs."""
        return (self.id, self.outcome, self.exception, self.message)


class Checks:
    """Runs checks by their id."""

    def __init__(self, session: Any, recorder: Recorder, answers: Answers, root: str) -> None:
        rootdir = str(getattr(session.config, "rootpath", session.config.rootdir))
        self._recorder = recorder
        self._answers = answers
        self._items: dict[str, list[Any]] = {}
        for item in session.items:
            self._items.setdefault(check_id(item.nodeid, rootdir, root), []).append(item)
        quick = may_be_quick(session, recorder)
        remember_signatures()
        self._quick = {check for check, items in self._items.items() if quick and all(map(is_quick, items))}
        self.guard = Guard()

    def ids(self) -> list[str]:
        """The collected ids, in pytest's order."""
        return list(self._items)

    def distrust(self, check: str) -> None:
        """Run a check by pytest's whole protocol only."""
        self._quick.discard(check)

    def is_quick(self, check: str) -> bool:
        """Whether its reports are left out when it runs."""
        return check in self._quick

    def run(self, check: str, limits: Limits, *, whole: bool = False) -> Result:
        """The outcome of a check, missing when it was not collected. ``whole``: by pytest's whole protocol."""
        quick = check in self._quick and not whole
        results = [self._run(check, item, limits, quick=quick) for item in self._items.get(check, ())]
        if quick and any(result.outcome == "error" for result in results):
            return self.run(check, limits, whole=True)  # perhaps what was left out is what was missing
        broken = [result for result in results if result.outcome != "passed"]
        return (broken or results or [Result(check, "missing", 0.0, "", "")])[0]

    def _run(self, check: str, item: Any, limits: Limits, *, quick: bool) -> Result:
        wall, cpu = time.perf_counter(), time.process_time()
        if quick:
            self.guard.begin(*limits)
            outcome, exception, message = self._quickly(item)
        else:
            self.guard.begin(limits.jumps, 0.0, 0.0)  # the recorder has a timer of its own
            outcome, exception, message = self._fully(item, limits)
        jumps = self.guard.end()
        return Result(
            check,
            outcome,
            time.perf_counter() - wall,
            exception,
            message,
            jumps,
            time.process_time() - cpu,
        )

    def _quickly(self, item: Any) -> tuple[str, str, str]:
        try:
            outcome, error = run_quick(item)
        except CheckTimeout as late:  # between the phases
            outcome, error = "timeout", late
        return (outcome, "", "") if error is None else (outcome, type(error).__name__, told(error))

    def _fully(self, item: Any, limits: Limits) -> tuple[str, str, str]:
        records: list[dict[str, Any]] = []
        self._answers.taken = records
        try:
            in_time = self._report(item, limits)
        finally:
            self._answers.taken = None
        for record in records:
            if record["kind"] == wire.RESULT:
                return record["outcome"], record.get("exception", ""), _short(record.get("message", ""))
        return "missing" if in_time else "timeout", "", ""

    def report(self, checks: list[str], limits: dict[str, Limits], *, stop_at_first: bool) -> None:
        """Run checks by pytest's whole protocol; their records go to the channel."""
        for check in checks:
            for item in self._items.get(check, ()):
                failed = item.session.testsfailed
                self.guard.begin(limits[check].jumps, 0.0, 0.0)
                in_time = self._report(item, limits[check])
                self.guard.end()
                if stop_at_first and (not in_time or item.session.testsfailed != failed):
                    return

    def _report(self, item: Any, limits: Limits) -> bool:
        """Run one test as pytest does; False when it was ended between its phases."""
        self._recorder.allow(limits.wall_seconds)
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        except CheckTimeout:
            return False
        return True


_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def _short(message: str) -> str:
    return _ADDRESS.sub("0x", message[:MESSAGE_LENGTH])


def told(error: BaseException) -> str:
    """An exception's text, as far as its own code lets it be told."""
    try:
        return _short(str(error))
    except BaseException:
        return f"<{type(error).__name__}>"
