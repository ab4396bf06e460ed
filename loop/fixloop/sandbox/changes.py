"""What a command changed in its workspace: what the sandbox told, compared with the files on the host.

Reads the host's workspace and writes nothing. A path is followed by its real folders only: where the host has a link
in its way, there is no such file before.
"""

# Strings, as what a command names its files need not be a path that pathlib keeps as it is.
# ruff: noqa: PTH114, PTH115, PTH118, PTH120
from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fixloop.sandbox.jail import changes as told

MOST_BYTES = 16 << 20  # handed out by one run
_MOST_GONE = 20_000


@dataclass(frozen=True)
class Content:
    """A file, or a link whose ``data`` is its target. ``data`` None: too large, or not to be read."""

    data: bytes | None
    is_link: bool = False
    is_executable: bool = False


@dataclass(frozen=True)
class Change:
    """One path from the root, before and after; None where there is no file or link."""

    path: str
    before: Content | None
    after: Content | None


@dataclass(frozen=True)
class Changes:
    """All of them by path. ``notes`` say in sentences what is not among them, ``complete`` that nothing was cut off."""

    changed: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    complete: bool = True


def read(data: bytes, root: Path) -> Changes:
    """The changes from ``Completed.changes`` of a run whose workspace was ``root``."""
    reading = _Reading(_Host(os.fspath(root)))
    for kind, path, mode, content in _records(data):
        reading.take(kind, path, mode, content)
    return reading.changes()


def _records(data: bytes) -> Iterator[tuple[bytes, str, int, bytes]]:
    at = 0
    while at + told.HEADER.size <= len(data):
        kind, mode, path_size, size = told.HEADER.unpack_from(data, at)
        start = at + told.HEADER.size
        at = start + path_size + size
        if at > len(data):
            return
        yield kind, os.fsdecode(data[start : start + path_size]), mode, data[start + path_size : at]


class _Reading:
    def __init__(self, host: _Host) -> None:
        self._host = host
        self._after: dict[str, Content | None] = {}
        self._emptied: list[str] = []
        self._not_shown: list[str] = []
        self._complete = False

    def take(self, kind: bytes, path: str, mode: int, content: bytes) -> None:
        """One record."""
        executable = bool(mode & stat.S_IXUSR)
        match kind:
            case told.FILE:
                self._set(path, Content(content, is_executable=executable))
            case told.LINK:
                self._set(path, Content(content, is_link=True))
            case told.LARGE:
                self._set(path, Content(None, is_executable=executable))
            case told.GONE | told.EMPTIED:
                self._set(path, None)
            case told.FOLDER:
                if not self._host.is_folder(path):
                    self._set(path, None)
            case told.SPECIAL:
                self._set(path, None)
                self._not_shown.append(f"{path} is now a pipe, socket or device")
            case told.UNREADABLE:
                self._not_shown.append(f"{path} cannot be read")
            case told.LEFT_OUT:
                self._not_shown.append(f"{path} is left out")
            case told.END:
                self._complete = True
            case _:
                pass

    def _set(self, path: str, after: Content | None) -> None:
        self._after[path] = after
        if self._host.is_folder(path):
            self._emptied.append(path)

    def changes(self) -> Changes:
        """What is different from the host."""
        for folder in self._emptied:
            for path in self._host.files(folder):
                self._after.setdefault(path, None)
        changed: list[Change] = []
        for path, after in sorted(self._after.items(), key=lambda item: os.fsencode(item[0])):
            before = self._host.content(path)
            if before == after and (after is None or after.data is not None):
                continue
            change = Change(path, before, after)
            if any(side is not None and side.data is None for side in (before, after)):
                self._not_shown.append(f"{path} is too large, or cannot be read")
            else:
                changed.append(change)
        complete = self._complete and not self._host.cut
        cut = () if complete else ("There are more changes than are shown: a limit was met.",)
        notes = (*cut, *(f"Not among the changes: {said}." for said in sorted(self._not_shown)))
        return Changes(tuple(changed), notes, complete)


class _Host:
    """The workspace as it is on this machine."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._folders: dict[str, bool] = {"": True}
        self._left = _MOST_GONE
        self.cut = False

    def is_folder(self, path: str) -> bool:
        """True for a folder that is reached without a link."""
        known = self._folders.get(path)
        if known is None:
            known = self.is_folder(os.path.dirname(path)) and _is(stat.S_ISDIR, self._place(path))
            self._folders[path] = known
        return known

    def content(self, path: str) -> Content | None:
        """The file or link there; None for everything else."""
        place = self._place(path)
        if not self.is_folder(os.path.dirname(path)):
            return None
        if _is(stat.S_ISLNK, place):
            return Content(os.fsencode(os.readlink(place)), is_link=True)
        return _read(place) if _is(stat.S_ISREG, place) else None

    def files(self, folder: str) -> Iterator[str]:
        """Every file and link below a folder, caches and the like left out."""
        for parent, folders, names in os.walk(self._place(folder)):
            below = os.path.relpath(parent, self._root)
            links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
            folders[:] = sorted(name for name in folders if name not in told.CACHES | told.NOT_TOLD)
            for name in sorted([*names, *links]):
                self._left -= 1
                if self._left < 0:
                    self.cut = True
                    return
                yield os.path.join(below, name)

    def _place(self, path: str) -> str:
        return os.path.join(self._root, path)


def _is(kind: Callable[[int], bool], place: str) -> bool:
    try:
        return kind(os.lstat(place).st_mode)
    except OSError:
        return False


def _read(place: str) -> Content:
    try:
        file = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return Content(None)
    with os.fdopen(file, "rb") as stream:
        executable = bool(os.fstat(file).st_mode & stat.S_IXUSR)
        data = stream.read(told.MOST_IN_FILE + 1)
    return Content(data if len(data) <= told.MOST_IN_FILE else None, is_executable=executable)
