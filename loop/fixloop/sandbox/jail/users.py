"""Enters the new namespaces and says which users and groups exist in them.

Only the caller, unless the caller is a privileged root: then everyone may exist, so that set-up can read what belongs
to others. Either way the command itself has the caller's numbers and no power over anybody's files but the caller's.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH123
from __future__ import annotations

import os

from . import kernel
from .order import Refused

_NEEDED_TO_MAP_EVERYONE = 1 << 6 | 1 << 7 | 1 << 31  # setgid, setuid, setfcap


def enter_namespaces(*, everyone: bool) -> None:
    """Enter them as the user that this process is. ``everyone`` is done only where it is allowed. Raises Refused."""
    if everyone and os.getuid() == 0 and _has_capabilities(_NEEDED_TO_MAP_EVERYONE):
        _enter_with_everyone()
        return
    enter_alone(kernel.NEW_EVERYTHING)


def enter_alone(kinds: int) -> None:
    """Enter new namespaces, one of users among them, in which this process's user exists and nobody else."""
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kinds)
    _write("self", "setgroups", "deny")
    _write("self", "uid_map", f"{uid} {uid} 1")
    _write("self", "gid_map", f"{gid} {gid} 1")


def _has_capabilities(wanted: int) -> bool:
    with open("/proc/self/status", "rb") as file:
        effective = next(line for line in file if line.startswith(b"CapEff:"))
    return int(effective.split()[1], 16) & wanted == wanted


def _enter_with_everyone() -> None:
    """Only a process that stayed outside may write such a map."""
    maps = {name: _same_inside(name) for name in ("uid_map", "gid_map")}
    this = os.getpid()
    reader, writer = os.pipe()
    outside = os.fork()
    if outside == 0:
        status = 1
        try:
            os.close(writer)
            if os.read(reader, 1):  # nothing comes when the other side ended
                _write(str(this), "setgroups", "deny")
                for name, text in maps.items():
                    _write(str(this), name, text)
                status = 0
        finally:
            os._exit(status)
    os.close(reader)
    try:
        kernel.unshare(kernel.NEW_EVERYTHING)
        os.write(writer, b"x")
    finally:
        os.close(writer)
        status = os.waitpid(outside, 0)[1]
    if status:
        raise Refused("map every user into the namespace: not permitted")


def _same_inside(name: str) -> str:
    """A map that gives each number of this process's own namespace to itself."""
    with open(f"/proc/self/{name}") as file:
        extents = [line.split() for line in file]
    return "".join(f"{first} {first} {count}\n" for first, _, count in extents)


def _write(process: str, name: str, text: str) -> None:
    try:
        with open(f"/proc/{process}/{name}", "w") as file:
            file.write(text)
    except OSError as error:
        raise Refused(f"write {name}: {error.strerror}") from None
