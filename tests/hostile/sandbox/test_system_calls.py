"""The filter of system calls: by what really happens here, and by running its program for both machines."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxes import NOT_LINUX, both_tiers, job, never, told
from fixloop.sandbox.run import Tier, run

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="the filter exists only on Linux")

ALLOW, KILL, PRETENDED = 0x7FFF0000, 0x80000000, 0x50000
MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
EPERM, ENOSYS, NO_FAMILY, NO_PROTOCOL = (
    0x50000 | number for number in (errno.EPERM, errno.ENOSYS, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
)

# Answer, then the call on x86_64 and on aarch64 with its arguments.
JUDGED = {
    "read": (ALLOW, 0, 63),
    "write": (ALLOW, 1, 64),
    "fork by clone": (ALLOW, 56, 220, 17),
    "a thread": (ALLOW, 56, 220, 0x3D0F00),
    "clone into a user namespace": (EPERM, 56, 220, 0x10000000 | 17),
    "clone into a mount namespace": (EPERM, 56, 220, 0x00020000),
    "clone into a network namespace": (EPERM, 56, 220, 0x40000000),
    "clone3": (ENOSYS, 435, 435),
    "unshare": (EPERM, 272, 97),
    "setns": (EPERM, 308, 268),
    "ptrace": (EPERM, 101, 117),
    "mount": (EPERM, 165, 40),
    "open_tree_attr": (EPERM, 467, 467),
    "bpf": (EPERM, 321, 280),
    "keyctl": (EPERM, 250, 219),
    "fanotify_mark, the last of its list": (EPERM, 301, 263),
    "io_uring_setup": (ENOSYS, 425, 425),
    "io_uring_register": (ENOSYS, 427, 427),
    "memfd_create": (ENOSYS, 319, 279),
    "a call newer than the filter": (ALLOW, 600, 600),
    "socket unix": (ALLOW, 41, 198, 1, 1, 0),
    "socket inet": (ALLOW, 41, 198, 2, 1, 0),
    "socket inet6": (ALLOW, 41, 198, 10, 2, 0),
    "socket inet, tcp by number": (ALLOW, 41, 198, 2, 1, 6),
    "socket inet6, icmp 6, the last of its list": (ALLOW, 41, 198, 10, 2, 58),
    "socket inet, sctp": (NO_PROTOCOL, 41, 198, 2, 5, 132),
    "socket inet6, multipath tcp": (NO_PROTOCOL, 41, 198, 10, 1, 262),
    "socket netlink route": (ALLOW, 41, 198, 16, 3, 0),
    "socket netlink netfilter": (NO_FAMILY, 41, 198, 16, 3, 12),
    "socket packet": (NO_FAMILY, 41, 198, 17, 3, 0),
    "socket alg": (NO_FAMILY, 41, 198, 38, 5, 0),
    "socket vsock": (NO_FAMILY, 41, 198, 40, 1, 0),
    "socket family 2 with high bits that the kernel ignores": (ALLOW, 41, 198, 1 << 32 | 2, 1, 0),
    "socketpair unix": (ALLOW, 53, 199, 1, 1, 0),
    "socketpair tipc": (NO_FAMILY, 53, 199, 30, 1, 0),
    "ioctl TCGETS": (ALLOW, 16, 29, 0, 0x5401),
    "ioctl TIOCSTI": (EPERM, 16, 29, 0, 0x5412),
    "ioctl TIOCSTI with high bits that the kernel ignores": (EPERM, 16, 29, 0, 1 << 32 | 0x5412),
    "ioctl TIOCSETD": (EPERM, 16, 29, 0, 0x5423),
    "ioctl SIOCSIFVLAN, the last of its list": (EPERM, 16, 29, 0, 0x8983),
    "ioctl SIOCGIFCONF": (ALLOW, 16, 29, 0, 0x8912),
    "ioctl TIOCLINUX": (EPERM, 16, 29, 0, 0x541C),
    "setrlimit core": (PRETENDED, 160, 164, 4, 1 << 40),
    "setrlimit files": (ALLOW, 160, 164, 7, 1 << 40),
    "prlimit64 core": (PRETENDED, 302, 261, 0, 4, 1 << 12),
    "prlimit64 core, a pointer whose low half is zero": (PRETENDED, 302, 261, 0, 4, 1 << 40),
    "prlimit64 core, only asked": (ALLOW, 302, 261, 0, 4, 0, 1 << 40),
    "prlimit64 files": (ALLOW, 302, 261, 0, 7, 1 << 40),
    "mknodat fifo": (ALLOW, 259, 33, 0, 0, 0o010644),
    "mknodat character device": (EPERM, 259, 33, 0, 0, 0o020666),
    "mknodat block device": (EPERM, 259, 33, 0, 0, 0o060666),
}


def answer(program: bytes, number: int, architecture: int, *arguments: int) -> int:
    """What the kernel would do: the classic packet filter's instructions, as far as they are used."""
    data = struct.pack("<IIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
    code = list(struct.iter_unpack("<HBBI", program))
    value = at = 0
    while True:
        what, then, otherwise, operand = code[at]
        at += 1
        match what:
            case 0x20:
                value = struct.unpack_from("<I", data, operand)[0]
            case 0x54:
                value &= operand
            case 0x05:
                at += operand
            case 0x15:
                at += then if value == operand else otherwise
            case 0x35:
                at += then if value >= operand else otherwise
            case 0x45:
                at += then if value & operand else otherwise
            case 0x06:
                return operand
            case _:
                raise AssertionError(hex(what))


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("case", JUDGED)
def test_the_program_answers(machine: str, case: str) -> None:
    from fixloop.sandbox.jail.system_calls import program

    expected, *numbers = JUDGED[case][:3]
    number = numbers[list(MACHINES).index(machine)]
    assert answer(program(machine), number, MACHINES[machine], *JUDGED[case][3:]) == expected


# Answer to any user and to the user's own number, then as above.
SHARED = {
    "read": (ALLOW, ALLOW, 0, 63),
    "socket": (NO_FAMILY, NO_FAMILY, 41, 198, 1, 1, 0),
    "socketpair stream": (ALLOW, ALLOW, 53, 199, 1, 1, 0),
    "socketpair stream, closed on exec": (ALLOW, ALLOW, 53, 199, 1, 0o2000001, 0),
    "socketpair seqpacket": (ALLOW, ALLOW, 53, 199, 1, 5, 0),
    "socketpair datagram": (NO_FAMILY, NO_FAMILY, 53, 199, 1, 2, 0),
    "socketpair tipc": (NO_FAMILY, NO_FAMILY, 53, 199, 30, 1, 0),
    "prlimit64 of itself": (ALLOW, ALLOW, 302, 261, 0),
    "prlimit64 of another": (EPERM, EPERM, 302, 261, 7),
    "prlimit64 of itself, in the half that the kernel reads": (ALLOW, ALLOW, 302, 261, 1 << 32),
    "setpriority of itself": (ALLOW, ALLOW, 141, 140, 0, 0, 1),
    "setpriority of another": (EPERM, EPERM, 141, 140, 0, 7, 1),
    "setpriority of a user": (EPERM, EPERM, 141, 140, 2, 0, 1),
    "ioprio_set of itself": (ALLOW, ALLOW, 251, 30, 1, 0),
    "ioprio_set of a group": (EPERM, EPERM, 251, 30, 2, 0),
    "sched_setaffinity of another": (EPERM, EPERM, 203, 122, 7),
    "shmget": (ENOSYS, ENOSYS, 29, 194),
    "mq_open": (ENOSYS, ENOSYS, 240, 180),
    "setxattr": (0x50000 | errno.EOPNOTSUPP,) * 2 + (188, 5),
    "fchmodat": (ALLOW, 0x50000, 268, 53),
    "utimensat": (ALLOW, 0x50000, 280, 88),
    "ioctl TCGETS": (ALLOW, ALLOW, 16, 29, 0, 0x5401),
    "ioctl FS_IOC_SETFLAGS": (ALLOW, EPERM, 16, 29, 3, 0x40086602),
}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("case", SHARED)
def test_the_program_for_a_shared_machine_answers(machine: str, case: str) -> None:
    from fixloop.sandbox.jail.shared_machine import program

    any_user, own_user, *numbers = SHARED[case][:4]
    number = numbers[list(MACHINES).index(machine)]
    for expected, own in ((any_user, False), (own_user, True)):
        assert answer(program(machine, own_user=own), number, MACHINES[machine], *SHARED[case][4:]) == expected


@pytest.mark.parametrize("machine", MACHINES)
def test_the_program_kills_what_speaks_another_architecture(machine: str) -> None:
    from fixloop.sandbox.jail.system_calls import program

    for architecture in (0x40000003, 0xC00000B7, 0xC000003E, 0x40000028):  # i386, aarch64, x86_64, arm
        expected = ALLOW if architecture == MACHINES[machine] else KILL
        assert answer(program(machine), 1, architecture) == expected
    x32 = answer(program(machine), 0x40000000 | 1, MACHINES[machine])
    assert x32 == (KILL if machine == "x86_64" else ALLOW)


def _numbers(header: str, prefix: str) -> Iterator[tuple[str, int]]:
    for line in Path(header).read_text().splitlines():
        match line.split():
            case ["#define", name, number] if name.startswith(prefix) and number.isdigit():
                yield name.removeprefix(prefix).removeprefix("3264_"), int(number)


HEADERS = {
    0: ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "__NR_"),
    1: ("/usr/include/asm-generic/unistd.h", "__NR_"),  # what aarch64 uses
}


@pytest.mark.parametrize("column", HEADERS)
def test_the_numbers_are_the_kernels(column: int) -> None:
    from fixloop.sandbox.jail import shared_machine, system_calls

    header, prefix = HEADERS[column]
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed")
    kernels = dict(_numbers(header, prefix))
    ours = {name: numbers[column] for name, numbers in {**shared_machine.CALLS, **system_calls.CALLS}.items()}
    known = {name: number for name, number in ours.items() if name in kernels}  # headers may be older than the filter
    assert known == {name: kernels[name] for name in known}
    assert len(known) > 40


# That nothing comes of a refused call is in the catalogue of attacks. Here is the reason given, which programs rely on.

CALL = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(x86_64, aarch64, *arguments):
    number = {"x86_64": x86_64, "aarch64": aarch64}[os.uname().machine]
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    return "done" if result >= 0 else errno.errorcode[ctypes.get_errno()]
"""

REASONS = {
    "clone3": ("call(435, 435, 0, 0)", "ENOSYS"),
    "io_uring": ("call(425, 425, 1, ctypes.create_string_buffer(256))", "ENOSYS"),
    "memory without a name": ("call(319, 279, b'name', 0)", "ENOSYS"),
    "user namespace by clone": ("call(56, 220, 0x10000000 | 17, 0, 0, 0, 0)", "EPERM"),
    "typing into a terminal": ("call(16, 29, 0, 0x5412, b'x')", "EPERM"),
}


@both_tiers
@pytest.mark.parametrize("case", REASONS)
def test_a_call_is_refused_for_the_reason_that_programs_expect(workspace: Path, tier: Tier, case: str) -> None:
    code, expected = REASONS[case]
    assert told(run(job(workspace, f"{CALL}tell({code})"), tier, never)) == expected


@both_tiers
def test_the_filter_holds_for_what_the_command_starts(workspace: Path, tier: Tier) -> None:
    code = """
import subprocess
inner = "import os, socket\\ntry:\\n    socket.socket(38, 5)\\nexcept OSError as error:\\n    print(error.errno)"
tell(int(subprocess.run([sys.executable, "-I", "-S", "-c", inner], capture_output=True).stdout))
"""
    assert told(run(job(workspace, code), tier, never)) == errno.EAFNOSUPPORT
