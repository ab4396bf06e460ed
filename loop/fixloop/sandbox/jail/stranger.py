"""A user whom nobody else is: chosen for one run, given what the run may change, ended and forgotten with it."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH101, PTH108, PTH112, PTH114, PTH116, PTH118, PTH120, PTH123, PTH208
from __future__ import annotations

import contextlib
import os
import socket

from . import kernel, signals, tree
from .order import Refused
from .private_copy import Owner

SHARED_MEMORY = "/dev/shm"  # noqa: S108 (what it holds is looked at first)
_HIGHEST = 2_000_000_000  # some programs take a number for a signed one
_LOWEST = 10_000
_CHOICE = 50_000
_NOBODY = range(65_520, 65_536)
_ATTEMPTS = 200

Extents = list[tuple[int, int]]  # first, how many


def candidates(mapped: Extents) -> range:
    """The numbers to choose from: the highest of those that this process may become."""
    for first, count in sorted(mapped, reverse=True):
        last = min(first + count, _HIGHEST)
        lowest = max(first, last - _CHOICE, _LOWEST)
        if lowest < last:
            return range(lowest, last)
    return range(0)


def is_free(number: int, taken: Extents) -> bool:
    """True when it belongs to nobody and stands for nobody."""
    return number not in _NOBODY and not any(first <= number < first + count for first, count in taken)


class Stranger(Owner):
    """The user of one run; its number is kept from other runs by a name that only one process can have."""

    def __init__(self) -> None:
        self.number, self._claim = _claimed()

    def let_through(self, folder: str) -> None:
        """Let them enter a folder that stays ours."""
        os.chmod(folder, 0o711)  # noqa: S103 (its name is a secret and its content theirs)

    def give(self, path: str) -> None:
        """Make a tree theirs."""
        os.lchown(path, self.number, self.number)
        for parent, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.lchown(os.path.join(parent, name), self.number, self.number)

    def closed(self, path: str) -> str | None:
        """The first folder on the way to a path that this user may not enter."""
        steps = (*_steps(os.path.realpath(path)), *_steps(path))  # else a link would be blamed for where it leads
        os.seteuid(self.number)  # its rights for a while: effective capabilities are set aside, too
        try:
            return next(filter(_is_closed, steps), None)
        finally:
            os.seteuid(0)

    def become(self, *kept: int) -> None:
        """Be this user for good, without a group, any capability but ``kept`` or a way back. Raises Refused."""
        os.setgroups([])
        os.setresgid(self.number, self.number, self.number)
        if kept:
            kernel.pass_on((*kept, kernel.TO_SET_USER, kernel.TO_SET_PRIVILEGES), *kept)
        kernel.bar_capabilities(*kept)
        os.setresuid(self.number, self.number, self.number)
        kernel.hold_capabilities(*kept)

    def end(self) -> None:
        """End all processes of this user and remove what they left in shared memory."""
        end_processes(self.number)
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(SHARED_MEMORY):
                path = os.path.join(SHARED_MEMORY, name)
                with contextlib.suppress(OSError):
                    if os.lstat(path).st_uid == self.number:
                        _remove(path)


def _is_closed(folder: str) -> bool:
    try:
        os.stat(folder + "/.")
    except PermissionError:
        return True
    except OSError:  # not a folder
        pass
    return False


def _steps(path: str) -> list[str]:
    """The path and all folders above it, from the top."""
    steps = [path]
    while steps[-1] != "/":
        steps.append(os.path.dirname(steps[-1]))
    return steps[::-1]


def end_processes(user: int) -> None:
    """Kill every process of a user, which a process of the same user does without missing one that just forks."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            os.setresuid(user, user, user)
            os.kill(-1, signals.KILL)
        os._exit(0)
    os.waitpid(child, 0)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        tree.remove(path)
    else:
        os.unlink(path)


def _claimed() -> tuple[int, socket.socket]:
    """A free number and what keeps it from others. Raises Refused."""
    users, groups = candidates(_extents("uid_map")), _extents("gid_map")
    taken = _taken()
    for _ in range(_ATTEMPTS if users else 0):
        number = users[int.from_bytes(os.urandom(4), "little") % len(users)]
        if not is_free(number, taken) or is_free(number, groups):
            continue
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0fixloop-user-{number}")
        except OSError:
            claim.close()
        else:
            return number, claim
    raise Refused("throw-away user: no number is free for one in this user namespace")


def _extents(name: str) -> Extents:
    with open(f"/proc/self/{name}", "rb") as file:
        lines = [line.split() for line in file]
    return [(int(first), int(count)) for first, _, count in lines]


def _taken() -> Extents:
    """Numbers of known users, of ranges handed to them, and of running processes."""
    taken: Extents = []
    for name, parts in (("passwd", (2, None)), ("group", (2, None)), ("subuid", (1, 2)), ("subgid", (1, 2))):
        taken += _listed(f"/etc/{name}", *parts)
    for process in os.listdir("/proc"):
        if process.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{process}/status", "rb") as file:
                for line in file:
                    if line.startswith((b"Uid:", b"Gid:")):
                        taken += [(int(number), 1) for number in line.split()[1:]]
    return taken


def _listed(path: str, first: int, count: int | None) -> Extents:
    try:
        with open(path, "rb") as file:
            rows = [line.strip().split(b":") for line in file]
    except OSError:
        return []
    found: Extents = []
    for row in rows:
        with contextlib.suppress(ValueError, IndexError):
            found.append((int(row[first]), 1 if count is None else int(row[count])))
    return found
