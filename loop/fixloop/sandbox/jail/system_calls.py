"""The system calls that the command may not make, as a filter of the kernel's (seccomp).

It takes away what tests have no use for and what kernels are attacked through. Calls of another architecture's table
end the process, for their numbers would mean something else here. What a library tries first and can do without is
answered as if the kernel were too old for it (ENOSYS); everything else is not permitted (EPERM).
"""

from __future__ import annotations

import errno
import os
import struct
import sys

from . import kernel
from .order import Refused

# Numbers on x86_64 and aarch64. None: the call does not exist there.
_NOT_PERMITTED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    # mounts and roots
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    # namespaces
    "unshare": (272, 97),
    "setns": (308, 268),
    # the kernel's own machinery
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    # the whole machine
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "vhangup": (153, 58),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "ioperm": (173, None),
    "iopl": (172, None),
    # files without a path
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
}
_TOO_NEW: dict[str, tuple[int | None, int | None]] = {
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "clone3": (435, 435),  # its flags lie in memory, where no filter can look; clone follows
    "memfd_create": (319, 279),
}
_BY_ARGUMENTS: dict[str, tuple[int | None, int | None]] = {
    "clone": (56, 220),
    "ioctl": (16, 29),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "socket": (41, 198),
    "socketpair": (53, 199),
}
CALLS = {**_NOT_PERMITTED, **_TOO_NEW, **_BY_ARGUMENTS}

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, AUDIT_ARCH_*
_FIRST_X32 = 0x40000000

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW* but NEWTIME, which clone cannot take
_PUSH_INPUT, _CONSOLE = 0x5412, 0x541C  # TIOCSTI, TIOCLINUX
_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_ROUTE = 0  # the netlink protocol that lists interfaces and addresses
_TYPE_OF_FILE, _CHARACTER_DEVICE, _BLOCK_DEVICE = 0o170000, 0o020000, 0o060000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _JUMP, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x05, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data; arguments are 8 bytes, low half first
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000


def is_known(machine: str) -> bool:
    """True when there is a filter for what ``os.uname`` calls that machine."""
    return machine in _MACHINES


def forbid(*, but: tuple[str, ...] = ()) -> None:
    """Filter the system calls of this process and of all that it starts. Raises Refused.

    ``but``: names of calls that stay permitted, for a process that has yet to confine its children further.
    """
    kernel.filter_system_calls(program_here(but))


def program_here(but: tuple[str, ...] = ()) -> bytes:
    """The filter for this machine, to be made once and used often. Raises Refused."""
    machine = os.uname().machine
    if not is_known(machine) or sys.maxsize < 1 << 32:  # a 32-bit interpreter has calls of its own
        raise Refused(f"filter system calls: unknown machine {machine}")
    return program(machine, but)


def program(machine: str, but: tuple[str, ...] = ()) -> bytes:
    """The filter: instructions of 8 bytes each, for one of the known machines, without the calls ``but``."""
    column, architecture = _MACHINES[machine]
    code = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
    ]
    if machine == "x86_64":
        code += [_step(_AT_LEAST, _FIRST_X32, 0, 1), _step(_RETURN, _KILL)]
    for name, judged in _judgements().items():
        number = _BY_ARGUMENTS[name][column]
        if number is not None:
            code += [_step(_EQUAL, number, 0, len(judged)), *judged]
    for calls, code_of_error in ((_NOT_PERMITTED, errno.EPERM), (_TOO_NEW, errno.ENOSYS)):
        named = (numbers[column] for name, numbers in calls.items() if name not in but)
        known = [number for number in named if number is not None]
        code += [_step(_EQUAL, number, len(known) - at, 0) for at, number in enumerate(known)]
        code += [_step(_JUMP, 1), _error(code_of_error)]  # passed over without a match
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _judgements() -> dict[str, list[bytes]]:
    """What decides about a call by its arguments; each ends by returning."""
    devices = (_CHARACTER_DEVICE, _BLOCK_DEVICE)
    new = [_argument(0), _step(_ANY_BIT, _NEW_NAMESPACES, 0, 1), _error(errno.EPERM), _step(_RETURN, _ALLOW)]
    return {
        "ioctl": _refused_if(1, _PUSH_INPUT, _CONSOLE),
        "clone": new,
        "socket": _families(),
        "socketpair": _families(),
        "mknod": _refused_if(1, *devices, mask=_TYPE_OF_FILE),
        "mknodat": _refused_if(2, *devices, mask=_TYPE_OF_FILE),
    }


def _step(what: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", what, then, otherwise, value)


def _argument(index: int) -> bytes:
    return _step(_LOAD, _ARGUMENTS + 8 * index)


def _error(number: int) -> bytes:
    return _step(_RETURN, _ERROR | number)


def _refused_if(index: int, *values: int, mask: int | None = None) -> list[bytes]:
    tests = [_step(_EQUAL, value, len(values) - at, 0) for at, value in enumerate(values)]
    masked = [] if mask is None else [_step(_AND, mask)]
    return [_argument(index), *masked, *tests, _step(_RETURN, _ALLOW), _error(errno.EPERM)]


def _families() -> list[bytes]:
    return [
        _argument(0),
        _step(_EQUAL, _UNIX, 5, 0),
        _step(_EQUAL, _INET, 4, 0),
        _step(_EQUAL, _INET6, 3, 0),
        _step(_EQUAL, _NETLINK, 0, 3),
        _argument(2),
        _step(_EQUAL, _ROUTE, 0, 1),
        _step(_RETURN, _ALLOW),
        _error(errno.EAFNOSUPPORT),
    ]
