"""System calls that the ``os`` module lacks, through ctypes. Each raises Refused with the kernel's reason."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from .order import Refused

NEW_USER_MOUNT_NET_IPC_UTS_PID = 0x10000000 | 0x00020000 | 0x40000000 | 0x08000000 | 0x04000000 | 0x20000000

READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2

_SET_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_BOUND, _SET_SECUREBITS = 1, 4, 24, 28
_SET_SECCOMP, _SET_SUBREAPER, _SET_NO_NEW_PRIVS = 22, 36, 38
_FILTER = 2
_ALL_BITS_BUT_KEEP_CAPS = 0xEF  # uid 0 means nothing, for good
_CAPABILITY_VERSION = 0x20080522
_LAST_CAPABILITY = 63

_MOUNT_SETATTR = 442  # one number on every architecture, as for all calls since 2019
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def unshare() -> None:
    """Enter new namespaces; the process ids become private for the next child."""
    _check(_libc.unshare(NEW_USER_MOUNT_NET_IPC_UTS_PID), "new namespaces")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    done = _libc.mount(_encoded(source), _encoded(target), _encoded(kind), ctypes.c_ulong(flags), _encoded(options))
    _check(done, f"mount {kind or source or ''} on {target}")


def bind(source: str, target: str) -> None:
    """Show ``source`` and what is mounted below it at ``target``, all of it read-only."""
    mount(source, target, None, BIND | RECURSIVE)
    attributes = struct.pack("QQQQ", READ_ONLY | NO_SUID | NO_DEV, 0, 0, 0)
    at_cwd, recursive = ctypes.c_int(-100), ctypes.c_uint(0x8000)
    done = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR), at_cwd, _encoded(target), recursive, attributes, ctypes.c_size_t(len(attributes))
    )
    _check(done, f"make {target} read-only")


def unmount(target: str) -> None:
    """Take a mount out of sight; what still uses it keeps it."""
    _check(_libc.umount2(_encoded(target), _DETACH), f"unmount {target}")


def enter_root(root: str) -> None:
    """Make a mount the root of this mount namespace and let go of the old one."""
    os.chdir(root)
    _check(_libc.pivot_root(b".", b"."), "pivot_root")
    unmount(".")  # the old root lies on top of the new one
    os.chdir("/")


def _prctl(what: str, option: int, value: int) -> None:
    done = _libc.prctl(ctypes.c_int(option), *(ctypes.c_ulong(argument) for argument in (value, 0, 0, 0)))
    _check(done, what)


def die_with_parent(signal: int) -> None:
    """Receive ``signal`` when the parent ends. The caller has to check that it had not ended before."""
    _prctl("parent-death signal", _SET_DEATH_SIGNAL, signal)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    _prctl("subreaper", _SET_SUBREAPER, 1)


def hide_from_equals() -> None:
    """Close this process's memory and descriptors to others of the same user."""
    _prctl("dumpable", _SET_DUMPABLE, 0)


def forbid_new_privileges() -> None:
    """No program that this process starts gains any by its file."""
    _prctl("no_new_privs", _SET_NO_NEW_PRIVS, 1)


def filter_system_calls(program: bytes) -> None:
    """Have the kernel ask a program, in instructions of 8 bytes, about every further call. There is no way back."""
    instructions = ctypes.create_string_buffer(program, len(program))
    described = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(instructions))
    done = _libc.prctl(
        ctypes.c_int(_SET_SECCOMP), ctypes.c_ulong(_FILTER), described, ctypes.c_ulong(0), ctypes.c_ulong(0)
    )
    _check(done, "filter system calls")


def drop_capabilities() -> None:
    """Give up all of them, for every descendant too."""
    bar_capabilities()
    give_up_capabilities()


def drop_held_capabilities() -> None:
    """The same for a process that may have none: then it cannot bar them, and has nothing to bar."""
    if os.getuid() == 0:
        bar_capabilities()
    give_up_capabilities()


def bar_capabilities() -> None:
    """No program started from here on gains any, whoever starts it. Those held are kept."""
    _prctl("drop capabilities: securebits", _SET_SECUREBITS, _ALL_BITS_BUT_KEEP_CAPS)
    for capability in range(_LAST_CAPABILITY + 1):
        if _libc.prctl(_DROP_BOUND, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # past the last one that this kernel knows


def give_up_capabilities() -> None:
    """Those held, in every set."""
    header, none = struct.pack("Ii", _CAPABILITY_VERSION, 0), bytes(24)
    _check(_libc.capset(header, none), "drop capabilities")


def leave_keyring() -> None:
    """Swap the user's session keyring, which may hold keys, for an empty one."""
    number = _KEYCTL.get(os.uname().machine)
    if number is None:
        raise Refused(f"leave the session keyring: unknown machine {os.uname().machine}")
    done = _libc.syscall(ctypes.c_long(number), ctypes.c_long(_JOIN_SESSION_KEYRING), None)
    # A kernel without keyrings has no keys to hide; what a filter keeps from this process, it keeps from the command.
    if done >= 0 or ctypes.get_errno() not in (errno.ENOSYS, errno.EPERM):
        _check(done, "leave the session keyring")


def set_hostname(name: bytes) -> None:
    """Name this UTS namespace."""
    _check(_libc.sethostname(name, ctypes.c_size_t(len(name))), "host name")


def loopback_up() -> None:
    """Bring up the only interface of a new network namespace."""
    internet, datagram, set_flags, up_and_running = 2, 2, 0x8914, 0x1 | 0x40
    descriptor = _libc.socket(internet, datagram, 0)
    _check(descriptor, "socket")
    try:
        request = struct.pack("16sH22x", b"lo", up_and_running)
        _check(_libc.ioctl(descriptor, ctypes.c_ulong(set_flags), request), "loopback interface")
    finally:
        os.close(descriptor)
