"""The kernel's own machinery: what a test has no use for and what kernels are attacked through."""

from __future__ import annotations

from .record import Attack

_POWER = "a user without the right to it, or a kernel without it"


def _call(name: str, call: str, unsafe: str = "") -> Attack:
    return Attack(name, f"alone(lambda: call({call}) >= 0 and won('it'))", unless=_POWER, unsafe=unsafe)


def _opened(name: str, path: str, flags: str = "os.O_WRONLY") -> Attack:
    code = f"attempt(lambda: os.open({path!r}, {flags} | os.O_NONBLOCK) and won('open'))"
    return Attack(name, code, unless=_POWER)


_CODE = """
import mmap
def foreign():
    memory = mmap.mmap(-1, 4096, prot=7)
    memory.write({code!r})
    function = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
    if os.uname().machine == "x86_64" and function() == os.getpid():
        won("a call")
alone(foreign)
"""

ATTACKS = (
    _call("queues of calls (io_uring)", "425, 425, 4, ctypes.create_string_buffer(256)"),
    _call("programs in the kernel (bpf)", "321, 280, 0, struct.pack('IIIII', 2, 4, 8, 1, 0) + bytes(100), 72"),
    _call("performance counters", "298, 241, struct.pack('IIQ', 1, 64, 0) + bytes(100), 0, -1, -1, 0"),
    _call("faults handled by a program", "323, 282, 1"),
    _call("files without a place (memfd)", "319, 279, b'name', 0"),
    _call("secret memory", "447, 447, 0"),
    _call("keyring", "250, 219, 0, -4, 1"),
    _call("key added", "248, 217, b'user', b'name', b'data', 4, -2"),
    _call("messages of the kernel", "103, 116, 10, 0, 0"),
    _call("clock", "159, 171, bytes(256)"),
    _call("quotas", "179, 60, 0x800001 << 8, 0, 0, ctypes.create_string_buffer(256)"),
    _call("ports of the machine", "172, -1, 3"),
    _call("comparison of processes", "312, 272, os.getpid(), os.getpid(), 0, 0, 0"),
    _call("marks on files (fanotify)", "300, 262, 0, 0"),
    _call(
        "handles of files",
        "303, 264, -100, b'text', ctypes.create_string_buffer(struct.pack('I', 128), 256), bytes(8), 0",
    ),
    _call("name of the machine", "170, 161, b'evil', 4", unsafe="it would rename the machine"),
    _call("modules", "175, 105, b'', 0, b''", unsafe="it acts on the machine"),
    _call("another kernel", "246, 104, 0, 0, 0, 0", unsafe="it acts on the machine"),
    _call("swap", "168, 225, b'/dev/null'", unsafe="it acts on the machine"),
    _call("accounting", "163, 89, 0", unsafe="it acts on the machine"),
    _call("restart", "169, 142, 0xFEE1DEAD, 672274793, 0, 0", unsafe="it acts on the machine"),
    Attack(
        "a program that has no file",
        """
def run():
    held = call(319, 279, b"name", 0)
    os.write(held, open("/bin/true", "rb").read())
    child = os.fork()
    if child == 0:
        os.execve(held, ["true"], {})
    if os.waitpid(child, 0)[1] == 0:
        won("a run")
attempt(run)
""",
    ),
    Attack("calls of x32", _CODE.format(code=b"\xb8\x27\x00\x00\x40\x0f\x05\xc3"), unless="a kernel without it"),
    Attack(
        "calls of i386",
        _CODE.format(code=b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"),
        unless="a kernel without it",
    ),
    _opened("what runs on a crash (core_pattern)", "/proc/sys/kernel/core_pattern"),
    _opened("what loads modules", "/proc/sys/kernel/modprobe"),
    _opened("formats of programs", "/proc/sys/fs/binfmt_misc/register"),
    _opened("orders to the kernel (sysrq)", "/proc/sysrq-trigger"),
    _opened("messages of the kernel as a file", "/proc/kmsg", "os.O_RDONLY"),
    _opened("memory of the kernel", "/proc/kcore", "os.O_RDONLY"),
    _opened("groups of processes", "/sys/fs/cgroup/cgroup.procs"),
    _opened("groups' own programs", "/sys/fs/cgroup/release_agent"),
    _opened("helpers for events", "/sys/kernel/uevent_helper"),
    _opened("security settings", "/sys/kernel/security/lockdown"),
    _opened("power", "/sys/power/state"),
    _opened("tracing", "/sys/kernel/tracing/trace_marker"),
    Attack(
        "settings of the kernel, each",
        """
for folder, folders, names in os.walk("/proc"):
    if folder == "/proc":
        folders[:] = [name for name in folders if not name.isdigit() and name not in ("self", "thread-self", "net")]
    for name in names:
        attempt(lambda: os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK) and won(f"{folder}/{name}"))
""",
        unless=_POWER,
    ),
    Attack(
        "settings of devices, each",
        """
left = 3000
for folder, folders, names in os.walk("/sys"):
    for name in names:
        left -= 1
        attempt(lambda: os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK) and won(f"{folder}/{name}"))
    if left < 0:
        break
""",
        unsafe="opening some of them acts on the machine",
    ),
    Attack(
        "capabilities",
        """
def regain():
    call(126, 91, struct.pack("Ii", 0x20080522, 0), struct.pack("IIIIII", *[0xFFFFFFFF] * 6))
    won("all")
alone(regain)
words = dict(line.split(":", 1) for line in read("/proc/self/status").decode().splitlines())
names = ("CapInh", "CapPrm", "CapEff", "CapAmb", *host["bounded"])
if any(int(words[name], 16) & ~host["capabilities"] for name in names):
    won("a set that is not empty")
if words["NoNewPrivs"].strip() != "1" or words["Seccomp"].strip() != "2":
    won("an open way to gain them")
""",
    ),
    Attack(
        "modules by way of terminals",
        """
for discipline in range(1, 31):
    attempt(lambda: fcntl.ioctl(os.openpty()[1], 0x5423, struct.pack("i", discipline)) or won(discipline))
""",
        unless=_POWER,
    ),
    Attack(
        "modules by way of protocols",
        """
for kind in (1, 2, 3, 4, 5, 6):
    for protocol in (33, 115, 132, 136, 256, 262):
        attempt(lambda: socket.socket(socket.AF_INET, kind, protocol) and won(protocol))
""",
        unless=_POWER,
    ),
    Attack(
        "a second filter in place of the first",
        """
allow = struct.pack("HBBI", 6, 0, 0, 0x7FFF0000)
program = ctypes.create_string_buffer(allow, 8)
described = struct.pack("HxxxxxxQ", 1, ctypes.addressof(program))
libc.prctl(38, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3)
libc.prctl(22, ctypes.c_ulong(2), described, ctypes.c_ulong(0), ctypes.c_ulong(0))
attempt(
    lambda: call(317, 277, 1, 1, described),
    lambda: call(298, 241, struct.pack("IIQ", 1, 64, 0) + bytes(100), 0, -1, -1, 0) >= 0 and won("a counter"),
    lambda: call(321, 280, 0, struct.pack("IIIII", 2, 4, 8, 1, 0) + bytes(100), 72) >= 0 and won("a map"),
    lambda: call(425, 425, 4, ctypes.create_string_buffer(256)) >= 0 and won("a queue"),
)
""",
    ),
    Attack(
        "privileges by a process's own settings",
        """
for option, value in ((38, 0), (28, 0), (24, 63), (8, 1), (47, 2), (4, 2)):
    libc.prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3)
call(135, 92, 0x0400000)
attempt(
    lambda: libc.prctl(39, 0, 0, 0, 0) == 0 and won("programs that gain"),
    lambda: os.setresuid(54322, 54322, 54322) or won("a user"),
)
""",
        unless=_POWER,
    ),
)
