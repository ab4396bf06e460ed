"""A patch as a unified diff that ``git apply`` and ``patch -p1`` accept.

Headers are the traditional two lines, without ``diff --git``: git then takes the paths from the current directory.
A diff is text to show and bytes to apply; the bytes are in each file's own encoding, byte order mark included.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Iterator

from fixloop.records.source import Patch, SourceText

Read = Callable[[str], SourceText]
"""From a path to the text that edits were computed from. Raises ports.Unreadable."""

_QUOTED = re.compile(r'[\x00-\x1f"\\\x7f]')


def diff_text(patch: Patch, read: Read) -> str:
    """The diff for people and for JSON, with paths from the workspace's root.

    Raises StaleText when ``read`` gives other texts than the patch was computed from, and Unreadable.
    """
    return "".join(header + body for header, body, _ in _files(patch, read, lambda path: path))


def diff_bytes(patch: Patch, read: Read, shown_as: Callable[[str], str] = lambda path: path) -> bytes:
    """The diff for tools. ``shown_as`` turns a path from the root into the one that the reader's tool needs."""
    return b"".join(
        os.fsencode(header) + body.encode(encoding) for header, body, encoding in _files(patch, read, shown_as)
    )


def _files(patch: Patch, read: Read, shown_as: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    """Header, hunks and encoding of each changed file."""
    for file in patch.files:
        old = read(file.path)
        new = file.apply(old)
        # The BOM is dropped by utf-8-sig but is part of the first line for every diff tool.
        encoding = "utf-8" if old.encoding == "utf-8-sig" else old.encoding
        before, after = (_lines(source.data.decode(encoding)) for source in (old, new))
        hunks = list(difflib.unified_diff(before, after, n=3))[2:]
        if hunks:
            path = shown_as(file.path)
            header = f"--- {_name('a/' + path)}\n+++ {_name('b/' + path)}\n"
            yield header, "".join(map(_with_marker, hunks)), encoding


def _name(path: str) -> str:
    if _QUOTED.search(path):
        return '"' + _QUOTED.sub(lambda match: f"\\{ord(match.group()):03o}", path) + '"'
    return f"{path}\t" if " " in path else path  # a tab ends a name that holds spaces


def _lines(text: str) -> list[str]:
    # Only the line feed ends a line for git and patch; a form feed or lone CR is content.
    return re.findall(r"[^\n]*\n|[^\n]+$", text)


def _with_marker(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
