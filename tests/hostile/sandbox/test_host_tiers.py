"""The tiers without namespaces: the command sees the machine itself, and must change and learn nothing there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxes import (
    NOT_LINUX,
    PACKAGES,
    STUBBORN,
    SYSTEM_PYTHON,
    eventually,
    host_tiers,
    job_for,
    never,
    parent_arguments,
    processes_with,
    throw_away,
    told,
)
from fixloop.sandbox.jail import scratch as folders
from fixloop.sandbox.jail.stranger import end_processes
from fixloop.sandbox.run import Ended, Limits, Tier, run

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="these tiers exist only on Linux")

ATTEMPT = """
import ctypes, errno, socket
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action):
    try:
        result = action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def call(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
"""


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder in which the modes of files allow everybody everything."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name).resolve()
        (folder / "file").write_text("SECRET")
        (folder / "folder").mkdir()
        for path in (folder, *folder.iterdir()):
            path.chmod(0o777)
        yield folder


def state(folder: Path) -> object:
    return [
        (str(path), status.st_mode, status.st_uid, status.st_mtime_ns, status.st_size, os.listxattr(path))
        for path in (folder, *sorted(folder.rglob("*")))
        for status in [path.lstat()]
    ]


CHANGES = {
    "write": "open(file, 'a').write('x')",
    "read": "open(file).read()",
    "list": "os.listdir(folder)",
    "truncate": "os.truncate(file, 1)",
    "create": "open(folder + '/new', 'w')",
    "make a folder": "os.mkdir(folder + '/new')",
    "make a pipe": "os.mkfifo(folder + '/new')",
    "make a link": "os.symlink('x', folder + '/new')",
    "link out": "os.link('text', folder + '/new')",
    "link in": "os.link(file, 'new')",
    "move out": "os.rename('text', folder + '/new')",
    "move in": "os.rename(file, 'new')",
    "remove": "os.unlink(file)",
    "remove a folder": "os.rmdir(folder + '/folder')",
    "through a link": "os.symlink(file, 'link'), open('link', 'w')",
    "through /proc/self": "open('/proc/self/root' + file, 'w')",
    "mode": "os.chmod(file, 0)",
    "owner": "os.chown(file, os.getuid(), os.getgid())",
    "times": "os.utime(file, (1, 1))",
    "attribute": "os.setxattr(file, 'user.x', b'x')",
    "flags": "call(libc.ioctl(os.open(sys.argv[2], os.O_RDONLY), 0x40086602, ctypes.byref(ctypes.c_long(0x40))))",
}


@host_tiers
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_outside_is_changed_or_read(workspace: Path, tier: Tier, outside: Path, change: str) -> None:
    before = state(outside)
    code = f"{ATTEMPT}\nfolder, file = sys.argv[1], sys.argv[1] + '/file'\ntell(attempt(lambda: ({CHANGES[change]})))"
    executable = sys.executable if tier is Tier.REDUCED else SYSTEM_PYTHON  # readable inside, and of this user
    answer = told(run(job_for(tier, workspace, code, str(outside), executable), tier, never))
    ignored = tier is Tier.REDUCED and change in {"mode", "owner", "times"}
    assert answer == "done" if ignored else answer != "done"
    assert state(outside) == before


@host_tiers
def test_no_socket_of_the_host_is_reached(workspace: Path, tier: Tier, outside: Path) -> None:
    code = f"""{ATTEMPT}
port, path, abstract = int(sys.argv[1]), sys.argv[2], "\\0" + sys.argv[3]
pair = socket.socketpair()
pair[0].send(b"x")
def reach(family, kind, address):
    socket.socket(family, kind).connect(address)
tell([pair[1].recv(9).decode(), *(attempt(action) for action in (
    lambda: reach(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    lambda: reach(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
    lambda: reach(socket.AF_UNIX, socket.SOCK_STREAM, path),
    lambda: reach(socket.AF_UNIX, socket.SOCK_STREAM, abstract),
    lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b"x", path + ".datagrams"),
    lambda: pair[0].connect(path),
    lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 262),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132),
))])
"""
    path, name = str(outside / "socket"), f"fixloop-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_UNIX) as unix,
        socket.socket(socket.AF_UNIX) as abstract,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagrams,
    ):
        unix.bind(path)
        abstract.bind("\0" + name)
        datagrams.bind(path + ".datagrams")
        for place in (path, path + ".datagrams"):
            Path(place).chmod(0o777)
        for listener in (unix, abstract):
            listener.listen()
        answer = told(run(job_for(tier, workspace, code, str(tcp.getsockname()[1]), path, name), tier, never))
        assert isinstance(answer, list)
        assert answer[0] == "x"
        assert set(answer[1:]) <= {"EAFNOSUPPORT", "EISCONN", "EPERM"}
        for listener in (tcp, unix, abstract):
            listener.settimeout(0)
            with pytest.raises(BlockingIOError):
                listener.accept()
        datagrams.settimeout(0)
        with pytest.raises(BlockingIOError):
            datagrams.recv(1)


@host_tiers
def test_no_process_of_the_host_is_touched(workspace: Path, tier: Tier) -> None:
    code = f"""{ATTEMPT}
import resource
other = int(sys.argv[1])
tell([attempt(action) for action in (
    lambda: os.kill(other, 10),
    lambda: os.kill(other, 0),
    lambda: os.killpg(other, 10),
    lambda: call(libc.syscall(424, libc.syscall(434, other, 0), 10, 0, 0)),
    lambda: call(libc.ptrace(0x4206, other, None, None)),
    lambda: resource.prlimit(other, resource.RLIMIT_NOFILE, (1, 1)),
    lambda: os.setpriority(os.PRIO_PROCESS, other, 19),
    lambda: os.setpriority(os.PRIO_USER, 0, 19),
    lambda: os.sched_setaffinity(other, {{0}}),
    lambda: open(f"/proc/{{other}}/environ").read(),
    lambda: open(f"/proc/{{other}}/cmdline").read(),
    lambda: open(f"/proc/{{other}}/mem", "r+b"),
    lambda: os.listdir("/proc"),
)])
"""
    argv = [sys.executable, "-c", "input()"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True) as sleeper:
        nice = os.getpriority(os.PRIO_PROCESS, sleeper.pid)
        try:
            answers = told(run(job_for(tier, workspace, code, str(sleeper.pid)), tier, never))
            assert isinstance(answers, list)
            assert "done" not in answers
            assert sleeper.poll() is None
            assert os.getpriority(os.PRIO_PROCESS, sleeper.pid) == nice
        finally:
            sleeper.kill()


@host_tiers
def test_memory_objects_are_closed_and_nothing_is_left(workspace: Path, tier: Tier) -> None:
    code = f"""{ATTEMPT}
names = [attempt(action) for action in (
    lambda: call(libc.shmget(0, 4096, 0o1666)),
    lambda: call(libc.semget(0, 1, 0o1666)),
    lambda: call(libc.msgget(0, 0o1666)),
    lambda: call(libc.syscall(240, b"fixloop-test", 0o102, 0o666, None)),
)]
def leave():
    os.mkdir("/dev/shm/fixloop-test", 0o700)
    open("/dev/shm/fixloop-test/file", "w").write("x")
    os.chmod("/dev/shm/fixloop-test", 0)
tell([*names, attempt(leave)])
"""
    answers = told(run(job_for(tier, workspace, code), tier, never))
    assert answers == ["ENOSYS"] * 4 + ["done" if tier is Tier.ROOT else "EACCES"]
    assert not Path("/dev/shm/fixloop-test").exists()


@host_tiers
def test_a_terminal_of_the_user_is_closed(workspace: Path, tier: Tier) -> None:
    terminal, slave = os.openpty()
    try:
        code = f"{ATTEMPT}\ntell(attempt(lambda: os.open(sys.argv[1], os.O_WRONLY | os.O_NOCTTY)))"
        assert told(run(job_for(tier, workspace, code, os.ttyname(slave)), tier, never)) == "EACCES"
    finally:
        os.close(terminal)
        os.close(slave)


@pytest.mark.parametrize("tier", [throw_away])
def test_the_throw_away_user_is_nobody_and_stays_so(workspace: Path, tier: Tier) -> None:
    code = f"""{ATTEMPT}
import pwd
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
tell([
    os.getresuid() == (os.getuid(),) * 3 == os.getresgid(),
    os.getuid() in [user.pw_uid for user in pwd.getpwall()], os.getgroups(),
    [int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")],
    attempt(lambda: os.setuid(0)), attempt(lambda: os.setgroups([0])),
    os.stat("text").st_uid == os.getuid(),
])
"""
    answer = told(run(job_for(tier, workspace, code), tier, never))
    assert answer == [True, False, [], [0] * 5, "EPERM", "EPERM", True]


@pytest.mark.parametrize("tier", [throw_away])
def test_shared_memory_that_is_open_to_everybody_closes_it(workspace: Path, tier: Tier) -> None:
    shared = Path(f"/dev/shm/fixloop-test-{os.getpid()}")
    shared.write_text("base")
    shared.chmod(0o666)
    try:
        code = f"{ATTEMPT}\ntell(attempt(lambda: open(sys.argv[1], 'w').write('x')))"
        assert told(run(job_for(tier, workspace, code, str(shared)), tier, never)) == "EACCES"
        assert shared.read_text() == "base"
    finally:
        shared.unlink()


@pytest.mark.parametrize("tier", [throw_away])
def test_the_number_of_processes_is_limited(workspace: Path, tier: Tier) -> None:
    code = """
import time
started = 0
try:
    while started < 100:
        if os.fork() == 0:
            time.sleep(60)
        started += 1
except OSError:
    pass
tell(started < 100)
"""
    changes = {"limits": Limits(wall_seconds=30, processes=20)}
    assert told(run(job_for(tier, workspace, code, **changes), tier, never)) is True


@pytest.mark.parametrize("tier", [throw_away])
@pytest.mark.parametrize(("seconds", "ended"), [(0.5, Ended.WALL_LIMIT), (30, Ended.EXITED)])
def test_what_detaches_itself_ends_with_the_run(
    workspace: Path, tier: Tier, token: str, seconds: float, ended: Ended
) -> None:
    code = STUBBORN + ("time.sleep(600)" if ended is Ended.WALL_LIMIT else "time.sleep(0.3)")
    changes = {"limits": Limits(wall_seconds=seconds)}
    assert run(job_for(tier, workspace, code, token, **changes), tier, never).ended is ended
    assert processes_with(token) == []


@pytest.mark.parametrize("tier", [throw_away])
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="a capability is dropped with setpriv")
def test_without_the_capability_an_interpreter_that_is_closed_is_refused_with_a_remedy(
    workspace: Path, tier: Tier, scratch: Path
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as closed:
        python = Path(closed) / "python"
        python.symlink_to(SYSTEM_PYTHON)
        argv = parent_arguments(sys.executable, workspace, tier, "-c", "pass", inside=str(python))
        env = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(PACKAGES)}
        without = ["setpriv", "--bounding-set", "-dac_read_search", "--inh-caps", "-dac_read_search"]
        done = subprocess.run([*without, *argv], env=env, capture_output=True, text=True, check=True)
        ended, _, detail, _ = json.loads(done.stdout)
        assert ended == "not started", done.stdout
        assert f"chmod o+x {closed}" in detail
        assert "--cap-add DAC_READ_SEARCH" in detail


@host_tiers
def test_what_two_killed_processes_leave_is_removed_by_the_next(
    workspace: Path, tier: Tier, token: str, scratch: Path
) -> None:
    code = "import os\n" + STUBBORN + "time.sleep(600)"
    inside = SYSTEM_PYTHON if tier is Tier.ROOT else ""
    argv = parent_arguments(sys.executable, workspace, tier, "-c", code, token, inside=inside)

    env = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(PACKAGES)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=env) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        outer = int(Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()[0])
        inner = int(Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0])
        folders.sweep(str(scratch), end_processes)
        assert len(list(scratch.iterdir())) == 1  # in use
        for keeper in (outer, inner):  # of those, either one would end the run
            os.kill(keeper, signal.SIGSTOP)
        parent.kill()
        for keeper in (outer, inner):
            os.kill(keeper, signal.SIGKILL)
    assert eventually(lambda: not any(Path(f"/proc/{keeper}/exe").exists() for keeper in (outer, inner)))
    assert len(list(scratch.iterdir())) == 1
    folders.sweep(str(scratch), end_processes)
    assert list(scratch.iterdir()) == []
    for process in processes_with(token):  # the throw-away user's have ended, the caller's own cannot be told apart
        assert tier is Tier.REDUCED
        os.kill(int(process.split()[0]), signal.SIGKILL)


def test_only_folders_of_runs_are_swept(scratch: Path) -> None:
    (scratch / "fixloop-other").mkdir()
    (scratch / f"{folders.PREFIX}file").touch()
    (scratch / f"{folders.PREFIX}link").symlink_to(scratch / "fixloop-other")
    lock = folders.make(str(scratch / f"{folders.PREFIX}used"))
    os.close(folders.make(str(scratch / f"{folders.PREFIX}stale")))
    folders.sweep(str(scratch), end_processes)
    assert {path.name for path in scratch.iterdir()} == {
        "fixloop-other", f"{folders.PREFIX}file", f"{folders.PREFIX}link", f"{folders.PREFIX}used",
    }  # fmt: skip
    os.close(lock)
    folders.sweep(str(scratch), end_processes)
    assert not (scratch / f"{folders.PREFIX}used").exists()
    for path in scratch.iterdir():
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
