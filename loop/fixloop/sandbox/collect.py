"""Reads everything that a run sends back and decides when it has to end.

The report says what happened to the command; output and channel are the command's own words. The run is over when
nobody holds the report any more.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

from fixloop.sandbox.jail.order import EXITED, NOTE, REFUSED
from fixloop.sandbox.job import Completed, Ended, Limits

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 1.0  # between asking the launcher to end and ending it
_READ = 1 << 16


class Output:
    """The end of stdout and stderr, and how much there was."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._data = bytearray()
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take what was printed."""
        self.total += len(data)
        self._data += data
        del self._data[: -self._kept or len(self._data)]

    @property
    def tail(self) -> bytes:
        """The last bytes printed."""
        return bytes(self._data)


class Channel:
    """All of descriptor 4 up to a cap, handed on line by line. Without ``keep`` a line handed on is forgotten."""

    def __init__(self, cap: int, on_record: Callable[[bytes], None] | None, *, keep: bool = True) -> None:
        self._cap = cap
        self._on_record = on_record
        self._keep = keep
        self._data = bytearray()
        self._handed_on = 0
        self.total = 0

    def feed(self, data: bytes) -> None:
        """Take what arrived and call back for each line that it completes."""
        room = max(self._cap - self.total, 0)
        self.total += len(data)
        self._data += data[:room]
        if self._on_record is None:
            return
        while (end := self._data.find(b"\n", self._handed_on)) >= 0:
            record = bytes(self._data[self._handed_on : end])
            self._handed_on = end + 1
            self._on_record(record)
        if not self._keep:
            del self._data[: self._handed_on]
            self.total, self._handed_on = len(self._data), 0

    @property
    def data(self) -> bytes:
        """Everything so far."""
        return bytes(self._data)


class Collector:
    """Follows one launcher from start to end."""

    def __init__(
        self,
        limits: Limits,
        started: float,
        cancelled: Callable[[], bool],
        on_record: Callable[[bytes], None] | None,
        *,
        keep_records: bool = True,
    ) -> None:
        self._limits = limits
        self._started = started
        self._cancelled = cancelled
        self._output = Output(limits.tail_bytes)
        self._channel = Channel(limits.output_bytes, on_record, keep=keep_records)
        self._report = bytearray()

    def collect(self, launcher: subprocess.Popen[bytes], output: int, channel: int, report: int) -> Completed:
        """Read until the run is over. The descriptors do not block. Whatever is raised, the launcher is gone."""
        try:
            reason = self._follow(launcher.pid, {output: self._output.feed, channel: self._channel.feed}, report)
            cpu_seconds = _reap(launcher) or 0.0
        finally:
            if launcher.returncode is None:
                _end(launcher)
        _drain(output, self._output.feed)
        _drain(channel, self._channel.feed)
        return self._completed(reason, cpu_seconds)

    def _follow(self, launcher: int, sinks: dict[int, Callable[[bytes], None]], report: int) -> Ended | None:
        reason: Ended | None = None
        kill_at = float("inf")
        with selectors.DefaultSelector() as selector:
            for descriptor, sink in (*sinks.items(), (report, self._report.extend)):
                selector.register(descriptor, selectors.EVENT_READ, sink)
            while True:
                for key, _ in selector.select(POLL_SECONDS):
                    data = os.read(key.fd, _READ)
                    if data:
                        key.data(data)
                    elif key.fd == report:
                        return reason
                    else:
                        selector.unregister(key.fd)
                if reason is None:
                    reason = self._reason_to_stop()
                    if reason is not None:
                        os.kill(launcher, signal.SIGTERM)
                        kill_at = time.monotonic() + PATIENCE_SECONDS
                elif time.monotonic() > kill_at:
                    os.kill(launcher, signal.SIGKILL)
                    kill_at = float("inf")

    def _reason_to_stop(self) -> Ended | None:
        if self._over_cap:
            return Ended.OUTPUT_LIMIT
        if time.monotonic() - self._started > self._limits.wall_seconds:
            return Ended.WALL_LIMIT
        return Ended.CANCELLED if self._cancelled() else None

    @property
    def _over_cap(self) -> bool:
        return max(self._output.total, self._channel.total) > self._limits.output_bytes

    def _completed(self, reason: Ended | None, cpu_seconds: float) -> Completed:
        ended, status, detail = self._verdict(reason)
        return Completed(
            ended,
            status,
            self._channel.data,
            self._output.tail,
            time.monotonic() - self._started,
            cpu_seconds,
            detail,
            tuple(self._reported(NOTE)),
        )

    def _verdict(self, reason: Ended | None) -> tuple[Ended, int | None, str]:
        for sentence in self._reported(REFUSED):
            return Ended.NOT_STARTED, None, f"The sandbox could not be set up: {sentence}."
        if self._over_cap:
            return Ended.OUTPUT_LIMIT, None, ""
        for status in self._reported(EXITED):
            return Ended.EXITED, int(status), ""
        if reason is not None:
            return reason, None, ""
        words = self._output.tail.decode(errors="replace").strip().splitlines()
        said = f": {words[-1]}" if words else ""
        return Ended.NOT_STARTED, None, f"The sandbox's own process ended unexpectedly{said}."

    def _reported(self, word: bytes) -> Iterator[str]:
        """What the launcher said with that word."""
        for line in bytes(self._report).splitlines():
            if line.startswith(word):
                yield line.removeprefix(word).decode(errors="replace").strip()


def _end(launcher: subprocess.Popen[bytes]) -> None:
    """End the launcher, giving it the time to take down what it built."""
    os.kill(launcher.pid, signal.SIGTERM)
    kill_at = time.monotonic() + PATIENCE_SECONDS
    while _reap(launcher, os.WNOHANG) is None:
        if time.monotonic() > kill_at:
            os.kill(launcher.pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS / 10)


def _reap(launcher: subprocess.Popen[bytes], options: int = 0) -> float | None:
    """Wait for the launcher; the CPU seconds of it and of all that it waited for. None: it has not ended."""
    ended, status, usage = os.wait4(launcher.pid, options)
    if not ended:
        return None
    launcher.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def _drain(descriptor: int, sink: Callable[[bytes], None]) -> None:
    try:
        while data := os.read(descriptor, _READ):
            sink(data)
    except BlockingIOError:
        pass
