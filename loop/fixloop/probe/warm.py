"""The warm process: has imported pytest and the packages that a project uses, never the project itself.

It forks the process in which pytest starts, and hands requests on to it. Each of the processes (this one, then
``configured``, then ``loaded``) goes one step further, and none goes back. Requests are served one at a time.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.util
import json
import os
import sys
from typing import Any, Callable, Iterator, Optional

from . import children, paths, wire
from .answers import Answers
from .deputy import DONE, GONE, NOT_MINE, Deputy


def main(slots: Any) -> None:
    """Serve requests from ``REQUEST_FD`` until there are no more; never returns. ``slots``: see ``children``."""
    requests = os.fdopen(wire.REQUEST_FD, "rb")
    first = json.loads(requests.readline())
    answers = Answers(first["token"])
    try:
        importlib.import_module("pytest")  # before anything of the project can be imported under that name
    except ImportError as error:
        answers.send(wire.PROBLEM, what=wire.NO_PYTEST, message=str(error))
        os._exit(4)
    root = os.getcwd()
    paths.install(root, first["root"], first["projects"], first["sys_path"])
    _import([*_plugins(), *first["packages"]], root)
    gc.collect()
    gc.freeze()
    answers.send(wire.READY, threads=children.threads())
    warm = _Warm(slots, answers, root, requests)
    for line in requests:
        warm.serve(line)
    warm.leave()


def _plugins() -> list[str]:
    """pytest's own, which it imports only when it starts."""
    names = getattr(importlib.import_module("_pytest.config"), "default_plugins", ())
    return [f"_pytest.{name}" for name in names] + [
        f"{__package__}.{name}" for name in ("configured", "fresh", "loaded")
    ]


def _import(packages: list[str], root: str) -> None:
    """Import packages that are not the project's; one that cannot be is left to whoever wants it."""
    for package in packages:
        with contextlib.suppress(BaseException):
            spec = importlib.util.find_spec(package)
            if spec is not None and paths.relative(spec.origin or "<", root) is None:
                importlib.import_module(package)


class _Warm:
    """Serves requests; at most one configured process at a time."""

    def __init__(self, slots: Any, answers: Answers, root: str, requests: Any) -> None:
        self._slots = slots
        self._answers = answers
        self._root = root
        self._requests = requests
        self._progress = children.Progress()
        self._configured: Optional[Deputy] = None
        self._args: list[str] = []

    def serve(self, line: bytes) -> None:
        """Answer one request, ending in DONE."""
        request = json.loads(line)
        if request["do"] == wire.LOAD and (self._configured is None or request["args"] != self._args):
            self._leave_configured()
            self._args = request["args"]
            self._configured = Deputy(lambda requests, say: self._configure(request, requests, say))
        word = GONE if self._configured is None else self._configured.ask(request)
        if request["do"] == wire.FRESH and word in (GONE, NOT_MINE):
            self._fresh(request)
        elif word == GONE:
            self._leave_configured()
        gone = request["do"] != wire.FRESH and word != DONE
        self._answers.send(wire.DONE, gone=gone)

    def _configure(
        self, request: dict[str, Any], requests: Iterator[dict[str, Any]], say: Callable[[bytes], object]
    ) -> None:
        """In the new process: start pytest. Returns when nothing more is asked, or when pytest does not start."""
        from .configured import Configured
        from .loading import Loading
        from .recorder import Recorder

        self._requests.close()
        self._answers.adopt()
        recorder = Recorder(self._answers, self._root, request["check_seconds"], None)
        loading = Loading()
        configured = Configured(self._slots, self._answers, recorder, loading, self._root, requests, say)
        sys.argv = ["pytest", *request["args"]]
        loading.begin()
        importlib.import_module("pytest").main(request["args"], plugins=[recorder, configured])

    def _fresh(self, request: dict[str, Any]) -> None:
        from . import fresh

        def work(_pipe: int) -> None:
            self._answers.adopt()
            children.quiet()
            fresh.start(self._answers, self._root, request)

        fresh.follow(self._slots, self._answers, request, work, self._progress)

    def _leave_configured(self) -> None:
        if self._configured is not None:
            self._configured.end()
            self._configured = None

    def leave(self) -> None:
        """Nothing more is asked."""
        self._leave_configured()
        os._exit(0)
