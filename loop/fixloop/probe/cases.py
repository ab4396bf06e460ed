"""Watches the cases of ``unittest`` that a program runs: outcome, time, text of the failure, lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    from .lines import MonitoredLines, TracedLines
    from .program import Alarm

    Lines = Union[MonitoredLines, TracedLines]

TEXT_LENGTH = 8000
_LISTS = {  # where a result keeps what did not simply pass, and how we call that; the first that grew counts
    "failures": "failed",
    "errors": "failed",
    "unexpectedSuccesses": "failed",
    "expectedFailures": "xfailed",
    "skipped": "skipped",
}


class Cases:
    """Records every ``TestCase`` from ``install`` on. A case inside a case belongs to the outer one."""

    def __init__(self, lines: Optional[Lines], check_seconds: float, alarm: Alarm) -> None:
        self._lines = lines
        self._check_seconds = check_seconds
        self._alarm = alarm
        self._cases: list[dict[str, Any]] = []
        self._between: dict[str, set[int]] = {}
        self._unclear = False
        self._inside = False

    def install(self) -> None:
        """Stand between ``TestCase.run`` and its callers."""
        from unittest.case import TestCase

        original = TestCase.run

        def run(self: TestCase, result: Any = None) -> Any:
            return original(self, result) if cases._inside else cases._watched(original, self, result)

        cases = self
        TestCase.run = run

    def told(self) -> dict[str, Any]:
        """What the story holds of them. ``unclear``: some reported to a result of a kind that is not known."""
        between = {path: sorted(lines) for path, lines in self._between.items()}
        return {"cases": self._cases, "between": between, "unclear": self._unclear}

    def _watched(self, original: Any, case: Any, result: Any) -> Any:
        before = _sizes(result)
        self._inside = True
        self._begin()
        began = time.perf_counter()
        self._alarm.arm(self._check_seconds)
        returned, ended = None, False
        try:
            returned = original(case, result)
            ended = True
        finally:
            self._alarm.whole()
            self._inside = False
            seconds = time.perf_counter() - began
            lines = self._lines.stop() if self._lines else {}
            self._note(case, result if result is not None else returned, before, seconds, lines, ended=ended)
            if self._lines:
                self._lines.start()
        return returned

    def _begin(self) -> None:
        if self._lines:
            for path, lines in self._lines.stop().items():
                self._between.setdefault(path, set()).update(lines)
            self._lines.start()

    def _note(
        self,
        case: Any,
        result: Any,
        before: dict[str, int],
        seconds: float,
        lines: dict[str, list[int]],
        *,
        ended: bool,
    ) -> None:
        from unittest import TestResult

        if not isinstance(result, TestResult):
            self._unclear = True
            missing = {"id": str(case.id()), "outcome": "missing", "seconds": 0.0, "text": "", "lines": lines}
            self._cases.append(missing)
            return
        after = _sizes(result)
        grown = next((name for name in _LISTS if after[name] > before.get(name, 0)), None)
        outcome = (_LISTS[grown] if grown else "passed") if ended else "crashed"
        text = _last_text(getattr(result, grown)) if grown in {"failures", "errors"} else ""
        if "ProgramTimeout: did not end" in text:
            outcome = "timeout"
        self._cases.append(
            {"id": str(case.id()), "outcome": outcome, "seconds": round(seconds, 6), "text": text, "lines": lines}
        )


def _sizes(result: Any) -> dict[str, int]:
    return {name: len(getattr(result, name, ())) for name in _LISTS}


def _last_text(entries: Any) -> str:
    last = entries[-1]
    return str(last[1])[-TEXT_LENGTH:]
