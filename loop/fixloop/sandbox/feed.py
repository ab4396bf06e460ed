"""Copies what someone types or pipes to the command's standard input.

The command gets a pipe and never the source itself: a terminal could be typed into, a file reopened for writing.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from types import TracebackType
from typing import Self

_AT_ONCE = 1 << 16
_PATIENCE_SECONDS = 1.0  # with a source that others read from as well


class Feed:
    """A thread between two descriptors while the ``with`` block lasts. It closes ``target`` at the source's end."""

    def __init__(self, source: int, target: int) -> None:
        self._source, self._target = source, target
        os.set_blocking(target, False)
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._copy, name="fixloop-stdin", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._stop)
        self._thread.join(_PATIENCE_SECONDS)

    def _copy(self) -> None:
        try:
            with contextlib.suppress(OSError):  # the source is unreadable, or the command has closed its input
                while self._ready(self._source, select.POLLIN):
                    data = memoryview(os.read(self._source, _AT_ONCE))
                    if not data:
                        return
                    while data and self._ready(self._target, select.POLLOUT):
                        data = data[os.write(self._target, data) :]
        finally:
            os.close(self._target)
            os.close(self._stopped)

    def _ready(self, descriptor: int, event: int) -> bool:
        """Wait until it can be read or written, or tell that the block is over."""
        poll = select.poll()
        poll.register(descriptor, event)
        poll.register(self._stopped, select.POLLIN)
        return self._stopped not in {found for found, _ in poll.poll()}
