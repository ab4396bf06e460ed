"""Ctrl-C and SIGTERM: the first asks the work to stop, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType, TracebackType
from typing import Self

from fixloop.cli.exits import CANCELLED

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = "\x1b[?25h"  # a live display hides it, and will not get to bring it back


class Interruption:
    """Implements ``ports.Cancellation``. Handlers are in place only inside the ``with`` block of the main thread."""

    def __init__(self) -> None:
        self._requested = False
        self._previous: dict[signal.Signals, object] = {}

    def requested(self) -> bool:
        """True from the first signal on."""
        return self._requested

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler if callable(handler) or isinstance(handler, int) else signal.SIG_DFL)

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._requested:
            if sys.stderr is not None and sys.stderr.isatty():  # pyright: ignore[reportUnnecessaryComparison]
                os.write(sys.stderr.fileno(), _SHOW_CURSOR.encode())
            os._exit(CANCELLED)
        self._requested = True
