"""Folders that hold one run each, and what is left of them when everybody who could remove one was killed.

A folder is in use for as long as its maker holds a lock on it, which ends with the process. Only folders of this user
are ever looked at, and nothing is removed without having its lock.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH102, PTH116, PTH118
from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable

from . import tree
from .order import Refused

PREFIX = "fixloop-run-"
COPY = "copy"  # the part that belongs to the command
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS = 5


def make(path: str) -> int:
    """Make the folder and give a descriptor that holds its lock. Raises Refused."""
    for _ in range(_ATTEMPTS):
        os.mkdir(path, 0o700)
        with contextlib.suppress(FileNotFoundError):  # swept between the two calls
            descriptor = os.open(path, _FOLDER)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if _is_still(path, descriptor):
                return descriptor
            os.close(descriptor)
    raise Refused(f"keep the folder {path}: something removes it again and again")


def sweep(parent: str, end_processes: Callable[[int], None]) -> None:
    """Remove what nobody uses any more below ``parent``, after ending the processes of a user that only it had."""
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
                with contextlib.suppress(OSError):
                    _sweep_one(entry.path, end_processes)


def _sweep_one(path: str, end_processes: Callable[[int], None]) -> None:
    descriptor = os.open(path, _FOLDER)
    try:
        if os.fstat(descriptor).st_uid != os.getuid() or not _lock_at_once(descriptor):
            return
        if not _is_still(path, descriptor):
            return
        with contextlib.suppress(FileNotFoundError):
            owner = os.lstat(os.path.join(path, COPY)).st_uid
            if owner != os.getuid():
                end_processes(owner)
        tree.remove(path)
    finally:
        os.close(descriptor)


def _lock_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise
        return False
    return True


def _is_still(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
    except FileNotFoundError:
        return False
