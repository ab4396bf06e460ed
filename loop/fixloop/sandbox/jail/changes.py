"""Tells what a command changed in its workspace, once nothing of it is left alive.

Nobody vouches for what lies there: no link is followed, only regular files are opened, and depth, number and size are
bounded. Reads the overlay's upper folder, where what was removed is marked, or a copy, by marks taken before the start.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH112, PTH118, PTH120
from __future__ import annotations

import errno
import itertools
import os
import stat
import struct
import time
from collections.abc import Iterator

# One record: kind, mode, length of the path, length of the content; then both.
HEADER = struct.Struct(">cIII")
FILE, LINK, FOLDER, EMPTIED, GONE = b"f", b"l", b"d", b"e", b"g"  # EMPTIED: a folder that hides what it held before
SPECIAL, LARGE, UNREADABLE, LEFT_OUT = b"s", b"b", b"u", b"o"  # named without content
END, CUT = b".", b"!"  # the last record: all was told, or a bound was met

CACHES = frozenset(
    {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"}
)
NOT_TOLD = frozenset(
    {".git", ".hg", ".venv", "venv", "node_modules", "__pypackages__", ".tox", ".nox"}
)  # large, or nothing that a patch could change

MOST_IN_FILE = 4 << 20
MOST_RECORDS = 20_000
_MOST_SEEN = 400_000
_DEEPEST = 64
_LONGEST = 4096
_TICK_SECONDS = 0.02  # how coarse a file system's clock may be

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Before:
    """The folder that will hold the changes, kept open while its path goes out of sight.

    ``marks``: inode and time of the last change of everything in a copy; None for the upper folder of an overlay.
    """

    def __init__(self, folder: str, *, is_copy: bool) -> None:
        self.folder = os.open(folder, _OPEN | os.O_DIRECTORY)
        self.marks: dict[str, tuple[int, int]] | None = None
        if is_copy:
            self.marks = dict(_marks(self.folder, "", _Budget()))
            time.sleep(_TICK_SECONDS)  # a change right after the copy would have the same time


def of_scratch(scratch: str) -> Before:
    """What is kept of the full tier's scratch space."""
    copy = os.path.join(scratch, "copy")
    return Before(copy, is_copy=True) if os.path.isdir(copy) else Before(f"{scratch}/upper", is_copy=False)


def tell(before: Before, descriptor: int, most: int) -> None:
    """Write the records, at most that many bytes, and say how it ended. Raises nothing for what lies there."""
    teller = _Teller(before, descriptor, most)
    try:
        teller.tell()
    except _Cut:
        _write(descriptor, HEADER.pack(CUT, 0, 0, 0))
    else:
        _write(descriptor, HEADER.pack(END, 0, 0, 0))


class _Cut(Exception):
    """A bound was met."""


class _Teller:
    def __init__(self, before: Before, descriptor: int, most: int) -> None:
        self._before = before
        self._descriptor = descriptor
        self._left = most - HEADER.size  # of bytes
        self._records = MOST_RECORDS
        self._budget = _Budget()
        self._here: set[str] = set()

    def tell(self) -> None:
        self._folder(self._before.folder, "", 0)
        for path in sorted(self._before.marks or ()):
            above = os.path.dirname(path)
            if path not in self._here and (not above or above in self._here):
                self._record(GONE, path)

    def _folder(self, folder: int, path: str, depth: int) -> None:
        for name in self._budget.names(folder, depth):
            place = f"{path}/{name}" if path else name
            if name in NOT_TOLD:
                if self._before.marks is None:
                    self._record(LEFT_OUT, place)
            elif name not in CACHES:
                self._here.add(place)
                self._entry(folder, name, place, depth)

    def _entry(self, folder: int, name: str, path: str, depth: int) -> None:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        mode = status.st_mode
        if stat.S_ISDIR(mode):
            self._inner(folder, name, path, depth)
        elif stat.S_ISCHR(mode) and status.st_rdev == 0:
            self._record(GONE, path)
        elif self._as_before(path, status):
            return
        elif stat.S_ISLNK(mode):
            self._record(LINK, path, mode, os.fsencode(os.readlink(name, dir_fd=folder)))
        elif not stat.S_ISREG(mode):
            self._record(SPECIAL, path)
        elif status.st_size > MOST_IN_FILE:
            self._record(LARGE, path, mode)
        else:
            self._file(folder, name, path, mode)

    def _as_before(self, path: str, status: os.stat_result) -> bool:
        return self._before.marks is not None and self._before.marks.get(path) == _mark(status)

    def _inner(self, folder: int, name: str, path: str, depth: int) -> None:
        inner = _open(folder, name, os.O_DIRECTORY, 0o700)
        if inner is None:
            self._record(UNREADABLE, path)
            return
        try:
            self._record(EMPTIED if self._before.marks is None and _is_opaque(inner) else FOLDER, path)
            self._folder(inner, path, depth + 1)
        finally:
            os.close(inner)

    def _file(self, folder: int, name: str, path: str, mode: int) -> None:
        file = _open(folder, name, 0, 0o600)
        if file is None:
            self._record(UNREADABLE, path)
            return
        try:
            data = b""
            while len(data) <= MOST_IN_FILE and (more := os.read(file, 1 << 20)):
                data += more
        finally:
            os.close(file)
        self._record(FILE, path, mode, data)

    def _record(self, kind: bytes, path: str, mode: int = 0, content: bytes = b"") -> None:
        encoded = os.fsencode(path)
        size = HEADER.size + len(encoded) + len(content)
        if size > self._left or not self._records or len(encoded) > _LONGEST:
            raise _Cut
        self._left -= size
        self._records -= 1
        _write(self._descriptor, HEADER.pack(kind, mode, len(encoded), len(content)) + encoded + content)


class _Budget:
    """How much may be looked at."""

    def __init__(self) -> None:
        self._left = _MOST_SEEN

    def names(self, folder: int, depth: int) -> list[str]:
        """What is in an open folder, in order. Raises _Cut."""
        with os.scandir(folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, self._left + 1)]
        self._left -= len(names)
        if self._left < 0 or depth > _DEEPEST:
            raise _Cut
        return sorted(names)


def _mark(status: os.stat_result) -> tuple[int, int]:
    return status.st_ino, status.st_ctime_ns


def _marks(folder: int, path: str, budget: _Budget, depth: int = 0) -> Iterator[tuple[str, tuple[int, int]]]:
    for name in budget.names(folder, depth):
        if name in CACHES or name in NOT_TOLD:
            continue
        place = f"{path}/{name}" if path else name
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        yield place, _mark(status)
        inner = _open(folder, name, os.O_DIRECTORY, 0o700) if stat.S_ISDIR(status.st_mode) else None
        if inner is not None:
            try:
                yield from _marks(inner, place, budget, depth + 1)
            finally:
                os.close(inner)


def _is_opaque(folder: int) -> bool:
    try:
        return os.getxattr(folder, "user.overlay.opaque") == b"y"
    except OSError:
        return False


def _open(folder: int, name: str, flags: int, needed: int) -> int | None:
    """Open what is no link, whatever its mode says; None when that cannot be done."""
    try:
        return os.open(name, _OPEN | flags, dir_fd=folder)
    except OSError as error:
        if error.errno != errno.EACCES:
            return None
    try:
        os.chmod(name, needed, dir_fd=folder)  # no link: its kind was looked at, and nobody is left to change it
        return os.open(name, _OPEN | flags, dir_fd=folder)
    except OSError:
        return None


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
