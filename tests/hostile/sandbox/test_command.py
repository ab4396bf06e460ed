"""What the command sees, how it answers, and who may start it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from boxes import (
    PACKAGES,
    PREFIXES,
    STUBBORN,
    SYSTEM_PYTHON,
    both_tiers,
    eventually,
    job,
    namespaces_only,
    never,
    parent_arguments,
    processes_with,
    system_python_serves_others,
    told,
)
from fixloop.sandbox.run import Completed, Ended, Tier, choose_tier, run


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


@both_tiers
@pytest.mark.skipif(os.getuid() != 0, reason="every other test already runs as an ordinary user")
def test_an_ordinary_user_can_run(tier: Tier) -> None:
    if not Path(SYSTEM_PYTHON).exists() or not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    code = "import os, pwd\ntext = open('text').read()\nopen('text', 'w').write('x')\nos.write(4, text.encode())"
    if tier is Tier.FULL:  # this uid is in no list of the host's
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
    assert choose_tier().tier is Tier.FULL
    python, *argv = parent_arguments(sys.executable, workspace, tier, "-c", "pass", choose=True)
    changes = {
        "argv": (python, *argv),  # inside the sandbox no further namespaces can be made
        "visible": (*PREFIXES, PACKAGES),
        "env": {"PYTHONPATH": str(PACKAGES)},
    }
    completed = run(job(workspace, "", **changes), tier, never)
    ended, status, detail, chosen = json.loads(completed.output)
    assert (ended, status, chosen) == ("not started", None, "refuse")
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
