"""A warm process in the sandbox: it stays, is asked a line at a time and answers a line at a time.

A session is used by one thread at a time. Whatever the inside does, its methods raise nothing but SessionOver.
"""

from __future__ import annotations

import math
import os
import queue
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fixloop.sandbox.collect import Collector
from fixloop.sandbox.job import Completed, Ended, Job, Tier
from fixloop.sandbox.launch import Unacceptable, start


class SessionOver(Exception):
    """The warm process has ended or was never started; ``completed`` says how."""

    def __init__(self, completed: Completed) -> None:
        super().__init__(completed.detail or completed.ended.value)
        self.completed = completed


class Session:
    """The way to a warm process. Made by ``open_session``."""

    def __init__(self, requests: int, answers: queue.SimpleQueue[bytes | Completed]) -> None:
        self._requests = requests
        self._answers = answers
        self._over: Completed | None = None

    def send(self, line: bytes) -> None:
        """Ask, in a line that holds no line end. Raises SessionOver."""
        data = memoryview(line + b"\n")
        try:
            while data:
                data = data[os.write(self._requests, data) :]
        except BrokenPipeError:
            raise SessionOver(self._wait_for_end()) from None

    def receive(self, seconds: float) -> bytes | None:
        """The next line of the channel, or None when none came in time. Raises SessionOver once all were taken."""
        if self._over is not None:
            raise SessionOver(self._over)
        try:
            found = self._answers.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Completed):
            self._over = found
            raise SessionOver(found)
        return found

    def _wait_for_end(self) -> Completed:
        while self._over is None:
            try:
                self.receive(math.inf)
            except SessionOver:
                continue
        return self._over


@contextmanager
def open_session(job: Job, tier: Tier) -> Generator[Session]:
    """Start a job's command as a warm process, and end it with all that it started. Raises SessionOver.

    Requests come to the command on descriptor 3, which the job's ``request`` would otherwise fill. The wall time of
    its limits does not count, and that of its output counts for each line. Only the full tier has warm processes.
    """
    if tier is not Tier.FULL:
        detail = "A warm process needs the full sandbox tier."
        raise SessionOver(Completed(Ended.NOT_STARTED, detail=detail))
    closing = threading.Event()
    answers: queue.SimpleQueue[bytes | Completed] = queue.SimpleQueue()
    limits = replace(job.limits, wall_seconds=math.inf)
    collector = Collector(limits, time.monotonic(), closing.is_set, answers.put, keep_records=False)
    nowhere = Path(tempfile.gettempdir()) / "unused"  # the full tier leaves no directory
    try:
        with start(job, tier, nowhere, warm=True) as (launcher, pipes):

            def follow() -> None:
                answers.put(collector.collect(launcher, pipes.output, pipes.channel, pipes.report))

            follower = threading.Thread(target=follow, name="fixloop-session", daemon=True)
            follower.start()
            try:
                yield Session(pipes.requests, answers)
            finally:
                closing.set()
                follower.join()
    except Unacceptable as reason:
        raise SessionOver(Completed(Ended.NOT_STARTED, detail=f"The sandbox was not started: {reason}.")) from None
