"""One candidate by importing the project anew, in a child of a process that has imported nothing of it.

The edited texts take the files' places as they are imported; the disk is left alone. From there on it is a cold run.
"""

from __future__ import annotations

import base64
import importlib.machinery
import linecache
import os
import sys
import time
from typing import Any, Callable

import pytest

from . import children, wire
from .answers import Answers
from .recorder import Recorder
from .watch import Watch

_OK, _TESTS_FAILED, _INTERRUPTED, _INTERNAL_ERROR, _USAGE_ERROR, _NO_TESTS = range(6)


def follow(
    slots: Any,
    answers: Answers,
    request: dict[str, Any],
    work: Callable[[int], None],
    progress: children.Progress,
) -> None:
    """Run ``work`` in a child and tell how that ended."""
    answers.at = request["at"]
    wall, before = time.perf_counter(), os.times()
    answer = children.run(slots, work, progress, request["wall_seconds"])
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    seconds = time.perf_counter() - wall
    answers.send(wire.ENDED, stalled=answer.stalled, status=answer.status, wall=seconds, cpu=cpu)
    answers.at = wire.UNCHANGED


def start(answers: Answers, root: str, request: dict[str, Any]) -> None:
    """Run the request's checks in this process, pytest's start included; its records go to the channel."""
    sys.argv = ["pytest", *request["args"]]
    recorder = Recorder(answers, root, request["check_seconds"], None)
    _watched(answers, root, request, lambda: int(pytest.main(request["args"], plugins=[recorder])))


def go_on(answers: Answers, root: str, request: dict[str, Any], session: Any) -> None:
    """The same for a session that has started and collected nothing."""

    def rest() -> int:
        try:
            session.config.hook.pytest_collection(session=session)
            session.config.hook.pytest_runtestloop(session=session)
        except pytest.UsageError:
            return _USAGE_ERROR
        except session.Failed:
            return _TESTS_FAILED
        except (KeyboardInterrupt, session.Interrupted, pytest.exit.Exception):
            return _INTERRUPTED
        except BaseException:
            return _INTERNAL_ERROR
        if session.testsfailed:
            return _TESTS_FAILED
        return _OK if session.testscollected else _NO_TESTS

    _watched(answers, root, request, rest)


def _watched(answers: Answers, root: str, request: dict[str, Any], run: Callable[[], int]) -> None:
    sources = {os.path.join(root, path): base64.b64decode(data) for path, data in request["files"].items()}
    _lay(sources)
    watch = Watch()
    watch.on(sources)
    answers.send(wire.READY)
    try:
        status = run()
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    seen = watch.off()
    if seen:
        answers.send(wire.TRIED, again=seen)
    answers.send(wire.END, status=status)


def _lay(sources: dict[str, bytes]) -> None:
    """Let these texts be what is imported, and shown in tracebacks, for these files."""
    as_told = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: Any, name: str) -> Any:
        data = sources.get(loader.path) or sources.get(os.path.realpath(loader.path))
        return as_told(loader, name) if data is None else compile(data, loader.path, "exec", dont_inherit=True)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    for filename, data in sources.items():
        show(filename, data)


def show(filename: str, data: bytes) -> None:
    """Let tracebacks find this text without reading the file."""
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    linecache.cache[filename] = (len(data), None, lines, filename)
