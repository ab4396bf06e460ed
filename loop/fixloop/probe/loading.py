"""Which code runs while a project is imported and its tests are collected.

What it did then is not done again when it is exchanged, so whoever exchanges code has to know. On Python 3.12 and later
each code object is noticed once and then left alone; before that a trace function sees each call.
"""

from __future__ import annotations

import sys
import threading
from types import CodeType
from typing import Any, Optional

from .monitor import monitoring, take_tool


class Loading:
    """Notices code between ``begin`` and ``end``, in every thread."""

    def __init__(self) -> None:
        self._ran: set[CodeType] = set()
        self._tool: Optional[int] = None

    def begin(self) -> None:
        """From here on."""
        self._tool = take_tool()
        if self._tool is None:
            sys.settrace(self._on_call)
            threading.settrace(self._on_call)
            return
        monitoring.register_callback(self._tool, monitoring.events.PY_START, self._on_start)
        monitoring.set_events(self._tool, monitoring.events.PY_START)

    def end(self) -> set[CodeType]:
        """Every code object that ran."""
        if self._tool is None:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]
        else:
            monitoring.set_events(self._tool, 0)
            monitoring.register_callback(self._tool, monitoring.events.PY_START, None)
            monitoring.free_tool_id(self._tool)
        ran, self._ran = self._ran, set()
        return ran

    def _on_call(self, frame: Any, _event: str, _argument: object) -> None:
        self._ran.add(frame.f_code)

    def _on_start(self, code: CodeType, _offset: int) -> Any:
        self._ran.add(code)
        return monitoring.DISABLE
