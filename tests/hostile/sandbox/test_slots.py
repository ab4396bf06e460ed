"""Slots: what children of a warm process share, and what neither they nor the warm process can reach."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

import pytest

from boxes import (
    NOT_LINUX,
    PACKAGES,
    PREFIXES,
    STUBBORN,
    SYSTEM_PYTHON,
    eventually,
    job,
    processes_with,
    system_python_serves_others,
)
from fixloop.sandbox.run import Ended, Limits, SessionOver, Tier, open_session
from slots import WARM, warm_process

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="slots exist only on Linux")

MARKS = """
import ctypes
places = ["mark", "text", "/tmp/mark", "/var/tmp/mark", "/dev/shm/mark", os.path.expanduser("~/mark")]
shmget = ctypes.CDLL(None).shmget
"""
LEAVE_MARKS = (
    MARKS
    + """
for place in places:
    open(place, "a").write("mark")
shmget(77, 4096, 0o1600)
open("folder/inside", "w").close(), os.unlink("gone")
tell([os.getpid(), os.getppid(), os.listdir("/dev/pts")])
"""
)
SEE_MARKS = (
    MARKS
    + """
tell([place for place in places if os.path.exists(place)] + ["SysV"] * (shmget(77, 4096, 0) >= 0))
tell([open("text").read(), sorted(os.listdir(".")), os.listdir("folder"), os.getcwd()])
"""
)


def test_every_child_starts_from_the_same_workspace(workspace: Path) -> None:
    (workspace / "folder").mkdir()
    (workspace / "gone").touch()
    untouched = [["text"], ["base", ["folder", "gone", "laid", "text"], [], str(workspace)], 0]
    with warm_process(workspace, files={"laid": b"unsaved"}) as ask:
        assert ask(SEE_MARKS) == untouched
        for _ in range(3):
            (pid, parent, terminals), status = ask(LEAVE_MARKS)
            assert (pid, parent, terminals, status) == (2, 0, ["ptmx"], 0)
            assert ask(SEE_MARKS) == untouched
        assert ask("tell(open('laid').read())") == ["unsaved", 0]
        assert ask(SEE_MARKS, where="warm") == untouched
    assert sorted(path.name for path in workspace.iterdir()) == ["folder", "gone", "text"]
    assert (workspace / "text").read_text() == "base"


def test_what_a_child_leaves_running_ends_with_its_slot(workspace: Path, token: str) -> None:
    runs_on = f"os.execv({sys.executable!r}, ['python', '-I', '-S', '-c', 'import time; time.sleep(600)', {token!r}])"
    with warm_process(workspace) as ask:
        assert ask(f"if os.fork() == 0:\n os.setsid()\n if os.fork() == 0: {runs_on}\n os._exit(0)") == [0]
        assert eventually(lambda: processes_with(token) == [])
        assert ask(f"lasting = {runs_on}") == [None]
        assert eventually(lambda: processes_with(token) == [])
        assert ask("tell(1)") == [1, 0]


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("os.abort()", signal.SIGABRT),
        ("os.kill(os.getpid(), 9)", signal.SIGKILL),
        ("sys.exit(3)", 0),
        ("os._exit(3)", 3 << 8),
        ("os.fork() or os.kill(-1, 9)\nimport signal; signal.pause()", signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", signal.SIGSEGV),
        ("os.kill(1, 9); os._exit(4)", 4 << 8),
    ],
)
def test_a_bad_child_costs_one_child(workspace: Path, code: str, status: int) -> None:
    with warm_process(workspace) as ask:
        assert ask(code)[-1] & 0xFF7F == status  # pyright: ignore[reportOperatorIssue]
        assert ask("tell(1)") == [1, 0]


POWER = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    return libc[name](*arguments) >= 0
reached = [name for name, arguments in {
    "unshare": (0x20000,), "mount": (b"tmpfs", b"/tmp", b"tmpfs", 0, 0), "umount2": (b"/proc", 2), "chroot": (b"/tmp",),
    "sethostname": (b"x", 1), "pivot_root": (b".", b"."), "ptrace": (16, os.getppid(), 0, 0),
}.items() if call(name, *arguments)]
for number in range(3, 40):
    for kind in (0x20000, 0x20000000, 0x8000000, 0x10000000, 0):
        if call("setns", number, kind):
            reached.append(f"setns {number}")
for pid in [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]:
    for name in ("mem", "environ", "root/etc", "ns/mnt", "fd/0", "cwd/text"):
        try:
            descriptor = os.open(f"/proc/{pid}/{name}", os.O_RDONLY)
        except OSError:
            continue
        reached.append(f"{pid} {name}")
for path in ("/proc/sys/kernel/pid_max", "/proc/sys/user/max_user_namespaces", "/run/fixloop/original/text",
             "/run/fixloop/laid/x", "/usr/x", "/run/x", "/run/fixloop/tools/_fixloop_jail/slot.py", "/etc/passwd"):
    try:
        open(path, "a").close()
    except OSError:
        continue
    reached.append(path)
tell(reached)
"""


def test_a_child_has_no_power(workspace: Path) -> None:
    with warm_process(workspace) as ask:
        assert ask(POWER) == [[], 0]
        assert ask("tell(open('/proc/self/status').read().count('0000000000000000'))")[0] >= 4  # pyright: ignore[reportOperatorIssue]


def test_a_warm_process_can_join_its_slots_and_nothing_more(workspace: Path) -> None:
    with warm_process(workspace) as ask:
        (reached, status) = ask(POWER, where="warm")
        assert status == 0
        # Its own descriptor of its own process ids is what it may always join again; its parent is itself.
        assert [name for name in reached if not name.startswith(("setns", "2 "))] == []  # pyright: ignore[reportGeneralTypeIssues, reportAttributeAccessIssue]


def test_sockets_of_the_workspace_are_not_the_hosts(workspace: Path) -> None:
    connect = """
import socket
def reaches(path):
    try:
        socket.socket(socket.AF_UNIX).connect(path)
    except OSError:
        return False
    return True
tell([reaches("socket"), reaches("/run/fixloop/original/socket")])
"""
    with socket.socket(socket.AF_UNIX) as listener:
        with chdir(workspace):  # a socket's path is short
            listener.bind("socket")
        listener.listen()
        with warm_process(workspace) as ask:
            assert ask(connect) == [[False, False], 0]
            assert ask(connect, where="warm") == [[False, False], 0]


def test_the_end_of_the_warm_process_ends_the_session(workspace: Path, token: str) -> None:
    with pytest.raises(SessionOver) as over, warm_process(workspace) as ask:
        ask("os.kill(os.getppid(), 9)", where="warm")
    assert over.value.completed.ended is Ended.EXITED
    assert over.value.completed.status == -signal.SIGKILL
    assert processes_with(token) == []


def test_closing_a_session_leaves_nothing(workspace: Path, token: str) -> None:
    mounts = Path("/proc/self/mountinfo").read_text()
    argv = (sys.executable, "-I", "-S", "-c", "import os" + STUBBORN + "time.sleep(600)", token)
    with open_session(job(workspace, "", argv=argv), Tier.FULL) as session:
        assert session.receive(20) == b"ready"
        assert processes_with(token) != []
    assert processes_with(token) == []
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_a_session_ends_with_the_process_that_opened_it(workspace: Path, token: str) -> None:
    program = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import slots\n"
        "with slots.warm_process(Path(sys.argv[2])) as ask:\n"
        "    ask('tell(1)'); print('ready', flush=True); time.sleep(600)"
    )
    argv = [sys.executable, "-c", program, str(Path(__file__).parents[2]), str(workspace), token]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(PACKAGES)}) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        assert processes_with(str(workspace)) != []
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: processes_with(str(workspace)) == [])


def test_what_lies_below_private_folders_is_shown_in_slots(tmp_path: Path) -> None:
    """Workspace and interpreters below /tmp: each slot lays a new /tmp over them."""
    workspace, library = (tmp_path.resolve() / name for name in ("work", "library"))
    for folder in (workspace, library):
        folder.mkdir()
        (folder / "text").write_text(folder.name)
    with warm_process(workspace, visible=(*PREFIXES, library)) as ask:
        assert ask(f"tell([open('text').read(), open('{library}/text').read()])") == [["work", "library"], 0]
        assert ask(f"open('{library}/text', 'w')")[0].startswith("OSError(30")  # pyright: ignore[reportAttributeAccessIssue]


BY_ANOTHER_USER = r"""
import json, os, sys
from pathlib import Path
from fixloop.sandbox.run import Job, Limits, Tier, open_session
root, warm = Path(sys.argv[1]), sys.argv[2]
asked = Job(
    argv=(sys.executable, "-I", "-S", "-c", warm, "{tools}"), root=root, files={}, tools=root, env={}, request=b"",
    visible=(Path(sys.prefix), Path(sys.base_prefix)), limits=Limits(wall_seconds=30),
)
with open_session(asked, Tier.FULL) as session:
    change = "open('text', 'a').write('more'); tell([open('text').read(), os.getuid()])"
    for code in (change, "tell(open('text').read())"):
        session.send(json.dumps(["slot", code]).encode())
        print(session.receive(20).decode(), session.receive(20).decode(), flush=True)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="every other test already runs as an ordinary user")
def test_an_ordinary_user_has_slots() -> None:
    if not Path(SYSTEM_PYTHON).exists() or not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        root = Path(name).resolve()
        (root / "text").write_text("base")
        for path in (root, root / "text"):
            os.chown(path, 54321, 54321)
        done = subprocess.run(
            [SYSTEM_PYTHON, "-c", BY_ANOTHER_USER, str(root), WARM],
            user=54321,
            group=54321,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(PACKAGES)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.splitlines() == ['["basemore", 54321] {"end": 0}', '"base" {"end": 0}'], done.stderr
        assert (root / "text").read_text() == "base"


def test_only_the_full_tier_has_warm_processes(workspace: Path) -> None:
    with pytest.raises(SessionOver, match="full"), open_session(job(workspace, ""), Tier.REDUCED):
        pass


def test_a_bomb_of_processes_stays_in_its_slot(workspace: Path) -> None:
    bomb = "import time\nwhile True:\n try: os.fork() or time.sleep(60)\n except OSError: os._exit(7)"
    with warm_process(workspace, limits=Limits(wall_seconds=30, processes=310)) as ask:
        assert ask(f"lasting = 1\n{bomb}") == [None]
        assert ask("tell(1)") == [1, 0]
