"""System calls that the ``os`` module lacks, through ctypes. Each raises Refused with the kernel's reason."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH123
from __future__ import annotations

import ctypes
import errno
import os
import struct

from .order import Refused

NEW_MOUNT, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
NEW_EVERYTHING = NEW_MOUNT | NEW_UTS | NEW_IPC | NEW_USER | NEW_PID | NEW_NET

READ_ONLY, NO_SUID, NO_DEV, NO_EXEC, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
_DETACH = 2

_SET_DEATH_SIGNAL, _SET_DUMPABLE, _DROP_BOUND, _SET_SECUREBITS = 1, 4, 24, 28
_SET_SECCOMP, _SET_SUBREAPER, _SET_NO_NEW_PRIVS, _AMBIENT = 22, 36, 38, 47
_RAISE, _CLEAR_ALL = 2, 4  # of _AMBIENT
_FILTER = 2
_ALL_BITS_BUT_KEEP_CAPS = 0xEF  # uid 0 means nothing, for good
_CAPABILITY_VERSION = 0x20080522
_LAST_CAPABILITY = 63
TO_SET_USER, TO_SET_PRIVILEGES = 7, 8  # CAP_SETUID, CAP_SETPCAP
TO_READ = 2  # CAP_DAC_READ_SEARCH: what the modes of files and folders keep from others, for reading alone
TO_CHANGE_ROOTS, TO_ADMINISTER = 18, 21  # CAP_SYS_CHROOT and CAP_SYS_ADMIN: what joining a mount namespace takes

_MOUNT_SETATTR = 442  # one number on every architecture, as for all calls since 2019
_KCMP = {"x86_64": 312, "aarch64": 272}
_SAME_MEMORY = 1
_KEYCTL = {"x86_64": 250, "aarch64": 219}
_JOIN_SESSION_KEYRING = 1
_CLONE = {"x86_64": 56, "aarch64": 220}
_SIGNAL_OF_CHILD = 17

_libc = ctypes.CDLL(None, use_errno=True)
_libc_under_lock = ctypes.PyDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result < 0:
        raise Refused(f"{what}: {os.strerror(ctypes.get_errno())}")


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else os.fsencode(text)


def unshare(kinds: int) -> None:
    """Enter new namespaces; of process ids, the next child does."""
    _check(_libc.unshare(kinds), "new namespaces")


def fork_into(kinds: int) -> int:
    """As ``os.fork``, for a process of one thread; the child is the first process of new namespaces."""
    python = ctypes.pythonapi  # its lock stays held: Python must not run in between
    number = _CLONE.get(os.uname().machine)
    if number is None:
        raise Refused(f"fork into new namespaces: unknown machine {os.uname().machine}")
    python.PyOS_BeforeFork()
    child = _libc_under_lock.syscall(ctypes.c_long(number), ctypes.c_ulong(kinds | _SIGNAL_OF_CHILD), *[None] * 4)
    if child == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    _check(child, "fork into new namespaces")
    return child


def join(namespace: int, kind: int) -> None:
    """Enter the namespace behind a descriptor; of process ids, the next child does."""
    _check(_libc.setns(namespace, kind), "join a namespace")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    """mount(2)."""
    done = _libc.mount(_encoded(source), _encoded(target), _encoded(kind), ctypes.c_ulong(flags), _encoded(options))
    _check(done, f"mount {kind or source or ''} on {target}")


def bind(source: str, target: str, without: int = NO_SUID | NO_DEV) -> None:
    """Show ``source`` and what is mounted below it at ``target``, all read-only and without what the flags name."""
    mount(source, target, None, BIND | RECURSIVE)
    attributes = struct.pack("QQQQ", READ_ONLY | without, 0, 0, 0)
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


def drop_capabilities(*kept: int) -> None:
    """Give up all but ``kept``, for every descendant too; those outlast the start of a program."""
    pass_on((*kept, TO_SET_PRIVILEGES), *kept)
    bar_capabilities(*kept)
    hold_capabilities(*kept)


def pass_on(held: tuple[int, ...], *kept: int) -> None:
    """Hold ``held`` alone, and have ``kept`` outlast the start of a program."""
    _hold_capabilities(held, inheritable=kept)
    for capability in kept:
        done = _libc.prctl(_AMBIENT, ctypes.c_ulong(_RAISE), ctypes.c_ulong(capability), ctypes.c_ulong(0), 0)
        _check(done, "drop capabilities: keep one")


def has_capability(capability: int) -> bool:
    """True when this process may use it."""
    with open("/proc/self/status", "rb") as file:
        effective = next(line for line in file if line.startswith(b"CapEff:"))
    return bool(int(effective.split()[1], 16) >> capability & 1)


def drop_held_capabilities() -> None:
    """The same for a process that may have none: then it cannot bar them, and has nothing to bar."""
    if os.getuid() == 0:
        bar_capabilities()
    hold_capabilities()


def bar_capabilities(*kept: int) -> None:
    """No program started from here on gains any but ``kept``, whoever starts it. Those held stay."""
    _prctl("drop capabilities: securebits", _SET_SECUREBITS, _ALL_BITS_BUT_KEEP_CAPS)
    for capability in range(_LAST_CAPABILITY + 1):
        if capability not in kept and _libc.prctl(_DROP_BOUND, ctypes.c_ulong(capability), 0, 0, 0) < 0:
            break  # past the last one that this kernel knows


def hold_capabilities(*kept: int) -> None:
    """Give up those held but ``kept``, in every set."""
    _hold_capabilities(kept, inheritable=kept)


def drop_kept_capabilities() -> None:
    """Give up what ``drop_capabilities`` had kept."""
    _prctl("drop capabilities", _AMBIENT, _CLEAR_ALL)
    hold_capabilities()


def _hold_capabilities(held: tuple[int, ...], inheritable: tuple[int, ...]) -> None:
    in_use, passed_on = (sum(1 << capability for capability in of) for of in (held, inheritable))
    halves = [(bits >> shift) & 0xFFFFFFFF for shift in (0, 32) for bits in (in_use, in_use, passed_on)]
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    _check(_libc.capset(header, struct.pack("6I", *halves)), "drop capabilities")


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


def shared_memory() -> int:
    """Bytes of shared memory on the whole machine, files in memory included."""
    words = (ctypes.c_ulong * 32)()  # struct sysinfo: the seventh word counts units, the fourteenth holds their size
    _check(_libc.sysinfo(words), "sysinfo")
    return words[6] * (words[13] & 0xFFFFFFFF or 1)


def same_memory(process: int, other: int) -> bool:
    """True when both are known to run in one address space."""
    number = _KCMP.get(os.uname().machine)
    return (
        number is not None
        and _libc.syscall(
            ctypes.c_long(number), process, other, ctypes.c_int(_SAME_MEMORY), ctypes.c_ulong(0), ctypes.c_ulong(0)
        )
        == 0
    )
