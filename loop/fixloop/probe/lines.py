"""Which lines of the project each check runs.

On Python 3.12 and later LINE events of ``sys.monitoring`` are switched on for the project's own code objects only and
re-armed for each check, which costs a few per cent. Before that a trace function limited to the project's files does.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Optional, Union

from .paths import relative

monitoring: Any = getattr(sys, "monitoring", None)


def line_collector(root: str) -> Union[MonitoredLines, TracedLines]:
    """The cheapest collector that this interpreter has."""
    if monitoring is not None:
        tool = next((number for number in (4, 3) if monitoring.get_tool(number) is None), None)
        if tool is not None:
            return MonitoredLines(root, tool)
    return TracedLines(root)


class _Lines:
    """Lines by file name, gathered between ``start`` and ``stop``."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._paused = False
        self._hits: set[tuple[str, int]] = set()
        self._known: dict[str, Optional[str]] = {}

    def _path(self, filename: str) -> Optional[str]:
        try:
            return self._known[filename]
        except KeyError:
            path = self._known[filename] = relative(filename, self._root)
            return path

    def _take(self) -> dict[str, list[int]]:
        lines: dict[str, list[int]] = {}
        for filename, line in sorted(self._hits):
            path = self._path(filename)
            if path is not None:
                lines.setdefault(path, []).append(line)
        self._hits.clear()
        return lines


class MonitoredLines(_Lines):
    """Lines by ``sys.monitoring``; several threads are seen alike."""

    def __init__(self, root: str, tool: int) -> None:
        super().__init__(root)
        self._tool = tool
        self._armed: set[Any] = set()
        monitoring.use_tool_id(tool, "fixloop")
        monitoring.register_callback(tool, monitoring.events.PY_START, self._on_start)
        monitoring.register_callback(tool, monitoring.events.LINE, self._on_line)

    def _on_start(self, code: Any, _offset: int) -> Any:
        if code not in self._armed and self._path(code.co_filename) is not None:
            self._armed.add(code)
            monitoring.set_local_events(self._tool, code, monitoring.events.LINE)
        return monitoring.DISABLE

    def _on_line(self, code: Any, line: int) -> Any:
        if not self._paused:
            self._hits.add((code.co_filename, line))
        return monitoring.DISABLE

    def start(self) -> None:
        """Begin a check."""
        self._paused = False
        self._hits.clear()
        monitoring.set_events(self._tool, monitoring.events.PY_START)
        monitoring.restart_events()

    def pause(self) -> None:
        """Nothing that this check still runs is of interest."""
        monitoring.set_events(self._tool, 0)
        self._paused = True

    def stop(self) -> dict[str, list[int]]:
        """End the check: path -> lines that it ran."""
        monitoring.set_events(self._tool, 0)
        return self._take()


class TracedLines(_Lines):
    """Lines by ``sys.settrace``."""

    def start(self) -> None:
        """Begin a check."""
        self._paused = False
        self._hits.clear()
        threading.settrace(self._on_call)
        sys.settrace(self._on_call)

    def pause(self) -> None:
        """Nothing that this check still runs is of interest."""
        sys.settrace(None)
        self._paused = True

    def stop(self) -> dict[str, list[int]]:
        """End the check: path -> lines that it ran."""
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        return self._take()

    def _on_call(self, frame: Any, _event: str, _arg: object) -> Any:
        return self._on_line if self._path(frame.f_code.co_filename) is not None else None

    def _on_line(self, frame: Any, event: str, _arg: object) -> Any:
        if event == "line" and not self._paused:
            self._hits.add((frame.f_code.co_filename, frame.f_lineno))
        return self._on_line
