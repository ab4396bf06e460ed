"""A forked process that goes on serving where its parent cannot: it is asked by lines and says when it is done.

Holds no state of tests. Both ends are plain pipes; each side notices when the other one ends.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
from typing import Any, Callable, Iterator

DONE, NOT_MINE, GONE = b".", b"n", b""


class Deputy:
    """The parent's end. ``serve`` runs in the new process, with its requests and a way to say that one is done."""

    def __init__(self, serve: Callable[[Iterator[dict[str, Any]], Callable[[bytes], object]], object]) -> None:
        request_reader, self._requests = os.pipe()
        self._done, done_writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            try:
                os.close(self._requests)
                os.close(self._done)
                os.setsid()
                serve(_lines(request_reader), lambda word: os.write(done_writer, word))
            finally:
                os._exit(1)
        os.close(request_reader)
        os.close(done_writer)

    def ask(self, request: dict[str, Any]) -> bytes:
        """Have a request answered: DONE, NOT_MINE, or GONE."""
        line = json.dumps(request).encode() + b"\n"
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            return GONE
        return self.wait()

    def wait(self) -> bytes:
        """The next word that it says; GONE when it has ended instead."""
        return os.read(self._done, 1)

    def end(self) -> None:
        """End it, and what it started."""
        os.close(self._requests)
        os.close(self._done)
        with contextlib.suppress(OSError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _lines(descriptor: int) -> Iterator[dict[str, Any]]:
    with os.fdopen(descriptor, "rb") as stream:
        for line in stream:
            yield json.loads(line)
