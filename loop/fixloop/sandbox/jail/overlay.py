"""Lays unsaved and candidate texts over a workspace that is already private.

Links were resolved by the parent; a path that still leads through one is refused. Compiled files that belong to the
replaced text are removed, because their check (time in seconds and size) cannot tell two edits apart.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH103, PTH108, PTH118, PTH208
from __future__ import annotations

import errno
import os
import stat

from .order import Refused

_OTHERS = (errno.EACCES, errno.EPERM, errno.EOVERFLOW)


def lay(root: str, files: dict[str, bytes]) -> None:
    """Write each file below ``root``. Raises Refused."""
    for relative, data in files.items():
        try:
            _write(os.path.join(root, relative), data)
        except OSError as error:
            hint = " (does its folder belong to another user or group?)" if error.errno in _OTHERS else ""
            raise Refused(f"{relative} could not be laid over the workspace: {error.strerror}{hint}") from None


def _write(path: str, data: bytes) -> None:
    folder, name = os.path.split(path)
    os.makedirs(folder, exist_ok=True)
    if os.path.realpath(folder) != folder:
        raise Refused(f"{path} could not be laid over the workspace: its folder leads elsewhere")
    before = _status(path)
    if before and not stat.S_ISREG(before.st_mode):  # a link's target is outside; a pipe would wait for a reader
        os.unlink(path)
        before = None
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if before and int(before.st_mtime) == int(after.st_mtime):
        os.utime(path, (before.st_mtime + 1, before.st_mtime + 1))
    if name.endswith(".py"):
        _forget_compiled(os.path.join(folder, "__pycache__"), name[: -len("py")])


def _forget_compiled(cache: str, prefix: str) -> None:
    status = _status(cache)
    if status and stat.S_ISDIR(status.st_mode):
        for name in os.listdir(cache):
            if name.startswith(prefix) and name.endswith(".pyc"):
                os.unlink(os.path.join(cache, name))


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except FileNotFoundError:
        return None
