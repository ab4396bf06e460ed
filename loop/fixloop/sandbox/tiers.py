"""Finds out which tier this machine can really enforce, by starting a command that tries to get out.

Nothing is concluded from version numbers or settings: what counts is what reached the host.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fixloop.sandbox.job import Completed, Ended, Job, Limits, Tier
from fixloop.sandbox.launch import run

_FULL_GAPS = ("System calls are those of an unprivileged program: none is filtered.",)
_REDUCED_GAPS = (
    "Code under test can read and change this user's files outside the workspace copy.",
    "Code under test can reach the network.",
    "Neither the number of processes nor the space written to disk is limited.",
)
_REDUCED_GAPS_ELSEWHERE = ("A process that detaches itself may outlive its run.",)

_PROBE = """
import os, shutil, socket, sys
port, outside = int(sys.argv[1]), sys.argv[2]
def attempt(action):
    try:
        action()
    except OSError:
        pass
attempt(lambda: socket.create_connection(("127.0.0.1", port), 1).send(b"x"))
attempt(lambda: open(outside, "w").write("x"))
with open("file", "a") as file:
    file.write("changed")
shutil.rmtree("folder")
os.mkdir("folder")
open("folder/new", "w").close()
assert os.listdir("folder") == ["new"] and open("file").read() == "basechanged"
os.write(4, b"done")
"""


@dataclass(frozen=True)
class TierReport:
    """The strongest tier that works here, and in sentences what it does not prevent.

    ``refusal`` says why a stronger one was not chosen; empty when the strongest was.
    """

    tier: Tier
    gaps: tuple[str, ...]
    refusal: str = ""


@cache
def choose_tier() -> TierReport:
    """Try the tiers once per process."""
    refusal = _why_not_namespaces()
    if not refusal:
        return TierReport(Tier.FULL, _FULL_GAPS)
    gaps = _REDUCED_GAPS if sys.platform == "linux" else _REDUCED_GAPS + _REDUCED_GAPS_ELSEWHERE
    return TierReport(Tier.REDUCED, gaps, refusal)


def _why_not_namespaces() -> str:
    if sys.platform != "linux":
        return "Namespaces exist only on Linux."
    with tempfile.TemporaryDirectory(prefix="fixloop-") as name, socket.create_server(("127.0.0.1", 0)) as listener:
        folder = Path(name).resolve()
        workspace, outside = folder / "workspace", folder / "outside"
        (workspace / "folder").mkdir(parents=True)
        (workspace / "folder" / "old").touch()
        (workspace / "file").write_text("base")
        completed = run(_job(workspace, listener.getsockname()[1], outside), Tier.FULL, lambda: False)
        if completed.ended is not Ended.EXITED or completed.channel != b"done":
            return completed.detail or _failure(completed)
        if _connected(listener):
            return "The network of this machine could be reached from the inside."
        if outside.exists() or (workspace / "file").read_text() != "base":
            return "A file of this machine could be written from the inside."
        return ""


def _job(workspace: Path, port: int, outside: Path) -> Job:
    return Job(
        argv=(sys.executable, "-I", "-S", "-c", _PROBE, str(port), str(outside)),
        root=workspace,
        files={},
        visible=(Path(sys.prefix), Path(sys.base_prefix)),
        tools=workspace,
        env={},
        request=b"",
        limits=Limits(wall_seconds=10),
    )


def _failure(completed: Completed) -> str:
    words = completed.output.decode(errors="replace").strip().splitlines()
    return f"The start-up probe failed in the sandbox ({words[-1] if words else completed.ended.value})."


def _connected(listener: socket.socket) -> bool:
    listener.settimeout(0)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True
