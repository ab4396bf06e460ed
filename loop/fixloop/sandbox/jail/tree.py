"""Copies and removes directory trees whose content nobody vouches for. Never follows a link."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH102, PTH106, PTH112, PTH114, PTH115, PTH118, PTH119, PTH208, PTH211
from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable

from .order import Refused

# Other people's code and caches: large, and never what is repaired.
LEFT_OUT = frozenset(
    {
        ".venv",
        "venv",
        "node_modules",
        "__pycache__",
        "__pypackages__",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
    }
)


class Stopped(Exception):
    """The copy was given up half-way."""


def is_left_out(path: str) -> bool:
    """True for what LEFT_OUT names."""
    return os.path.basename(path) in LEFT_OUT


def copy(source: str, target: str, stop: Callable[[], bool], leave_out: Callable[[str], bool] = is_left_out) -> None:
    """Copy files, folders and links, except what is to be left out.

    Raises Refused, and Stopped once ``stop`` says so.
    """
    os.mkdir(target)
    with os.scandir(source) as entries:
        for entry in entries:
            if stop():
                raise Stopped
            if not leave_out(entry.path):
                _copy_entry(entry, os.path.join(target, entry.name), stop, leave_out)


def imitate(source: str, target: str) -> None:
    """Make a link like ``source``, or an empty file or folder of its kind, for something to be mounted on."""
    if os.path.islink(source):
        os.symlink(os.readlink(source), target)
    elif os.path.isdir(source):
        os.mkdir(target)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def _copy_entry(
    entry: os.DirEntry[str], target: str, stop: Callable[[], bool], leave_out: Callable[[str], bool]
) -> None:
    try:
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            copy(entry.path, target, stop, leave_out)
        elif entry.is_file():  # sockets, pipes and devices have no content to copy
            shutil.copy2(entry.path, target)
    except (FileNotFoundError, PermissionError):
        pass  # gone meanwhile, or as unreadable to the command as to us
    except OSError as error:
        raise Refused(f"copy {entry.path}: {error.strerror}") from None


def remove(folder: str) -> None:
    """Remove a tree whatever modes, names and depth were left in it; missing is fine.

    Folders are moved to the top before they are emptied, so that neither paths nor recursion grow with the depth.
    """
    with contextlib.suppress(OSError):
        top = _open_up(folder, None)
        try:
            waiting = os.listdir(top)
            while waiting:
                waiting += _remove_entry(waiting.pop(), top)
        finally:
            os.close(top)
        os.rmdir(folder)


def _remove_entry(name: str, top: int) -> list[str]:
    """Remove an entry of ``top``. Folders that lay in it are in ``top`` afterwards, under the names returned."""
    moved: list[str] = []
    with contextlib.suppress(OSError):  # gone, or not ours
        if not _is_folder(name, top):
            os.unlink(name, dir_fd=top)
            return []
        descriptor = _open_up(name, top)
        try:
            for inner in os.listdir(descriptor):
                moved += _remove_or_move(inner, descriptor, top)
        finally:
            os.close(descriptor)
        os.rmdir(name, dir_fd=top)
    return moved


def _remove_or_move(name: str, parent: int, top: int) -> list[str]:
    with contextlib.suppress(OSError):
        if not _is_folder(name, parent):
            os.unlink(name, dir_fd=parent)
            return []
        os.close(_open_up(name, parent))  # only a folder that may be written can be moved
        unused = os.urandom(16).hex()
        os.rename(name, unused, src_dir_fd=parent, dst_dir_fd=top)
        return [unused]
    return []


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode)


def _open_up(name: str, parent: int | None) -> int:
    """Open a folder, never through a link, and make it writable."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        descriptor = os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, stat.S_IRWXU, dir_fd=parent)
        descriptor = os.open(name, flags, dir_fd=parent)
    os.fchmod(descriptor, stat.S_IRWXU)
    return descriptor
