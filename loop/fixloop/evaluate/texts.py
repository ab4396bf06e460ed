"""Reads files that a workspace supplies: its links may lead anywhere, to devices and pipes too.

Never reads anything outside the workspace as one of its texts, nor what is no regular file or too large.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_SETTINGS_BYTES = 1 << 20
_TEXT_BYTES = 64 << 20


def read_small(file: Path) -> str:
    """A settings file as text; empty where there is none, or none of a reasonable kind and size."""
    try:
        return _read(file, _SETTINGS_BYTES).decode("utf-8", "replace")
    except (OSError, ValueError):
        return ""


def read_within(root: Path, path: str) -> bytes:
    """A file by its path from the root, links followed as long as they stay inside. Raises OSError and ValueError."""
    real = (root / path).resolve()
    if not real.is_relative_to(root.resolve()):
        raise OSError(errno.EACCES, "it lies outside the workspace", path)
    return _read(real, _TEXT_BYTES)


def _read(file: Path, at_most: int) -> bytes:
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not keep us waiting
    with os.fdopen(descriptor, "rb") as stream:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(file))
        if found.st_size > at_most:
            raise OSError(errno.EFBIG, "it is too large", str(file))
        return stream.read(at_most + 1)
