"""One line of the workspace, for showing."""

from __future__ import annotations

from fixloop.ports import Unreadable
from fixloop.report.diff import Read
from fixloop.report.words import one_line


def line_at(path: str, line: int, read: Read) -> str:
    """A 1-based line without its indent; empty where there is no such line or the file cannot be read."""
    try:
        source = read(path)
    except Unreadable:
        return ""
    return one_line(source.line_text(line)) if 1 <= line <= source.line_count else ""
