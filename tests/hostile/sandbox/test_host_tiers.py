"""The tiers without namespaces: the command sees the machine itself, and must change and learn nothing there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
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

    def is_swept() -> bool:  # an ending process lets go of its lock last
        folders.sweep(str(scratch), end_processes)
        return list(scratch.iterdir()) == []

    assert eventually(is_swept)
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
