"""Real commands in the real sandbox, judged by what happened on the host."""

from __future__ import annotations

import hashlib
import json
import os
import py_compile
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import fixloop
from fixloop.sandbox.run import Completed, Ended, Job, Limits, Tier, choose_tier, run

PACKAGES = Path(fixloop.__file__).parents[1]
PREFIXES = (Path(sys.prefix), Path(sys.base_prefix))
NOT_LINUX = sys.platform != "linux"

namespaces = pytest.param(Tier.NAMESPACES, marks=pytest.mark.skipif(NOT_LINUX, reason="namespaces exist only on Linux"))
both_tiers = pytest.mark.parametrize("tier", [namespaces, Tier.COPY])
namespaces_only = pytest.mark.parametrize("tier", [namespaces])


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "text").write_text("base")
    return folder.resolve()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a run may put temporary files of its own: empty again after every test."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def job(root: Path, code: str, *args: str, **changes: object) -> Job:
    """A job that runs Python code; ``tell(value)`` in it answers on the channel."""
    tell = "import json, os, sys\ndef tell(value): os.write(4, json.dumps(value).encode() + b'\\n')\n"
    values: dict[str, object] = {
        "argv": (sys.executable, "-I", "-S", "-c", tell + code, *args),
        "root": root,
        "files": {},
        "visible": PREFIXES,
        "tools": Path(__file__).parent,
        "env": {"PATH": "/usr/bin:/bin"},
        "request": b"",
        "limits": Limits(wall_seconds=30),
        **changes,
    }
    return Job(**values)  # pyright: ignore[reportArgumentType]


def never() -> bool:
    return False


def told(completed: Completed) -> object:
    assert completed.ended is Ended.EXITED, completed
    assert completed.channel, completed.output.decode()
    return json.loads(completed.channel)


def processes_with(token: str) -> list[str]:
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if token.encode() in words:
            found.append(f"{folder.name} {words!r}")
    return found


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


# What the command sees and how it answers


@both_tiers
@pytest.mark.parametrize(
    ("code", "status"),
    [("pass", 0), ("sys.exit(7)", 7), ("os._exit(255)", 255), ("os.kill(os.getpid(), 9)", -9), ("os.abort()", -6)],
)
def test_exit_status_passes_through(workspace: Path, tier: Tier, code: str, status: int) -> None:
    completed = run(job(workspace, code), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, status)


@both_tiers
def test_channel_output_and_request_are_kept_apart(workspace: Path, tier: Tier) -> None:
    code = "print('out', flush=True); os.write(2, b'err'); tell(os.read(3, 100).decode()); tell(2); os.write(4, b'cut')"
    records: list[bytes] = []
    completed = run(job(workspace, code, request=b"asked"), tier, never, records.append)
    assert completed.channel == b'"asked"\n2\ncut'
    assert records == [b'"asked"', b"2"]
    assert completed.output == b"out\nerr"
    assert completed.cpu_seconds > 0


@both_tiers
def test_tools_are_found_by_their_mark(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "probe.py").write_text("NAME = __name__")
    code = "sys.path[:0] = [sys.argv[1]]; import _fixloop_probe.probe as probe; tell(probe.NAME)"
    assert told(run(job(workspace, code, "{tools}", tools=tools), tier, never)) == "_fixloop_probe.probe"


@both_tiers
def test_the_environment_is_what_the_job_says(workspace: Path, tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cret")
    environment = told(run(job(workspace, "tell(dict(os.environ))", env={"GIVEN": "é"}), tier, never))
    assert isinstance(environment, dict)
    assert set(environment) - {"LC_CTYPE"} == {"GIVEN", "HOME", "TMPDIR"}  # Python itself may add LC_CTYPE
    assert environment["GIVEN"] == "é"
    assert environment["HOME"] != os.environ.get("HOME")


@both_tiers
def test_no_descriptor_is_inherited(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    leak = os.open(tmp_path, os.O_RDONLY)
    os.set_inheritable(leak, True)
    code = """
import errno
def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
tell([number for number in range(512) if is_open(number)])
"""
    try:
        assert told(run(job(workspace, code), tier, never)) == [0, 1, 2, 3, 4]
    finally:
        os.close(leak)


# The workspace


@both_tiers
def test_files_are_laid_over_and_the_host_keeps_its_own(workspace: Path, tier: Tier) -> None:
    before = hashlib.sha256((workspace / "text").read_bytes()).digest()
    code = """
seen = [open("text").read(), open("new/folder/text").read()]
for name in ("text", "new/folder/text", "created"):
    with open(name, "w") as file:
        file.write("written inside")
os.mkdir("made")
tell(seen)
"""
    files = {"text": b"unsaved", "new/folder/text": b"added"}
    assert told(run(job(workspace, code, files=files), tier, never)) == ["unsaved", "added"]
    assert hashlib.sha256((workspace / "text").read_bytes()).digest() == before
    assert [path.name for path in workspace.iterdir()] == ["text"]


@namespaces_only
def test_the_workspace_keeps_its_place(tier: Tier) -> None:
    root = Path(__file__).parent.resolve()  # wherever the checkout is, often under the home directory
    code = "open('left-behind', 'w').close(); tell([os.getcwd(), os.path.exists(sys.argv[1])])"
    assert told(run(job(root, code, __file__), tier, never)) == [str(root), True]
    assert not (root / "left-behind").exists()


@both_tiers
@pytest.mark.parametrize("name", ["/etc/hosts", "../outside", "a/../../outside", "out/file", "", "."])
def test_a_file_outside_the_workspace_is_refused(workspace: Path, tier: Tier, name: str, tmp_path: Path) -> None:
    (workspace / "out").symlink_to(tmp_path)
    completed = run(job(workspace, "pass", files={name: b"x"}), tier, never)
    assert completed.ended is Ended.NOT_STARTED
    assert completed.detail.endswith(".")
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "file").exists()


@both_tiers
def test_links_are_followed_inside_the_workspace_and_replaced_elsewhere(
    workspace: Path, tier: Tier, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("base")
    (workspace / "in").symlink_to(workspace / "text")
    (workspace / "out").symlink_to(tmp_path / "outside")
    code = "tell([open(name).read() for name in ('text', 'out')])"
    files = {"in": b"unsaved", "out": b"unsaved"}
    assert told(run(job(workspace, code, files=files), tier, never)) == ["unsaved", "unsaved"]
    assert [(workspace / "text").read_text(), (tmp_path / "outside").read_text()] == ["base", "base"]


@both_tiers
def test_stale_bytecode_is_never_used(workspace: Path, tier: Tier) -> None:
    module = workspace / "module.py"
    module.write_text("VALUE = 1\n")
    compiled = Path(py_compile.compile(str(module), doraise=True))
    compiled_before = compiled.read_bytes()
    code = "sys.path.insert(0, os.getcwd()); import module; tell(module.VALUE)"
    # The same size and, as everything here happens at once, most likely the same second.
    assert told(run(job(workspace, code, files={"module.py": b"VALUE = 2\n"}), tier, never)) == 2
    assert compiled.read_bytes() == compiled_before


@both_tiers
def test_a_virtual_environment_of_the_workspace_works(workspace: Path, tier: Tier) -> None:
    venv = workspace / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    changes = {"argv": (str(venv / "bin" / "python"), "-c", "import os, sys; os.write(4, sys.prefix.encode())")}
    completed = run(job(workspace, "", **changes), tier, never)
    assert completed.channel == os.fsencode(venv), completed


@namespaces_only
def test_an_editable_install_sees_the_laid_over_text(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "project.py").write_text("VALUE = 'base'")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    packages = next(venv.glob("lib*/python*/site-packages"))
    (packages / "project.pth").write_text(f"{workspace / 'src'}\n")
    changes = {
        "argv": (str(venv / "bin" / "python"), "-c", "import os, project; os.write(4, project.VALUE.encode())"),
        "visible": (*PREFIXES, venv),
        "files": {"src/project.py": b"VALUE = 'unsaved'"},
    }
    completed = run(job(workspace, "", **changes), tier, never)
    assert completed.channel == b"unsaved", completed


# Walls


@namespaces_only
def test_nothing_outside_can_be_written(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    visible = tmp_path / "visible"
    visible.mkdir()
    (visible / "file").write_text("base")
    (tmp_path / "hidden").write_text("base")
    code = """
visible, hidden = sys.argv[1:]
def attempt(action):
    try:
        action()
    except OSError:
        return "refused"
    return "done"
tell([
    attempt(lambda: open(visible + "/file", "a")),
    attempt(lambda: os.unlink(visible + "/file")),
    attempt(lambda: os.chmod(visible + "/file", 0)),
    attempt(lambda: os.utime(visible)),
    attempt(lambda: open("/usr/planted", "w")),
    attempt(lambda: os.mkdir("/planted")),
    attempt(lambda: open("/proc/sys/kernel/core_pattern", "w")),
    attempt(lambda: open(hidden)),
])
attempt(lambda: open(hidden, "w").write("written"))
"""
    changes = {"visible": (*PREFIXES, visible)}
    completed = run(job(workspace, code, str(visible), str(tmp_path / "hidden"), **changes), tier, never)
    assert told(completed) == ["refused"] * 8
    assert (visible / "file").read_text() == (tmp_path / "hidden").read_text() == "base"


@namespaces_only
def test_secrets_beside_what_is_visible_are_not(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh" / "id_ed25519").write_text("PRIVATE")
    (home / "versions").mkdir()
    code = """
def readable(path):
    try:
        return open(path).read()
    except OSError:
        return None
home = sys.argv[1]
routes = [home, *(f"/proc/{pid}/root{home}" for pid in ("1", "self", os.getppid()))]
tell([os.listdir(home), *(readable(f"{route}/.ssh/id_ed25519") for route in routes), readable("/etc/shadow")])
"""
    completed = run(job(workspace, code, str(home), visible=(*PREFIXES, home / "versions")), tier, never)
    assert told(completed) == [["versions"], None, None, None, None, None]


@namespaces_only
def test_the_report_cannot_be_forged_through_process_1(workspace: Path, tier: Tier) -> None:
    code = """
found = []
for route in (*(f"/proc/1/fd/{number}" for number in range(64)), "/proc/1/mem"):
    for flag in (os.O_RDONLY, os.O_WRONLY):
        try:
            os.open(route, flag)
            found.append(route)
        except OSError:
            pass
try:
    os.kill(1, 9)
finally:
    tell(found)
    sys.exit(3)
"""
    completed = run(job(workspace, code), tier, never)
    assert told(completed) == []
    assert completed.status == 3


@namespaces_only
def test_the_host_is_out_of_reach_by_network(workspace: Path, tier: Tier) -> None:
    code = """
import socket
def attempt(family, address):
    try:
        with socket.socket(family) as connection:
            connection.settimeout(2)
            connection.connect(address)
        return "reached"
    except OSError:
        return "refused"
abstract = "\\0" + sys.argv[2]
tell([attempt(socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))), attempt(socket.AF_UNIX, abstract)])
"""
    name = f"fixloop-test-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind("\0" + name)
        unix.listen()
        port = str(tcp.getsockname()[1])
        completed = run(job(workspace, code, port, name), tier, never)
        assert told(completed) == ["refused", "refused"]
        for listener in (tcp, unix):
            listener.settimeout(0)
            with pytest.raises(BlockingIOError):
                listener.accept()


NEEDS = {
    "temporary files": "import tempfile; tempfile.NamedTemporaryFile().write(b'x'); tell(True)",
    "loopback server": "import socket; s = socket.create_server(('127.0.0.1', 0));"
    "socket.create_connection(s.getsockname()).close(); tell(True)",
    "host name": "import socket; tell(bool(socket.gethostbyname(socket.gethostname())))",
    "locks": "import multiprocessing as m; tell(m.get_context('fork').Lock().acquire())",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory as S; s = S(create=True, size=8);"
    "s.close(); s.unlink(); tell(True)",
    "subprocess": "import subprocess; tell(subprocess.run(['sh', '-c', 'exit 0']).returncode == 0)",
    "pty": "import pty; pty.openpty(); tell(True)",
    "user": "import pwd; pwd.getpwuid(os.getuid()); tell(True)",
    "sqlite": "import sqlite3; c = sqlite3.connect('db'); c.execute('pragma journal_mode=wal');"
    "c.execute('create table t (x)'); tell(True)",
    "folders": "import shutil; os.makedirs('a/b'); shutil.rmtree('a'); os.mkdir('a'); os.rename('a', 'c'); tell(True)",
}


@both_tiers
@pytest.mark.parametrize("need", NEEDS)
def test_what_ordinary_tests_need_works(workspace: Path, tier: Tier, need: str) -> None:
    assert told(run(job(workspace, NEEDS[need]), tier, never)) is True


# Ends

STUBBORN = """
import signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.write(4, b"ready\\n")
        time.sleep(600)
    os._exit(0)
"""


@pytest.fixture
def token(workspace: Path) -> str:
    """An argument by which the processes of one test are told from all others."""
    return f"token-{hashlib.sha256(str(workspace).encode()).hexdigest()[:16]}"


@both_tiers
def test_the_wall_limit_ends_the_whole_tree(workspace: Path, tier: Tier, token: str) -> None:
    changes = {"limits": Limits(wall_seconds=0.5)}
    completed = run(job(workspace, STUBBORN + "time.sleep(600)", token, **changes), tier, never)
    assert (completed.ended, completed.status) == (Ended.WALL_LIMIT, None)
    assert completed.channel == b"ready\n"
    assert processes_with(token) == []


@both_tiers
def test_cancelling_ends_the_whole_tree(workspace: Path, tier: Tier, token: str) -> None:
    ready = threading.Event()
    code = STUBBORN + "time.sleep(600)"
    completed = run(job(workspace, code, token), tier, ready.is_set, lambda _: ready.set())
    assert completed.ended is Ended.CANCELLED
    assert processes_with(token) == []


@both_tiers
def test_what_the_command_leaves_running_ends_with_it(workspace: Path, tier: Tier, token: str) -> None:
    code = STUBBORN + "time.sleep(0.3); sys.exit(5)"
    completed = run(job(workspace, code, token), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 5)
    assert processes_with(token) == []


@both_tiers
def test_an_error_of_the_caller_ends_the_command(workspace: Path, tier: Tier, token: str) -> None:
    def fail(record: bytes) -> None:
        raise ZeroDivisionError(record)

    with pytest.raises(ZeroDivisionError):
        run(job(workspace, STUBBORN + "time.sleep(600)", token), tier, never, fail)
    assert processes_with(token) == []


@both_tiers
@pytest.mark.parametrize("descriptor", [1, 4])
def test_a_flood_is_capped(workspace: Path, tier: Tier, descriptor: int) -> None:
    code = f"while True: os.write({descriptor}, b'x' * 9999 + b'\\n')"
    changes = {"limits": Limits(wall_seconds=30, output_bytes=200_000, tail_bytes=1000)}
    completed = run(job(workspace, code, **changes), tier, never)
    assert completed.ended is Ended.OUTPUT_LIMIT
    assert len(completed.output) <= 1000
    assert len(completed.channel) <= 200_000


@both_tiers
@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(wall_seconds=30, cpu_seconds=1), "while True: pass"),
        (Limits(wall_seconds=30, memory_bytes=64 << 20), "bytearray(1 << 30)"),
        (Limits(wall_seconds=30, file_bytes=1 << 20), "open('big', 'wb').write(bytes(1 << 22))"),
        (Limits(wall_seconds=30, open_files=32), "files = [open('text') for _ in range(64)]"),
    ],
    ids=["cpu", "memory", "file", "descriptors"],
)
def test_a_limit_stops_the_command(workspace: Path, tier: Tier, limits: Limits, code: str) -> None:
    completed = run(job(workspace, code, limits=limits), tier, never)
    assert completed.ended is Ended.EXITED
    assert completed.status != 0


@namespaces_only
@pytest.mark.parametrize("folder", [".", "/tmp", "/dev/shm"])
def test_everything_written_shares_one_limit(workspace: Path, tier: Tier, folder: str) -> None:
    code = "open(sys.argv[1] + '/big', 'wb').write(bytes(1 << 24))"
    changes = {"limits": Limits(wall_seconds=30, scratch_bytes=4 << 20)}
    completed = run(job(workspace, code, folder, **changes), tier, never)
    assert b"No space left" in completed.output


# From another process: the parent's death, another user, a machine without namespaces

PARENT = """
import json, sys
from pathlib import Path
from fixloop.sandbox.run import Job, Limits, Tier, choose_tier, run
asked = json.loads(sys.argv[1])
report = choose_tier() if asked["choose"] else None
completed = run(
    Job(
        argv=(sys.executable, "-I", "-S", *asked["argv"]), root=Path(asked["root"]), files={"text": b"unsaved"},
        visible=(Path(sys.prefix), Path(sys.base_prefix)), tools=Path(asked["root"]), env={}, request=b"",
        limits=Limits(wall_seconds=30),
    ),
    Tier(asked["tier"]), lambda: False, lambda record: print(record.decode(), flush=True),
)
print(json.dumps([completed.ended, completed.status, completed.detail, report and report.tier]))
"""


def parent_arguments(python: str, root: Path, tier: Tier, *argv: str, choose: bool = False) -> list[str]:
    asked = {"root": str(root), "tier": tier.value, "argv": argv, "choose": choose}
    return [python, "-c", PARENT, json.dumps(asked)]


@both_tiers
def test_nothing_outlives_a_killed_parent(workspace: Path, tier: Tier, token: str, scratch: Path) -> None:
    argv = parent_arguments(sys.executable, workspace, tier, "-c", "import os\n" + STUBBORN + "time.sleep(600)", token)
    env = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(PACKAGES)}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=env) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        parent.send_signal(signal.SIGKILL)
    assert eventually(lambda: processes_with(token) == [])
    assert eventually(lambda: list(scratch.iterdir()) == [])


SYSTEM_PYTHON = "/usr/bin/python3"


def _system_python_serves_others() -> bool:
    ask = "import sys; sys.path.insert(0, sys.argv[1]); import fixloop.sandbox.run"
    argv = [SYSTEM_PYTHON, "-c", ask, str(PACKAGES)]
    return subprocess.run(argv, user=54321, group=54321, extra_groups=[], cwd="/", check=False).returncode == 0


@both_tiers
@pytest.mark.skipif(os.getuid() != 0, reason="every other test already runs as an ordinary user")
def test_an_ordinary_user_can_run(tier: Tier) -> None:
    if not Path(SYSTEM_PYTHON).exists() or not _system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    code = "import os, pwd\ntext = open('text').read()\nopen('text', 'w').write('x')\nos.write(4, text.encode())"
    if tier is Tier.NAMESPACES:  # this uid is in no list of the host's
        code += "\npwd.getpwuid(os.getuid())"
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        root = Path(name).resolve()
        (root / "text").write_text("base")
        for path in (root, root / "text"):
            os.chown(path, 54321, 54321)
        argv = parent_arguments(SYSTEM_PYTHON, root, tier, "-c", code)
        done = subprocess.run(
            argv,
            user=54321,
            group=54321,
            extra_groups=[],
            cwd="/",
            env={"PYTHONPATH": str(PACKAGES), "TMPDIR": "/tmp"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(done.stdout.splitlines()[-1])[:2] == ["exited", 0], done.stdout
        assert (root / "text").read_text() == "base"


@namespaces_only
def test_where_namespaces_are_refused_the_run_does_not_start(workspace: Path, tier: Tier) -> None:
    assert choose_tier().tier is Tier.NAMESPACES
    python, *argv = parent_arguments(sys.executable, workspace, tier, "-c", "pass", choose=True)
    changes = {
        "argv": (python, *argv),  # inside the sandbox no further namespaces can be made
        "visible": (*PREFIXES, PACKAGES),
        "env": {"PYTHONPATH": str(PACKAGES)},
    }
    completed = run(job(workspace, "", **changes), tier, never)
    ended, status, detail, chosen = json.loads(completed.output)
    assert (ended, status, chosen) == ("not started", None, "copy")
    assert "namespaces" in detail


@both_tiers
@pytest.mark.parametrize("argv", [("no-such-program",), ("/etc/hosts",), ("nul\0byte",)])
def test_a_command_that_cannot_be_started_is_said_so(workspace: Path, tier: Tier, argv: tuple[str, ...]) -> None:
    completed = run(job(workspace, "", argv=argv), tier, never)
    assert completed.ended is Ended.NOT_STARTED
    assert argv[0] in completed.detail


@both_tiers
def test_cancelled_before_the_start(workspace: Path, tier: Tier) -> None:
    assert run(job(workspace, "pass"), tier, lambda: True) == Completed(Ended.CANCELLED)


@both_tiers
def test_runs_side_by_side_do_not_meet(workspace: Path, tier: Tier) -> None:
    code = "open('mine', 'x').write(sys.argv[1]); tell(open('mine').read())"

    def one(number: int) -> object:
        return told(run(job(workspace, code, str(number)), tier, never))

    descriptors = len(list(Path("/dev/fd").iterdir()))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == [str(number) for number in range(8)]
    assert len(list(Path("/dev/fd").iterdir())) == descriptors
