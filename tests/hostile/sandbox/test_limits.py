"""Each limit by its effect: the run ends with the right name and the machine has its memory and processes back.

No test waits for its wall limit unless that is its subject: a limit that does not bite shows as the wrong name.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from boxes import (
    NOT_LINUX,
    PACKAGES,
    SYSTEM_PYTHON,
    both_tiers,
    eventually,
    job,
    namespaces_only,
    never,
    processes_with,
    system_python_serves_others,
    told,
)
from fixloop.sandbox.run import Completed, Ended, Limits, Tier, run

MIB = 1 << 20
USUAL = Limits(wall_seconds=20, memory_bytes=96 * MIB)

linux_only = pytest.mark.skipif(NOT_LINUX, reason="only Linux tells what all processes of a run use")

REST = "\nimport time\ntime.sleep(600)\n"
BY_MANY = """
for _ in range(6):
    if os.fork() == 0:
        data = b"x" * (30 << 20)
        break
"""
BY_SHARED = """
import mmap
memory = mmap.mmap(-1, 200 << 20)
for at in range(0, len(memory), 4096):
    memory[at] = 1
"""
BY_DROPPED = """
import mmap
pieces = []
for _ in range(8):
    pieces.append(mmap.mmap(-1, 25 << 20))
    for at in range(0, 25 << 20, 4096):
        pieces[-1][at] = 1
    pieces[-1].madvise(mmap.MADV_DONTNEED)
"""
CALLS = "\nimport ctypes\ncall = ctypes.CDLL(None)\ncall.mmap.restype = call.shmat.restype = ctypes.c_void_p\n"
BY_UNMAPPED = f"""{CALLS}
for _ in range(200):
    size = 1 << 20
    place = call.mmap(None, ctypes.c_size_t(size), 3, 0x21, -1, ctypes.c_long(0))
    ctypes.memset(place, 1, size)
    call.munmap(ctypes.c_void_p(place + 4096), ctypes.c_size_t(size - 4096))
"""
BY_SEGMENTS = f"""{CALLS}
segments = []
for _ in range(8):
    segments.append(call.shmget(0, ctypes.c_size_t(25 << 20), 0o1600))
    place = call.shmat(segments[-1], None, 0)
    ctypes.memset(place, 1, 25 << 20)
    call.shmdt(ctypes.c_void_p(place))
    os.write(4, b"%d\\n" % segments[-1])
"""
BY_MESSAGES = f"""{CALLS}
message = ctypes.create_string_buffer(b"\\1" * 8200)
while (queue := call.msgget(0, 0o1600)) >= 0:
    os.write(4, b"%d\\n" % queue)
    while call.msgsnd(queue, message, ctypes.c_size_t(8000), 0o4000) == 0:
        pass
"""
BY_THREADS = f"""{CALLS}
import threading, time
def hold():
    data = [b"x" * (30 << 20)]
    time.sleep(600)
for _ in range(6):
    if os.fork() == 0:
        threading.Thread(target=hold).start()
        call.pthread_exit(None)
"""
BY_HIDDEN = f"""{CALLS}
call.prctl(4, 0, 0, 0, 0)
{BY_MANY}"""
BY_PAGE_TABLES = """
import mmap
memory = mmap.mmap(-1, 1 << 37, flags=mmap.MAP_PRIVATE | 0x4000, prot=mmap.PROT_READ)
for at in range(0, 1 << 37, 1 << 21):
    memory[at]
"""
BY_SOCKETS = """
import socket
pairs = []
for _ in range(4):
    if os.fork() == 0:
        break
while len(pairs) < 400:
    pairs += socket.socketpair()
    for end in pairs[-2:]:
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        try:
            while end.send(bytes(60000)):
                pass
        except BlockingIOError:
            pass
"""

HOGS = {
    "many": BY_MANY,
    "shared": BY_SHARED,
    "dropped": BY_DROPPED,
    "unmapped but for a piece": BY_UNMAPPED,
    "threads whose first has ended": BY_THREADS,
    "hidden processes": BY_HIDDEN,
    "page tables": BY_PAGE_TABLES,
    "sockets": BY_SOCKETS,
}
OF_A_NAMESPACE = {"segments": BY_SEGMENTS, "messages": BY_MESSAGES}


@linux_only
@both_tiers
@pytest.mark.parametrize("hog", HOGS)
def test_memory_is_limited_in_total(workspace: Path, tier: Tier, token: str, hog: str) -> None:
    before = _shared_memory()
    completed = run(job(workspace, HOGS[hog] + REST, token, limits=USUAL), tier, never)
    assert (completed.ended, completed.status) == (Ended.MEMORY_LIMIT, None)
    assert completed.detail == "The processes of the run together held more than the 96 MiB allowed them."
    assert processes_with(token) == []
    assert eventually(lambda: _shared_memory() < before + 64 * MIB)


@namespaces_only
@pytest.mark.parametrize("hog", OF_A_NAMESPACE)
def test_system_v_memory_is_limited_and_ends_with_the_run(workspace: Path, tier: Tier, hog: str) -> None:
    limits = replace(USUAL, memory_bytes=64 * MIB)
    before = _in_segments()
    completed = run(job(workspace, OF_A_NAMESPACE[hog] + REST, limits=limits), tier, never)
    assert completed.ended is Ended.MEMORY_LIMIT
    assert completed.channel
    assert eventually(lambda: _in_segments() < before + 16 * MIB)


@both_tiers
def test_one_allocation_too_large_fails(workspace: Path, tier: Tier) -> None:
    completed = run(job(workspace, "bytearray(1 << 30)", limits=USUAL), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 1)
    assert _said(completed) == ["It reported 'MemoryError'; the sandbox allows 96 MiB of memory."]


@linux_only
@both_tiers
@pytest.mark.parametrize("code", [
    "import mmap\nwith mmap.mmap(-1, 20 << 20) as memory: memory[::4096] = b'x' * (5 << 10)",
    "for _ in range(9):\n    if os.fork() == 0:\n        time.sleep(0.5); os._exit(0)\nos.wait()",
    "import subprocess\nfor _ in range(20): subprocess.run(['/bin/true'], check=True)",
    "import mmap\nmmap.mmap(-1, 1 << 36, flags=mmap.MAP_PRIVATE | 0x4000, prot=mmap.PROT_READ)",
], ids=["shared", "forked", "vforked", "only reserved"])  # fmt: skip
def test_what_is_not_held_does_not_count(workspace: Path, tier: Tier, code: str) -> None:
    """Each of them has more than the limit in its address spaces, or in the sum of its resident sets."""
    fill = "import time\ndata = b'x' * (50 << 20)\n"
    assert told(run(job(workspace, f"{fill}{code}\ntime.sleep(0.2); tell(1)", limits=USUAL), tier, never)) == 1


SPREAD = """
def use():
    for _ in range(10**6):
        pass
while True:
    if os.fork() == 0:
        use()
        os._exit(0)
    WAIT
"""
BUSY = {
    "one": "while True: pass",
    "two at once": "os.fork()\nwhile True: pass",
    "short-lived children": SPREAD.replace("WAIT", "os.wait()"),
    "children nobody waits for": "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    + SPREAD.replace("10**6", "10**7").replace("WAIT", "import time; time.sleep(0.2)"),
    "orphans": SPREAD.replace("    use()\n", "    os.fork() or use()\n").replace("WAIT", "os.wait(); use()"),
}


@linux_only
@both_tiers
@pytest.mark.parametrize("busy", BUSY)
def test_cpu_time_is_limited_in_total(workspace: Path, tier: Tier, token: str, busy: str) -> None:
    limits = replace(USUAL, cpu_seconds=1)
    completed = run(job(workspace, BUSY[busy], token, limits=limits), tier, never)
    assert (completed.ended, completed.status) == (Ended.CPU_LIMIT, None)
    assert completed.detail == "The processes of the run together used the 1 s of CPU time allowed them."
    assert processes_with(token) == []


@both_tiers
def test_the_signal_of_the_cpu_limit_alone_is_not_the_limit(workspace: Path, tier: Tier) -> None:
    limits = replace(USUAL, cpu_seconds=9)
    completed = run(job(workspace, "os.kill(os.getpid(), 24)", limits=limits), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, -24)


FULL_OF_FILES = """
try:
    for number in range(10**6):
        open(f"{sys.argv[1]}/{number}", "x").close()
except OSError as error:
    sys.exit(str(error))
"""
WRITES = "open(sys.argv[1] + '/big', 'wb').write(bytes(1 << 24))"
SPACE = "The space that the sandbox allows for everything written (4 MiB) was used up."
FILES = "There were as many files and folders as the sandbox allows (4,096)."


@namespaces_only
@pytest.mark.parametrize("folder", [".", "/tmp", "/dev/shm", "/var/tmp"])
@pytest.mark.parametrize(("code", "note"), [(WRITES, SPACE), (FULL_OF_FILES, FILES)], ids=["space", "inodes"])
def test_everything_written_shares_one_limit(workspace: Path, tier: Tier, folder: str, code: str, note: str) -> None:
    limits = Limits(wall_seconds=20, scratch_bytes=4 * MIB)
    completed = run(job(workspace, code, folder, limits=limits), tier, never)
    hint = "It reported 'No space left on device'; the sandbox allows 4 MiB for everything written, and one file for"
    assert completed.ended is Ended.EXITED
    assert completed.notes == (note, f"{hint} each 4 KiB of it.")


@both_tiers
def test_one_file_is_limited(workspace: Path, tier: Tier) -> None:
    limits = replace(USUAL, file_bytes=MIB)
    code = "open('big', 'wb').write(bytes(1 << 22))"
    completed = run(job(workspace, code, limits=limits), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 1)
    assert _said(completed) == ["It reported 'File too large'; the sandbox allows files of at most 1 MiB."]
    dies = f"import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); {code}"
    completed = run(job(workspace, dies, limits=limits), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, -25)
    assert _said(completed) == ["The command was ended for writing a file larger than the sandbox allows."]


@both_tiers
def test_open_files_are_limited(workspace: Path, tier: Tier) -> None:
    limits = replace(USUAL, open_files=32)
    completed = run(job(workspace, "files = [open('text') for _ in range(64)]", limits=limits), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 1)
    assert _said(completed) == ["It reported 'Too many open files'; the sandbox allows 32 open files to one process."]


FORKS = """
import time
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
except BlockingIOError:
    time.sleep(0.5)
    tell("refused")
"""
THREADS = """
import threading, time
threading.stack_size(1 << 16)
try:
    while True:
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
except RuntimeError as error:
    time.sleep(0.5)
    tell(str(error))
    sys.stdout.flush()
    os._exit(0)
"""
BOMB = """
while True:
    try:
        os.fork()
    except OSError:
        pass
"""


@namespaces_only
@pytest.mark.parametrize("code", [FORKS, THREADS], ids=["processes", "threads"])
def test_processes_and_threads_are_limited(workspace: Path, tier: Tier, token: str, code: str) -> None:
    limits = replace(USUAL, processes=100, memory_bytes=1 << 30)
    completed = run(job(workspace, code, token, limits=limits), tier, never)
    assert told(completed) in {"refused", "can't start new thread"}
    assert completed.notes == ("There were as many processes and threads as the sandbox allows (100).",)
    assert processes_with(token) == []


@namespaces_only
def test_a_fork_bomb_ends_with_the_run(workspace: Path, tier: Tier, token: str) -> None:
    limits = replace(USUAL, wall_seconds=3, processes=200, memory_bytes=1 << 30)
    completed = run(job(workspace, BOMB, token, limits=limits), tier, never)
    assert completed.ended is Ended.WALL_LIMIT
    assert processes_with(token) == []


@both_tiers
@pytest.mark.parametrize("descriptor", [1, 2, 4])
def test_output_and_channel_are_limited(workspace: Path, tier: Tier, token: str, descriptor: int) -> None:
    limits = replace(USUAL, output_bytes=MIB)
    completed = run(
        job(workspace, f"while True: os.write({descriptor}, bytes(9999))", token, limits=limits), tier, never
    )
    assert completed.ended is Ended.OUTPUT_LIMIT
    assert completed.detail == "The run printed or reported more than the 1 MiB that the sandbox takes."
    assert processes_with(token) == []


ANYBODY = """
import json, sys
from pathlib import Path
from fixloop.sandbox.run import Job, Limits, Tier, run
root, tier, codes = Path(sys.argv[1]), Tier(sys.argv[2]), json.loads(sys.argv[3])
for code, memory in codes:
    limits = Limits(wall_seconds=20, memory_bytes=memory, cpu_seconds=3, processes=150)
    argv = (sys.executable, "-I", "-S", "-c", "import os, sys" + chr(10) + code)
    completed = run(Job(argv, root, {}, (Path(sys.prefix),), root, {}, b"", limits), tier, lambda: False)
    print(json.dumps([completed.ended, completed.notes, completed.detail]))
"""


@linux_only
@both_tiers
@pytest.mark.skipif(os.getuid() != 0, reason="every other test already runs as an ordinary user")
def test_an_ordinary_user_is_limited_the_same_way(tier: Tier) -> None:
    if not Path(SYSTEM_PYTHON).exists() or not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chown(name, 54321, 54321)
        # Orphans of a busy machine add up, so that they have room.
        busy = [(BUSY[name], 1 << 30) for name in ("one", "orphans")]
        codes = [*((hog + REST, 96 << 20) for hog in HOGS.values()), *busy]
        done = subprocess.run(
            [SYSTEM_PYTHON, "-c", ANYBODY, str(Path(name).resolve()), tier.value, json.dumps(codes)],
            user=54321,
            group=54321,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(PACKAGES), "TMPDIR": "/tmp"},
            capture_output=True,
            text=True,
            check=True,
        )
    ends = [json.loads(line)[0] for line in done.stdout.splitlines()]
    assert ends == ["memory limit"] * len(HOGS) + ["CPU limit"] * 2, done.stdout


def _said(completed: Completed) -> list[str]:
    return list(completed.notes)


def _shared_memory() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Shmem:"))


def _in_segments() -> int:
    """Bytes in System V shared memory and messages."""
    held = 0
    for kind, columns in (("shm", (14, 15)), ("msg", (3,))):
        lines = [line.split() for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]]
        held += sum(int(line[column]) for line in lines for column in columns)
    return held
