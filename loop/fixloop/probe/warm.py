"""The warm process: has imported pytest and the packages that a project uses, never the project itself.

It forks the process that loads the project, once for each state of its files, and a child for each candidate that has
to be imported anew. It serves one request at a time and does nothing by itself.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import signal
import sys
import time
from typing import Any, Optional

from . import children, paths, wire
from .answers import Answers


def main(slots: Any) -> None:
    """Serve requests from ``REQUEST_FD`` until there are no more; never returns. ``slots``: see ``children``."""
    requests = os.fdopen(wire.REQUEST_FD, "rb")
    first = json.loads(requests.readline())
    answers = Answers(first["token"])
    try:
        import pytest  # before anything of the project can be imported under that name
    except ImportError as error:
        answers.send(wire.PROBLEM, what=wire.NO_PYTEST, message=str(error))
        os._exit(4)
    root = os.getcwd()
    paths.install(root, first["root"], first["projects"], first["sys_path"])
    _import(first["packages"], root)
    gc.collect()
    gc.freeze()
    answers.send(wire.READY, python=sys.version.split()[0], pytest=pytest.__version__, threads=children.threads())
    warm = _Warm(slots, answers, root, requests)
    for line in requests:
        warm.serve(line)
    warm.leave()


def _import(packages: list[str], root: str) -> None:
    """Import packages that are not the project's; one that cannot be is left to whoever wants it."""
    for package in packages:
        with contextlib.suppress(BaseException):
            spec = importlib.util.find_spec(package)
            if spec is not None and paths.relative(spec.origin or "<", root) is None:
                importlib.import_module(package)


class _Warm:
    """Serves requests; at most one loaded process at a time."""

    def __init__(self, slots: Any, answers: Answers, root: str, requests: Any) -> None:
        self._slots = slots
        self._answers = answers
        self._root = root
        self._requests = requests
        self._progress = children.Progress()
        self._loaded: Optional[_LoadedProcess] = None

    def serve(self, line: bytes) -> None:
        """Answer one request, ending in DONE."""
        request = json.loads(line)
        gone = False
        if request["do"] == wire.LOAD:
            self._leave_loaded()
            self._loaded = _LoadedProcess(self._slots, self._answers, self._root, request, self._requests)
            gone = not self._loaded.wait()
        elif request["do"] == wire.TRY:
            gone = self._loaded is None or not self._loaded.ask(line)
        elif request["do"] == wire.FRESH:
            self._fresh(request)
        if gone:
            self._leave_loaded()
        self._answers.at = wire.UNCHANGED
        self._answers.send(wire.DONE, gone=gone)

    def _fresh(self, request: dict[str, Any]) -> None:
        from . import fresh

        def work(_pipe: int) -> None:
            self._answers.adopt()
            children.quiet()
            fresh.run(self._answers, self._root, request)

        self._answers.at = request["at"]
        wall, before = time.perf_counter(), os.times()
        answer = children.run(self._slots, work, self._progress, request["wall_seconds"])
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        self._answers.send(
            wire.ENDED,
            stalled=answer.stalled,
            status=answer.status,
            wall=time.perf_counter() - wall,
            cpu=cpu,
        )

    def _leave_loaded(self) -> None:
        if self._loaded is not None:
            self._loaded.end()
            self._loaded = None

    def leave(self) -> None:
        """Nothing more is asked."""
        self._leave_loaded()
        os._exit(0)


class _LoadedProcess:
    """The process with the project in it, seen from its parent."""

    def __init__(self, slots: Any, answers: Answers, root: str, request: dict[str, Any], requests: Any) -> None:
        request_reader, self._requests = os.pipe()
        self._done, done_writer = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            try:
                os.close(self._requests)
                os.close(self._done)
                requests.close()
                os.setsid()
                answers.adopt()
                _load(slots, answers, root, request, request_reader, done_writer)
            finally:
                os._exit(1)
        os.close(request_reader)
        os.close(done_writer)

    def ask(self, line: bytes) -> bool:
        """Have a request answered; False when the process is gone."""
        try:
            while line:
                line = line[os.write(self._requests, line) :]
        except BrokenPipeError:
            return False
        return self.wait()

    def wait(self) -> bool:
        """Until it has answered; False when it is gone instead."""
        return bool(os.read(self._done, 1))

    def end(self) -> None:
        """End it, and what it started."""
        os.close(self._requests)
        os.close(self._done)
        with contextlib.suppress(OSError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _load(
    slots: Any, answers: Answers, root: str, request: dict[str, Any], request_reader: int, done_writer: int
) -> None:
    """In the new process: import, collect, serve. Returns when nothing more is asked, or the project does not load."""
    import pytest

    from .loaded import Loaded
    from .recorder import Recorder

    stream = os.fdopen(request_reader, "rb")

    def requests() -> Optional[dict[str, Any]]:
        line = stream.readline()
        return json.loads(line) if line else None

    recorder = Recorder(answers, root, request["check_seconds"], None)
    loaded = Loaded(slots, answers, recorder, root, request, requests, lambda: os.write(done_writer, b"."))
    sys.argv = ["pytest", *request["args"]]
    loaded.watch_loading()
    pytest.main(request["args"], plugins=[recorder, loaded])
