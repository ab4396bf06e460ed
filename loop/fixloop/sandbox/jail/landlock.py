"""Rules about files, TCP ports, sockets and signals that a process lays on itself for good (Landlock).

Everything that the kernel can rule on is forbidden, apart from what is named. Nothing is decided here about what that
should be. Changes of modes, owners, times and attributes are not among the things that it can rule on.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct

from .order import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import that would add a tenth to the launcher's start
    from collections.abc import Iterable

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1, 2, 4, 8
REFER, TRUNCATE, IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_OF_A_FILE = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
READING = EXECUTE | READ_FILE | READ_DIR

# How many rights on files each version knows, from 1 on.
_RIGHTS = (13, 14, 15, 15, 16)
_BIND_AND_CONNECT_TCP = 3
_ABSTRACT_SOCKETS_AND_SIGNALS = 3
RENAMES, TCP, SCOPES = 2, 4, 6  # the first versions that know them

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # on every architecture
_ASK_VERSION = 1
_BELOW_A_PATH = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def version() -> int:
    """What this kernel offers; 0 for nothing."""
    return max(_call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(_ASK_VERSION)), 0)


def rights(known: int) -> int:
    """Every right on files that a version can rule on."""
    return (1 << _RIGHTS[min(known, len(_RIGHTS)) - 1]) - 1


def ruleset(known: int, *, shared: bool) -> bytes:
    """``struct landlock_ruleset_attr`` for a version: all files, and on a ``shared`` machine the rest, too."""
    values = [rights(known)]
    if known >= TCP:
        values.append(_BIND_AND_CONNECT_TCP if shared else 0)
    if known >= SCOPES:
        values.append(_ABSTRACT_SOCKETS_AND_SIGNALS if shared else 0)
    return struct.pack(f"{len(values)}Q", *values)


def restrict(reading: Iterable[str], writing: Iterable[str], *, least: int, shared: bool) -> None:
    """Forbid this process, and all that it starts, everything but reading and writing below these places.

    Reading includes executing. Missing places are passed over. ``shared`` says that network and processes are the
    machine's: then every TCP port, others' abstract sockets and signals to others are closed. Raises Refused, too,
    where the kernel's version is below ``least``.
    """
    known = version()
    if known < least:
        raise Refused(f"Landlock: version {least} is needed, and this kernel offers {known or 'none'}")
    attributes = ruleset(known, shared=shared)
    rules = _checked(_call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)), "rule set")
    try:
        for places, allowed in ((reading, READING), (writing, rights(known))):
            for place in places:
                _allow(rules, place, allowed)
        _checked(_call(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint(0)), "restrict this process")
    finally:
        os.close(rules)


def _allow(rules: int, place: str, allowed: int) -> None:
    try:
        descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            return  # the command could not get there either
        raise
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            allowed &= _OF_A_FILE
        rule = struct.pack("=Qi", allowed, descriptor)
        _checked(_call(_ADD, ctypes.c_int(rules), ctypes.c_int(_BELOW_A_PATH), rule, ctypes.c_uint(0)), place)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    return _libc.syscall(ctypes.c_long(number), *arguments)


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise Refused(f"Landlock: {what}: {os.strerror(ctypes.get_errno())}")
    return result
