"""Ends a check that runs too long: by the backward jumps of the project's code, by CPU time, by wall time.

Loops without end make most of what hanging candidates cost. On Python 3.12 and later counting their rounds ends them
many times sooner than any timer. Raises CheckTimeout inside the code under test, again and again if that swallows it.
"""

from __future__ import annotations

import signal
from types import CodeType
from typing import Any, Iterable

from .monitor import monitoring, take_tool
from .recorder import CheckTimeout

UNLIMITED = 1 << 62
_AGAIN_AFTER_JUMPS = 1000
_AGAIN_AFTER_SECONDS = 0.02


class Guard:
    """The limits of the check that is running. One for the life of a process."""

    def __init__(self) -> None:
        self._left = self._allowed = UNLIMITED
        self._active = False
        self._tool = take_tool()
        if self._tool is not None:
            monitoring.register_callback(self._tool, monitoring.events.JUMP, self._on_jump)

    @property
    def counts(self) -> bool:
        """Whether jumps are counted on this interpreter."""
        return self._tool is not None

    def count(self, codes: Iterable[CodeType]) -> None:
        """Count the jumps of these code objects from now on."""
        if self._tool is not None:
            for code in codes:
                monitoring.set_local_events(self._tool, code, monitoring.events.JUMP)

    def install(self) -> None:
        """Take the process's timers."""
        signal.signal(signal.SIGALRM, self._on_time)
        signal.signal(signal.SIGPROF, self._on_time)

    def begin(self, jumps: int, cpu_seconds: float, wall_seconds: float) -> None:
        """Limit what runs from here on; zero seconds are no limit."""
        self._left = self._allowed = jumps
        self._active = True
        signal.setitimer(signal.ITIMER_PROF, cpu_seconds, _AGAIN_AFTER_SECONDS if cpu_seconds else 0)
        signal.setitimer(signal.ITIMER_REAL, wall_seconds, _AGAIN_AFTER_SECONDS if wall_seconds else 0)

    def end(self) -> int:
        """Lift the limits; how many jumps were made."""
        self._active = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        made = self._allowed - self._left
        self._left = UNLIMITED
        return made

    def _on_time(self, _number: int, _frame: Any) -> None:
        if self._active:
            raise CheckTimeout("did not end in time")

    def _on_jump(self, _code: CodeType, start: int, destination: int) -> None:
        if destination > start:
            return
        self._left -= 1
        if self._left < 0 and self._active:
            self._left = _AGAIN_AFTER_JUMPS
            raise CheckTimeout("did not end in time")
