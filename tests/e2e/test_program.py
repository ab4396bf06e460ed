"""The server as a program: what it prints, what it imports, and how it leaves."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import copy_project

SERVER = Path(sys.executable).with_name("fixloop-lsp")
FIX = "fixloop.fix"
HEAVY = {"libcst", "rich", "pytest", "fixloop.assembly", "fixloop.engine", "fixloop.sandbox"}


def framed(message: dict[str, Any]) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **message}).encode()
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


def read_message(stream: Any) -> dict[str, Any]:
    header = stream.readline()
    assert header.startswith(b"Content-Length: "), header
    length = int(header.split(b":")[1])
    while (line := stream.readline()) != b"\r\n":
        assert line.startswith(b"Content-Type: "), line
    return json.loads(stream.read(length))


def started(project: Path, file: Path) -> subprocess.Popen[bytes]:
    """The program with one document open."""
    program = subprocess.Popen([SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    item = {"uri": file.as_uri(), "languageId": "python", "version": 1, "text": file.read_text()}
    capabilities = {"window": {"workDoneProgress": True}}
    send(
        program,
        {"id": 1, "method": "initialize", "params": {"capabilities": capabilities, "rootUri": project.as_uri()}},
    )
    send(program, {"method": "initialized", "params": {}})
    send(program, {"method": "textDocument/didOpen", "params": {"textDocument": item}})
    return program


def send(program: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
    assert program.stdin is not None
    program.stdin.write(framed(message))
    program.stdin.flush()


def receive(program: subprocess.Popen[bytes], method: str) -> dict[str, Any]:
    """The next message of a kind; whatever comes before it has to be a message too."""
    while (message := read_message(program.stdout)).get("method") != method:
        pass
    return message


def leave(program: subprocess.Popen[bytes]) -> None:
    """Say goodbye as the specification has it: the answer first, then the exit."""
    send(program, {"id": 2, "method": "shutdown"})
    while read_message(program.stdout).get("id") != 2:
        pass
    send(program, {"method": "exit"})


def descendants(pid: int) -> set[int]:
    """The processes below one, as the kernel shows them now."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    while more := {child for child, parent in parents.items() if parent in {pid, *found}} - found:
        found |= more
    return found


def test_i9_only_protocol_bytes_on_stdout(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    noisy = project / "tests" / "test_noisy.py"
    noisy.write_text("import os\nos.write(1, b'noise')\n\ndef test_a():\n    print('noise')\n    assert 0\n")
    program = started(project, noisy)
    receive(program, "textDocument/publishDiagnostics")
    leave(program)
    rest, errors = program.communicate(timeout=60)
    assert (rest, errors, program.returncode) == (b"", b"", 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes through /proc")
@pytest.mark.parametrize("politely", [True, False], ids=["shutdown-and-exit", "the-client-vanishes"])
def test_leaving_in_the_middle_of_a_repair_leaves_nothing_running(tmp_path: Path, politely: bool) -> None:
    project = copy_project(tmp_path)
    test = project / "tests" / "test_luggage.py"
    program = started(project, test)
    receive(program, "textDocument/publishDiagnostics")
    argument = {"uri": test.as_uri(), "version": 1, "target": str(test)}
    send(program, {"id": 3, "method": "workspace/executeCommand", "params": {"command": FIX, "arguments": [argument]}})
    create = receive(program, "window/workDoneProgress/create")
    send(program, {"id": create["id"], "result": None})
    receive(program, "$/progress")
    deadline = time.monotonic() + 60
    while not (below := descendants(program.pid)):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    if politely:
        leave(program)
    _, errors = program.communicate(timeout=60)  # closes its stdin
    assert program.returncode == 0
    assert errors == b"" or not politely  # what is said when nobody is left to hear it does not matter
    while any(Path(f"/proc/{pid}").exists() for pid in below):
        assert time.monotonic() < deadline + 60
        time.sleep(0.01)


def test_the_program_ends_with_its_client(tmp_path: Path) -> None:
    done = subprocess.run([SERVER], input=b"", capture_output=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == (b"", 0)


def test_the_engine_is_not_imported_with_the_server() -> None:
    code = "import fixloop_lsp.server, sys, json; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_it_says_its_version() -> None:
    done = subprocess.run([SERVER, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("fixloop-lsp ")
