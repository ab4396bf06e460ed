"""Copies and removes directory trees whose content nobody vouches for. Never follows a link."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH101, PTH102, PTH112, PTH114, PTH115, PTH118, PTH119, PTH211
from __future__ import annotations

import contextlib
import os
import shutil
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
    """Remove a tree whatever modes were left in it; missing is fine."""
    _open_up(folder)
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            _open_up(os.path.join(parent, name))
    shutil.rmtree(folder, ignore_errors=True)


def _open_up(folder: str) -> None:
    with contextlib.suppress(OSError):  # gone, or not ours
        if not os.path.islink(folder):
            os.chmod(folder, 0o700)
