"""Forked children of a warm process: start one, follow it, end it in time, leave nothing of it.

Knows nothing of tests, and nothing of how a child is confined: the sandbox's ``slots`` fork it into a room of its own
and take the room down. They have two methods: ``fork``, like ``os.fork``; ``release``, once the child was reaped. A
child answers by bytes in a pipe and marks its progress in shared memory; one that makes no progress is ended.
"""

from __future__ import annotations

import mmap
import os
import select
import signal
import struct
import threading
import time
from typing import Any, Callable, NamedTuple, Optional

TICK_SECONDS = 0.05


class Progress:
    """Which candidate a child is at, and a count that moves with each check; seen by parent and child alike."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 16)
        self._count = 0

    def begin(self, at: int) -> None:
        """The child goes on to candidate ``at``."""
        self._count += 1
        self._shared[:16] = struct.pack("qq", at, self._count)

    def move(self) -> None:
        """The child got further with the same candidate."""
        self._count += 1
        self._shared[8:16] = struct.pack("q", self._count)

    def at(self) -> int:
        """The candidate that was begun last."""
        return int(struct.unpack("q", self._shared[:8])[0])

    def seen(self) -> bytes:
        """Changes with every step."""
        return self._shared[8:16]


class Answer(NamedTuple):
    """What became of a child: what it wrote, whether it was ended for making no progress, and its wait status."""

    data: bytes
    stalled: bool
    status: int


def run(slots: Any, work: Callable[[int], object], progress: Progress, patience: float) -> Answer:
    """Run ``work`` in a child of ``slots``, with the pipe's writing end, until it ends or stands still.

    ``patience``: for how many seconds it may make no progress. Returns in the parent only; what ``work`` raises ends
    the child with status 1.
    """
    reader, writer = os.pipe()
    child = slots.fork()
    if child == 0:
        status = 1
        try:
            os.close(reader)
            work(writer)
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    try:
        return _follow(child, reader, progress, patience)
    finally:
        os.close(reader)
        slots.release()


def _follow(child: int, reader: int, progress: Progress, patience: float) -> Answer:
    data = bytearray()
    status: Optional[int] = None
    stalled = False
    seen, moved = progress.seen(), time.monotonic()
    while status is None:
        if _read(reader, data, TICK_SECONDS):
            status = _reaped(child, patience=1.0)  # it closed its end: it is leaving
            if status is None:
                status = _ended(child)
            break
        status = _reaped(child, patience=0.0)
        now = time.monotonic()
        if progress.seen() != seen:
            seen, moved = progress.seen(), now
        elif status is None and now - moved > patience:
            stalled = True
            status = _ended(child)
    while not _read(reader, data, 0.0) and select.select([reader], [], [], 0.0)[0]:
        pass
    return Answer(bytes(data), stalled, status)


def _read(reader: int, data: bytearray, seconds: float) -> bool:
    """Take what arrived within the time; True at the end of the pipe."""
    if not select.select([reader], [], [], seconds)[0]:
        return False
    part = os.read(reader, 1 << 16)
    data += part
    return not part


def _reaped(child: int, patience: float) -> Optional[int]:
    """The wait status of a child that ends within the time."""
    until = time.monotonic() + patience
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return status
        if time.monotonic() >= until:
            return None
        time.sleep(0.0002)


def _ended(child: int) -> int:
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def quiet() -> None:
    """Let this process print into nothing."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)


def threads() -> int:
    """How many threads this process has, those of extension modules included."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
