"""One candidate by importing the project anew, in a child of a process that has imported everything but the project.

The edited texts take the files' places as they are imported; the disk is left alone. From there on it is a cold run.
"""

from __future__ import annotations

import base64
import importlib.machinery
import linecache
import os
import sys
from types import CodeType
from typing import Any

from . import wire
from .answers import Answers
from .recorder import Recorder
from .watch import Watch


def run(answers: Answers, root: str, request: dict[str, Any]) -> None:
    """Run the request's checks in this process; its records go to the channel."""
    import pytest

    sources = {os.path.join(root, path): base64.b64decode(data) for path, data in request["files"].items()}
    _lay(sources)
    watch = Watch()
    watch.on(sources)
    sys.argv = ["pytest", *request["args"]]
    answers.send(wire.READY)
    try:
        status = int(pytest.main(request["args"], plugins=[Recorder(answers, root, request["check_seconds"], None)]))
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
        return as_told(loader, name) if data is None else compiled(data, loader.path)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    for filename, data in sources.items():
        show(filename, data)


def compiled(data: bytes, filename: str) -> CodeType:
    """A module's code, as importing it makes it."""
    return compile(data, filename, "exec", dont_inherit=True)


def show(filename: str, data: bytes) -> None:
    """Let tracebacks find this text without reading the file."""
    lines = data.decode("utf-8", "replace").splitlines(keepends=True)
    linecache.cache[filename] = (len(data), None, lines, filename)
