"""Whoever is killed, nothing of a run is left: no process, mount, folder, shared memory or key."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boxes import (
    NOT_LINUX,
    PACKAGES,
    both_tiers,
    eventually,
    job,
    namespaces_only,
    never,
    parent_arguments,
    processes_with,
)
from fixloop.sandbox.run import Ended, Limits, Tier, run

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="told by /proc")

CROWD = """
import os, signal, sys, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
for number in range(int(sys.argv[2])):
    if os.fork() == 0:
        if number % 3 == 0:
            os.setsid()
            if os.fork():
                os._exit(0)
        if number % 3 == 1:
            os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(600)
"""
READY = "os.write(4, b'ready\\n')\ntime.sleep(600)\n"


@contextlib.contextmanager
def started(root: Path, tier: Tier, scratch: Path, code: str, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls ``run`` and is in the middle of it."""
    argv = parent_arguments(sys.executable, root, tier, "-c", code, *args)
    env = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(PACKAGES)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=env, start_new_session=True) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
            yield parent
        finally:
            parent.kill()


def children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def server(parent: int) -> int:
    return parent


def launcher(parent: int) -> int:
    return children(parent)[0]


def first_process(parent: int) -> int:
    """Process 1 of the full tier; of the reduced tier the inner one of two."""
    return children(launcher(parent))[0]


def command(parent: int) -> int:
    return children(first_process(parent))[0]


@both_tiers
@pytest.mark.parametrize("number", [1, 300])
@pytest.mark.parametrize("victim", [server, launcher, first_process])
def test_nothing_is_left_of_a_killed_run(
    workspace: Path, tier: Tier, token: str, scratch: Path, victim: Callable[[int], int], number: int
) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    with started(workspace, tier, scratch, CROWD + READY, token, str(number)) as parent:
        assert len(processes_with(token)) > number * 0.9  # some of a pair have not ended yet, or not begun
        os.kill(victim(parent.pid), signal.SIGKILL)
        assert eventually(lambda: processes_with_but(token, parent.pid) == []), processes_with_but(token, parent.pid)
        assert eventually(lambda: list(scratch.iterdir()) == [])
    assert Path("/proc/self/mountinfo").read_text() == mounts
    assert str(workspace) not in "".join(path.read_text() for path in mount_tables())


@both_tiers
def test_nothing_is_left_of_a_killed_command(workspace: Path, tier: Tier, token: str, scratch: Path) -> None:
    with started(workspace, tier, scratch, CROWD + READY, token, "30") as parent:
        os.kill(command(parent.pid), signal.SIGKILL)
        assert parent.stdout is not None
        assert parent.stdout.readline() == b'["exited", -9, "", null]\n'
        assert processes_with_but(token, parent.pid) == []


@both_tiers
@pytest.mark.parametrize("stopped", [launcher, first_process, command])
def test_what_somebody_stopped_ends_with_the_parent(
    workspace: Path, tier: Tier, token: str, scratch: Path, stopped: Callable[[int], int]
) -> None:
    with started(workspace, tier, scratch, CROWD + READY, token, "3") as parent:
        keepers = [launcher(parent.pid), first_process(parent.pid)]
        os.kill(stopped(parent.pid), signal.SIGSTOP)
        parent.kill()
        assert eventually(lambda: processes_with_but(token, parent.pid) == []), processes_with_but(token, parent.pid)
        assert eventually(lambda: list(scratch.iterdir()) == [])
        assert eventually(lambda: not any(Path(f"/proc/{keeper}/fd/1").exists() for keeper in keepers))


@both_tiers
def test_nothing_is_left_of_a_crowd(workspace: Path, tier: Tier, token: str) -> None:
    limits = Limits(wall_seconds=30)
    code = CROWD + "os.write(4, b'ready')\nsys.exit(3)"
    completed = run(job(workspace, code, token, "100", limits=limits), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 3)
    assert processes_with(token) == []


@both_tiers
def test_a_stopped_command_ends_at_the_wall_limit(workspace: Path, tier: Tier, token: str) -> None:
    code = "import signal\nos.kill(os.getpid(), signal.SIGSTOP)"
    completed = run(job(workspace, code, token, limits=Limits(wall_seconds=0.5)), tier, never)
    assert completed.ended is Ended.WALL_LIMIT
    assert processes_with(token) == []


LEAVES = """
import ctypes, mmap, multiprocessing.shared_memory, tempfile
shared = multiprocessing.shared_memory.SharedMemory("fixloop-" + sys.argv[1], create=True, size=4096)
call = ctypes.CDLL(None)
assert call.shmget(0x46495831, ctypes.c_size_t(4096), 0o1600) >= 0
assert call.msgget(0x46495832, 0o1600) >= 0
assert call.semget(0x46495833, 1, 0o1600) >= 0
queue = ctypes.CDLL(None).mq_open(b"/fixloop-" + sys.argv[1].encode(), os.O_CREAT | os.O_RDWR, 0o600, None)
assert queue >= 0
tempfile.mkdtemp(dir="/tmp"); tempfile.mkdtemp(dir="/var/tmp"); tempfile.mkdtemp(dir="/dev/shm")
call.syscall(248, b"user", b"fixloop-" + sys.argv[1].encode(), b"x", ctypes.c_size_t(1), -4)
tell(sorted(os.listdir("/dev/shm"))[-1][:4] or True)
os._exit(0)
"""


@namespaces_only
def test_no_shared_memory_file_or_key_is_left(workspace: Path, tier: Tier, token: str) -> None:
    before = {folder: set(folder.iterdir()) for folder in map(Path, ("/dev/shm", "/var/tmp"))}
    completed = run(job(workspace, LEAVES, token), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 0), completed.output
    after = {folder: {path for path in folder.iterdir() if token in path.name} for folder in before}
    assert not any(after.values())
    tables = "".join(Path(f"/proc/sysvipc/{kind}").read_text() for kind in ("shm", "msg", "sem"))
    assert not any(str(key) in tables for key in (0x46495831, 0x46495832, 0x46495833))
    assert token not in Path("/proc/keys").read_text()


def processes_with_but(token: str, parent: int) -> list[str]:
    return [found for found in processes_with(token) if not found.startswith(f"{parent} ")]


def mount_tables() -> Iterator[Path]:
    """Of the mount namespaces in which anything still runs."""
    seen: set[str] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            namespace = str((folder / "ns" / "mnt").readlink())
            if namespace not in seen:
                seen.add(namespace)
                yield folder / "mountinfo"
