"""What a command printed of its failure: Python tracebacks and doctest's reports, as frames and exceptions.

Printed text is good for finding a place and for telling a person; nothing here decides whether anything passed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from fixloop.probe.paths import NOT_PROJECT
from fixloop.records.execution import Failure, Frame

FRAMES_AT_MOST = 50
UNNAMED = "Failure"
_FRAME = re.compile(r'^\s*(?:\| )*File "(?P<path>[^"\n]+)", line (?P<line>\d{1,7})(?:, in (?P<function>.+))?$')
_SHORT_FRAME = re.compile(r"^(?P<path>[\w./-]+\.py):(?P<line>\d{1,7}): (?P<function>\w.*)?$")  # pytest's
_EXCEPTION = re.compile(r"^(?:\| )*(?P<name>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_EXAMPLE = re.compile(r"^Failed example:$")


def last_failure(text: str, root: str) -> Failure:
    """The last exception that a text tells of, with the project's frames; UNNAMED where it tells of none."""
    blocks = list(_blocks(text.splitlines(), root))
    if blocks:
        return next((block for block in reversed(blocks) if block.frames), blocks[-1])
    return Failure(UNNAMED, "")


def _blocks(lines: list[str], root: str) -> Iterator[Failure]:
    """One failure for each run of frames, with the exception that follows it."""
    frames: list[Frame] = []
    inside = False
    for at, line in enumerate(lines):
        found = _FRAME.match(line) or _SHORT_FRAME.match(line)
        if found:
            inside = True
            path = project_path(found["path"], root)
            if path is not None:
                frames.append(Frame(path, max(int(found["line"]), 1), found["function"] or "<module>"))
        elif inside and _EXAMPLE.match(line):
            yield Failure("DoctestFailure", _example(lines[at + 1 :]), tuple(frames[-FRAMES_AT_MOST:]))
            frames, inside = [], False
        elif inside and line[:1] not in {" ", ""} and (said := _EXCEPTION.match(line)):
            name = said["name"].rpartition(".")[2]
            yield Failure(name, said["message"] or "", tuple(frames[-FRAMES_AT_MOST:]))
            frames, inside = [], False
    if inside and frames:
        yield Failure(UNNAMED, "", tuple(frames[-FRAMES_AT_MOST:]))


def _example(lines: list[str]) -> str:
    kept: list[str] = []
    for line in lines:
        if line.startswith("***"):
            break
        kept.append(line.strip())
    return " ".join(kept[:12])


def project_path(path: str, root: str) -> str | None:
    """The path from the root of a file of the project, wherever the sandbox showed the workspace."""
    if path.startswith("/"):
        if not path.startswith(f"{root}/"):
            return None
        path = path[len(root) + 1 :]
    path = posixpath.normpath(path)
    if not path.endswith(".py") or any(part in NOT_PROJECT or part.startswith(".") for part in path.split("/")):
        return None
    return path
