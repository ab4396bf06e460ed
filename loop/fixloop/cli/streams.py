"""Standard output: written once, whole, as bytes, and a reader that has left is no error."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence

from fixloop.report.documents import Document

Part = str | bytes
"""Text in the stream's own encoding, or bytes as they are."""


def stdout_is_terminal() -> bool:
    """Whether a person reads standard output directly."""
    return _is_terminal(sys.stdout)


def stderr_is_terminal() -> bool:
    """Whether a person reads standard error directly, on a terminal that can redraw a line."""
    return _is_terminal(sys.stderr) and os.environ.get("TERM", "") not in {"", "dumb", "unknown"}


def _is_terminal(stream: object) -> bool:
    return isinstance(stream, io.TextIOBase) and not stream.closed and stream.isatty()


def write_document(document: Document) -> None:
    """One JSON document, in ASCII so that every encoding and every path survives."""
    write([json.dumps(document, indent=2), "\n"])


def write(parts: Sequence[Part]) -> None:
    """Write and flush; a closed pipe swallows the rest in silence."""
    stream = sys.stdout
    if stream is None:  # pyright: ignore[reportUnnecessaryComparison]  (started with a closed descriptor)
        return
    encoding = stream.encoding or "utf-8"
    data = b"".join(part if isinstance(part, bytes) else part.encode(encoding, "backslashreplace") for part in parts)
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        # What is left in the buffer would raise again when the interpreter flushes it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
