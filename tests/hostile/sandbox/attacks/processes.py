"""Processes of the host and the sandbox's own: signals, memory, limits, descriptors, terminals."""

from __future__ import annotations

from .record import OWN_USER, Attack

_TRACING = "a kernel that lets a process trace none but its children"

ATTACKS = (
    Attack("signal", "attempt(lambda: os.kill(host['bait'], signal.SIGTERM))\ntime.sleep(0.1)"),
    Attack("signal to a group", "attempt(lambda: os.killpg(host['bait'], signal.SIGSTOP))\ntime.sleep(0.1)"),
    Attack(
        "signal by descriptor",
        "attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(host['bait']), signal.SIGKILL))\ntime.sleep(0.1)",
    ),
    Attack("signal to everyone", "attempt(lambda: os.kill(-1, 9))", OWN_USER, unsafe="it would end the tests"),
    Attack(
        "signal to one's session and its parent",
        "attempt(lambda: os.kill(os.getppid(), 9))",
        OWN_USER,
        unsafe="that is this test",
    ),
    Attack("priority", "attempt(lambda: os.setpriority(os.PRIO_PROCESS, host['bait'], 19))"),
    Attack(
        "priority of all of a user's",
        "attempt(lambda: os.setpriority(os.PRIO_USER, os.getuid(), 1))",
        OWN_USER,
        unsafe="it reaches every process of the user",
    ),
    Attack(
        "processors",
        "attempt(lambda: os.sched_setaffinity(host['bait'], {max(os.sched_getaffinity(0))}))",
        unless="one processor",
    ),
    Attack(
        "limits",
        "import resource\nattempt(lambda: resource.prlimit(host['bait'], resource.RLIMIT_NOFILE, (1, 1)))",
    ),
    Attack(
        "readiness to be killed for memory",
        "attempt(lambda: open(f\"/proc/{host['bait']}/oom_score_adj\", 'w').write('999') and None)",
    ),
    Attack(
        "trace",
        "attempt(lambda: call(101, 117, 0x4206, host['bait'], 0, 0) == 0 and won('a trace'))",
        unless=_TRACING,
    ),
    Attack(
        "trace of the sandbox's own",
        """
for process in (1, os.getppid()):
    attempt(lambda: call(101, 117, 0x4206, process, 0, 0) == 0 and won("a trace"))
""",
        unsafe="the parent is this test",
    ),
    Attack(
        "memory read by call",
        """
data = ctypes.create_string_buffer(host["length"])
local = (ctypes.c_size_t * 2)(ctypes.addressof(data), host["length"])
remote = (ctypes.c_size_t * 2)(host["address"], host["length"])
attempt(lambda: call(310, 270, host["parent"], local, 1, remote, 1, 0) and data.raw)
""",
        unless=_TRACING,
    ),
    Attack(
        "memory written by call",
        """
data = ctypes.create_string_buffer(b"SECRET", 6)
local = (ctypes.c_size_t * 2)(ctypes.addressof(data), 6)
remote = (ctypes.c_size_t * 2)(host["address"], 6)
attempt(lambda: call(311, 271, host["parent"], local, 1, remote, 1, 0) == 6 and won("written"))
""",
        unless=_TRACING,
    ),
    Attack(
        "memory read as a file",
        """
def peek(process):
    with open(f"/proc/{process}/mem", "rb", 0) as memory:
        memory.seek(host["address"])
        return memory.read(host["length"])
attempt(lambda: peek(host["parent"]), lambda: peek(os.getppid()))
""",
        unless=_TRACING,
    ),
    Attack(
        "descriptors taken from another",
        """
def take():
    process = os.pidfd_open(host["parent"])
    return os.pread(call(438, 438, process, host["parent_descriptor"], 0), 99, 0)
attempt(take)
""",
        unless=_TRACING,
    ),
    Attack(
        "descriptors of another as files",
        """
for process in (host["parent"], host["bait"], os.getppid(), 1):
    attempt(*(lambda number=number: read(f"/proc/{process}/fd/{number}") for number in range(3, 1024)))
""",
        unless=_TRACING,
    ),
    Attack(
        "environment of another",
        """
for process in processes():
    attempt(lambda: read(f"/proc/{process}/environ"))
""",
    ),
    Attack(
        "what the machine runs",
        """
for process in processes():
    if int(process) != os.getpid():
        attempt(lambda: b"sleep" in read(f"/proc/{process}/cmdline") and won("a command line"))
""",
    ),
    Attack(
        "process 1 and its descriptors",
        """
found = [f"/proc/{process}/{name}" for process in (1, "1/task/1") for name in
    ("mem", "environ", "maps", "auxv", "stack", "syscall", "exe", "cwd", "root", *(f"fd/{n}" for n in range(64)))]
for path in found:
    for flags in (os.O_RDONLY, os.O_WRONLY):
        attempt(lambda: os.read(os.open(path, flags | os.O_NONBLOCK), 9) and won(path))
        attempt(lambda: os.write(os.open(path, flags | os.O_NONBLOCK), b"exited 77\\n") and won(path))
""",
        unsafe="outside it is the machine's own",
    ),
    Attack(
        "process 1 ended",
        """
import resource
for number in range(1, 65):
    attempt(lambda: os.kill(1, number), lambda: signal.pidfd_send_signal(os.pidfd_open(1), number))
""",
        unsafe="outside it is the machine's own",
    ),
    Attack(
        "process 1 written to",
        """
for folder, _, names in os.walk("/proc/1"):
    for name in names:
        if not folder.startswith("/proc/1/task"):
            attempt(lambda: os.open(f"{folder}/{name}", os.O_WRONLY | os.O_NONBLOCK) and won(name))
""",
        unsafe="outside it is the machine's own",
    ),
    Attack(
        "a forged report",
        """
for number in range(3, 256):
    attempt(lambda: os.write(number, b"exited 77\\nnote forged\\nrefused forged\\n"))
attempt(lambda: os.write(1, b"exited 77\\n"), lambda: os.write(2, b"refused forged\\n"))
""",
        unsafe="it writes into whatever is open",
    ),
    Attack(
        "a terminal of the host",
        """
for flags in (os.O_RDONLY, os.O_WRONLY):
    attempt(lambda: os.open(host["terminal"], flags | os.O_NOCTTY | os.O_NONBLOCK) and won("a terminal"))
""",
    ),
    Attack(
        "typing into a terminal",
        """
for number in range(3, 1024):
    attempt(
        lambda: os.isatty(number) and os.write(number, b"rm -rf\\n"),
        lambda: os.isatty(number) and fcntl.ioctl(number, 0x5412, b"x"),
    )
attempt(lambda: write("/dev/tty"))
""",
    ),
    Attack(
        "what programs may gain (setuid)",
        """
import subprocess
def own(process):
    words = dict(line.split(":", 1) for line in read(f"/proc/{process}/status").decode().splitlines())
    return words["Uid"].split(), int(words["CapEff"], 16)
def attack(program, *arguments):
    silent = subprocess.DEVNULL
    child = subprocess.Popen([program, *arguments], stdin=subprocess.PIPE, stdout=silent, stderr=silent)
    try:
        for _ in range(50):
            users, capabilities = own(child.pid)
            if users[1] != str(os.getuid()) or capabilities & ~own(os.getpid())[1]:
                won(program)
                break
            time.sleep(0.002)
    finally:
        child.kill()
        child.wait()
for name in ("su", "passwd", "newgrp", "mount", "newuidmap", "ping", "sudo"):
    attempt(lambda: attack("/usr/bin/" + name))
""",
        unless="nothing to gain for root",
    ),
    Attack(
        "a program made setuid",
        """
import shutil
def attack():
    shutil.copy("/bin/cat", "cat")
    os.chown("cat", 0, 0)
    os.chmod("cat", 0o6755)
    child = os.popen("./cat /proc/self/status").read()
    if "CapEff:" not in child:
        return
    capabilities = int(child.split("CapEff:")[1].split()[0], 16)
    if capabilities & ~host["capabilities"] or child.split("Uid:")[1].split()[1] != str(os.getuid()):
        won("power")
attempt(attack)
""",
        unless="only root can give files away",
    ),
    Attack("another user", "alone(lambda: os.setuid(12345) or won('a user'))", unless="a user without the right to it"),
    Attack(
        "other groups", "alone(lambda: os.setgroups([12345]) or won('groups'))", unless="a user without the right to it"
    ),
    Attack(
        "a crash that the machine's own helper is told of",
        """
import resource
for limits in ((0, 0), (0, 1), (2, 2)):
    attempt(
        lambda: resource.setrlimit(resource.RLIMIT_CORE, limits),
        lambda: resource.prlimit(0, resource.RLIMIT_CORE, limits) and None,
    )
if resource.getrlimit(resource.RLIMIT_CORE) != (1, 1):  # at any other the kernel starts it, as root and outside
    won("a helper")
""",
    ),
)
