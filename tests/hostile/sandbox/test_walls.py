"""What the command must not reach."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from boxes import PREFIXES, job, namespaces_only, never, told
from fixloop.sandbox.run import Tier, run


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
