"""``fixloop sandbox`` as a program: statuses, streams, what it shows of the machine, and the patch at its end."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

FIXLOOP = Path(sys.executable).with_name("fixloop")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = (tmp_path / "project").resolve()
    (root / "sub").mkdir(parents=True)
    (root / "text").write_text("base\n")
    (root / "sub" / "inner").write_text("inner\n")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def sandbox(
    cwd: Path, *arguments: str, data: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [FIXLOOP, "sandbox", *arguments], cwd=cwd, input=data, capture_output=True, env={**os.environ, **(env or {})}
    )


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--", "true"], 0, ""),
        (["--", "sh", "-c", "exit 7"], 7, ""),
        (["--", "sh", "-c", "kill -TERM $$"], 143, ""),
        (["--", "sh", "-c", "kill -KILL $$"], 137, ""),
        (["--", "no-such-program"], 127, "no-such-program could not be started: No such file or directory"),
        (["--", "./text"], 126, "./text could not be started: Permission denied"),
        (["--wall-seconds", "1", "--", "sleep", "60"], 124, "ended after 1 s, the wall limit"),
        (["--"], 125, "No command was named"),
        (["true"], 125, "Unrecognized arguments"),
        (["--memory", "much", "--", "true"], 125, "is not a size"),
        (["--root", "missing", "--", "true"], 125, "is not a folder"),
        (["--interpreter", "/missing", "--", "true"], 125, "does not exist"),
        (["--allow-read", "/", "--", "true"], 125, "it is everything"),
        (["--allow-env", "A=s3cret", "--", "true"], 125, "Give no value"),
        (["--keep-diff=missing/x", "--", "true"], 125, "cannot be written"),
    ],
)
def test_the_status_is_the_commands_own_or_says_why_there_is_none(
    project: Path, arguments: list[str], status: int, said: str
) -> None:
    done = sandbox(project, *arguments)
    assert (done.returncode, done.stdout) == (status, b""), done.stderr
    assert said in done.stderr.decode()
    assert "s3cret" not in done.stderr.decode()
    assert said or not done.stderr


def test_the_commands_words_are_its_own(project: Path) -> None:
    words = ["--json", "{tools}", "--", "-x", "é", ""]
    done = sandbox(project, "--", "printf", "%s|", *words)
    assert done.stdout.decode() == "".join(f"{word}|" for word in words)


def test_output_comes_as_it_is_printed_and_each_stream_by_itself(project: Path) -> None:
    script = "echo one; echo two >&2; read answer; echo $answer"
    with subprocess.Popen(
        [FIXLOOP, "sandbox", "--", "sh", "-c", script],
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"one\n"
        assert process.stderr.readline() == b"two\n"
        process.stdin.write(b"go on\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"go on\n"
        assert process.wait(30) == 0


def test_what_is_piped_in_arrives_whole(project: Path) -> None:
    data = os.urandom(3_000_000)
    assert sandbox(project, "--", "cat", data=data).stdout == data
    assert sandbox(project, "--", "head", "-c", "5", data=data).stdout == data[:5]


def test_a_file_as_input_cannot_be_written_through_it(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "input"
    file.write_text("given")
    script = "cat; echo evil > /proc/self/fd/0; echo evil > /dev/stdin; true"
    with file.open("r+b") as stream:
        subprocess.run([FIXLOOP, "sandbox", "--", "sh", "-c", script], cwd=project, stdin=stream, capture_output=True)
    assert file.read_text() == "given"


def test_a_terminal_is_not_passed_on(project: Path) -> None:
    ours, theirs = pty.openpty()
    code = """
import fcntl, os, sys
for number in range(5):
    assert not os.isatty(number), number
try:
    os.open("/dev/tty", os.O_RDWR)
except OSError:
    print(os.read(0, 10))
"""
    try:
        argv = [FIXLOOP, "sandbox", "--", "python3", "-c", code]
        done = subprocess.run(
            argv, cwd=project, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.stdout == b"b''\n"


def test_a_reader_that_stops_reading_does_not_stop_the_limit(project: Path) -> None:
    with subprocess.Popen(
        [FIXLOOP, "sandbox", "--wall-seconds", "1", "--", "yes"], cwd=project, stdout=subprocess.PIPE
    ) as process:
        assert process.wait(30) == 124
        assert process.stdout is not None
        process.stdout.close()


def test_a_reader_that_leaves_is_no_error(project: Path) -> None:
    done = subprocess.run(
        f"{FIXLOOP} sandbox -- sh -c 'seq 100000; exit 3' | head -1; echo ${{PIPESTATUS[0]}}",
        shell=True,
        executable="/bin/bash",
        cwd=project,
        capture_output=True,
    )
    assert (done.stdout, done.stderr) == (b"1\n3\n", b"")


@pytest.mark.parametrize(("closed", "printed"), [("<&-", b"hi\n"), ("<&- 2>&-", b"hi\n"), ("<&- >&- 2>&-", b"")])
def test_closed_standard_streams_are_no_error(project: Path, closed: str, printed: bytes) -> None:
    script = f"{FIXLOOP} sandbox -- sh -c 'cat; echo hi' {closed}"
    done = subprocess.run(["/bin/sh", "-c", script], cwd=project, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, printed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_the_command(project: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [FIXLOOP, "sandbox", "--", "sh", "-c", "echo ready; sleep 600"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert process.stderr.read() == b"fixloop: Cancelled. Nothing was changed.\n"


def test_the_environment_is_the_one_that_tests_get(project: Path) -> None:
    env = {"TOKEN": "s3cret", "GIVEN": "g1ven", "LANG": "C.UTF-8"}
    done = sandbox(project, "--allow-env", "GIVEN", "--allow-env", "UNSET", "--", "env", env=env)
    assert b"s3cret" not in done.stdout
    assert b"GIVEN=g1ven\n" in done.stdout
    assert done.stderr == b"fixloop: granted: sees $GIVEN, $UNSET\n"


def test_it_starts_where_it_is_called(project: Path) -> None:
    assert sandbox(project, "--", "pwd").stdout.decode() == f"{project}\n"
    assert sandbox(project / "sub", "--", "sh", "-c", "pwd; ls ..").stdout.decode() == f"{project / 'sub'}\nsub\n"
    done = sandbox(project / "sub", "--root", str(project), "--", "sh", "-c", "pwd; ls ..")
    assert done.stdout.decode() == f"{project / 'sub'}\nsub\ntext\n"
    assert sandbox(Path("/"), "--root", str(project), "--", "pwd").stdout.decode() == f"{project}\n"


@pytest.mark.parametrize("place", ["home", "above"])
def test_the_home_folder_is_no_workspace(project: Path, place: str) -> None:
    home = project if place == "home" else project / "sub"
    done = sandbox(project, "--", "true", env={"HOME": str(home)})
    assert done.returncode == 125
    assert b"holds your whole home folder" in done.stderr


CHANGE = "echo more >> text; echo new > sub/new; chmod +x sub/inner; rm -f gone; mkdir __pycache__; touch __pycache__/x"


@pytest.mark.parametrize("folder", [".", "sub"])
@pytest.mark.parametrize("way", ["output", "file", "json"])
def test_the_patch_makes_what_the_command_made(project: Path, tmp_path: Path, folder: str, way: str) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(project, clone)
    option = f"--keep-diff={tmp_path / 'diff'}" if way == "file" else "--keep-diff"
    json_too = ["--json"] if way == "json" else []
    script = f"echo printed; cd {project}; {CHANGE}; exit 4"
    done = sandbox(project / folder, "--root", str(project), option, *json_too, "--", "sh", "-c", script)
    assert done.returncode == 4, done.stderr
    match way:
        case "output":
            assert done.stdout.startswith(b"printed\n")
            patch = done.stdout.removeprefix(b"printed\n")
        case "file":
            assert done.stdout == b"printed\n"
            patch = (tmp_path / "diff").read_bytes()
        case _:
            assert done.stderr == b"printed\n"
            patch = json.loads(done.stdout)["diff"].encode()
    assert (project / "text").read_text() == "base\n"
    assert not (project / "sub" / "new").exists()
    subprocess.run(["git", "apply"], cwd=clone, input=patch, check=True)
    assert (clone / "text").read_text() == "base\nmore\n"
    assert (clone / "sub" / "new").read_text() == "new\n"
    assert os.access(clone / "sub" / "inner", os.X_OK)
    assert not (clone / "__pycache__").exists()


def test_nothing_changed_is_no_patch(project: Path) -> None:
    assert sandbox(project, "--keep-diff", "--", "touch", "text").stdout == b""


def test_one_document(project: Path) -> None:
    done = sandbox(
        project, "--json", "--keep-diff", "--allow-port", "5432", "--memory", "1G", "--", "sh", "-c", "kill -9 $$"
    )
    document = json.loads(done.stdout)
    assert list(document) == [
        "version", "ended", "status", "exit_status", "message", "sandbox", "notes", "limits", "seconds", "diff",
        "complete",
    ]  # fmt: skip
    assert (document["ended"], document["status"], document["exit_status"]) == ("exited", -9, 137)
    assert document["sandbox"]["grants"] == {"read": [], "ports": [5432], "env": []}
    assert document["sandbox"]["tier"] in {"full", "reduced"}
    assert (document["limits"]["memory_bytes"], document["limits"]["wall_seconds"]) == (1 << 30, 600)
    assert (document["diff"], document["complete"]) == ("", True)


@pytest.mark.parametrize("arguments", [["--"], ["--allow-read", "/", "--", "true"]])
def test_a_refusal_is_the_same_document(project: Path, arguments: list[str]) -> None:
    done = sandbox(project, "--json", *arguments)
    document = json.loads(done.stdout)
    assert (done.returncode, document["exit_status"], document["ended"]) == (125, 125, "not started")
    assert document["message"]


def test_grants_reach_what_they_name(project: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def answer() -> None:
            connection = listener.accept()[0]
            with connection:
                connection.sendall(b"hello")

        thread = threading.Thread(target=answer)
        thread.start()
        code = f"import socket; print(socket.create_connection(('127.0.0.1', {port})).recv(5).decode())"
        done = sandbox(project, "--allow-port", str(port), "--", "python3", "-c", code)
        thread.join()
    assert done.stdout == b"hello\n"


def test_the_users_file_grants_and_a_workspaces_own_does_not(project: Path, tmp_path: Path) -> None:
    text = f'[[workspace]]\npath = "{project}"\nallow-env = ["GIVEN"]\n'
    place = tmp_path / "settings"
    (place / "fixloop").mkdir(parents=True)
    (place / "fixloop" / "config.toml").write_text(text)
    env = {"XDG_CONFIG_HOME": str(place), "GIVEN": "g1ven"}
    assert sandbox(project, "--", "sh", "-c", "echo $GIVEN", env=env).stdout == b"g1ven\n"
    shutil.copytree(place, project / "settings")
    done = sandbox(project, "--", "sh", "-c", "echo $GIVEN", env={**env, "XDG_CONFIG_HOME": str(project / "settings")})
    assert (done.returncode, done.stdout) == (125, b"")
    assert b"lies inside the workspace" in done.stderr


def test_an_evaluation_tells_its_grants(project: Path) -> None:
    (project / "test_a.py").write_text("import os\ndef test_a(): assert os.environ['GIVEN'] == 'g1ven'\n")
    argv = [FIXLOOP, "evaluate", "--allow-env", "GIVEN", "test_a.py"]
    env = {**os.environ, "GIVEN": "g1ven"}
    document = json.loads(subprocess.run([*argv, "--json"], cwd=project, capture_output=True, env=env).stdout)
    assert document["status"] == "passed"
    assert document["sandbox"]["grants"] == {"read": [], "ports": [], "env": ["GIVEN"]}
    text = subprocess.run(argv, cwd=project, capture_output=True, env=env).stdout.decode()
    assert "granted: sees $GIVEN" in text
    assert "g1ven" not in text
