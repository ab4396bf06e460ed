"""Starts the intruder in a tier, with bait on the host, and says through which layer it got out.

What the intruder believes and what the host sees must both say that nothing was reached.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fixloop.sandbox import layers
from fixloop.sandbox.jail.workspace import COPIED
from fixloop.sandbox.job import MIB, Completed, Ended, Job, Limits, Tier
from fixloop.sandbox.launch import run

_TO_READ = 2  # the one capability that the throw-away user may keep, CAP_DAC_READ_SEARCH
_INTRUDER = Path(__file__).parent / "intruder.py"
_SECRET = "SECRET"  # noqa: S105 (bait)
_LIMITS = Limits(wall_seconds=20, memory_bytes=256 * MIB, file_bytes=4 * MIB, processes=16)


@dataclass(frozen=True)
class Failure:
    """Why a tier is not used here; ``layer`` None when it is about none of them."""

    layer: str | None
    why: str


def attempt(tier: Tier, python: Path, prefixes: Sequence[Path]) -> Failure | None:
    """Try to get out of a tier. None: nothing did."""
    try:
        with _Bait.lay() as bait:
            completed = run(_job(tier, python, prefixes, bait), tier, lambda: False)
            return _judged(tier, completed, bait)
    except OSError as error:
        return Failure(None, f"The start-up probe could not be prepared: {error}.")


@dataclass(frozen=True)
class _Bait:
    """Things of the host that the intruder is told of."""

    folder: Path
    tcp: socket.socket
    udp: socket.socket
    abstract: socket.socket
    path: socket.socket
    sleeper: subprocess.Popen[bytes]

    @staticmethod
    @contextmanager
    def lay() -> Generator[_Bait]:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fixloop-"))).resolve()
            (folder / "workspace" / "folder").mkdir(parents=True)
            (folder / "workspace" / "folder" / "old").touch()
            (folder / "workspace" / "file").write_text("base")
            (folder / "open").mkdir()
            for name in ("outside", "secret"):
                (folder / "open" / name).write_text(_SECRET)
            tcp, udp, abstract, path = (
                stack.enter_context(socket.create_server(("127.0.0.1", 0))),
                stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)),
                stack.enter_context(socket.socket(socket.AF_UNIX)),
                stack.enter_context(socket.socket(socket.AF_UNIX)),
            )
            udp.bind(("127.0.0.1", 0))
            if sys.platform == "linux":
                abstract.bind(f"\0fixloop-{secrets.token_hex(8)}")
                abstract.listen()
            path.bind(str(folder / "open" / "socket"))
            path.listen()
            folder.chmod(0o711)
            for bait in (*(folder / "open").iterdir(), folder / "open"):
                bait.chmod(0o777)  # so that only the sandbox keeps it
            argv = [sys.executable, "-I", "-S", "-c", "input()"]
            env = {"SECRET": _SECRET}
            sleeper = subprocess.Popen(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env, cwd=folder)  # noqa: S603 (a program that waits)
            stack.callback(_end, sleeper)
            yield _Bait(folder, tcp, udp, abstract, path, sleeper)

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    def touched(self) -> Iterator[tuple[str, str]]:
        """Layer and sentence for everything that reached the host."""
        for name, listener in (("TCP", self.tcp), ("abstract socket", self.abstract), ("socket", self.path)):
            if _arrived(listener.accept, listener):
                yield layers.NETWORK, f"A {name} listener of this machine was reached from the inside."
        if _arrived(lambda: self.udp.recv(1), self.udp):
            yield layers.NETWORK, "A datagram reached this machine from the inside."
        kept = {name: self.folder / "open" / name for name in ("outside", "secret")}
        names = {path.name for path in (self.folder / "open").iterdir()}
        if names != {*kept, "socket"} or any(path.read_text() != _SECRET for path in kept.values()):
            yield layers.LANDLOCK, "A file of this machine was changed from the inside."
        if (self.workspace / "file").read_text() != "base" or not (self.workspace / "folder" / "old").exists():
            yield layers.OVERLAY, "The workspace itself was changed from the inside."
        if self.sleeper.poll() is not None:
            yield layers.LANDLOCK, "A process of this machine was ended from the inside."


def _arrived(take: Callable[[], object], listener: socket.socket) -> bool:
    listener.settimeout(0)
    try:
        take()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


def _job(tier: Tier, python: Path, prefixes: Sequence[Path], bait: _Bait) -> Job:
    name = bait.abstract.getsockname()
    asked = {
        "port": bait.tcp.getsockname()[1],
        "datagrams": bait.udp.getsockname()[1],
        "abstract": name.decode() if isinstance(name, bytes) else name,
        "path": bait.path.getsockname(),
        "outside": str(bait.folder / "open" / "outside"),
        "secret": str(bait.folder / "open" / "secret"),
        "process": bait.sleeper.pid,
        "capabilities": 1 << _TO_READ if tier is Tier.ROOT else 0,
        "memory": _LIMITS.memory_bytes * 2,
        "file": _LIMITS.file_bytes * 2,
        "fork": tier is Tier.ROOT or (tier is Tier.FULL and os.getuid() != 0),  # no limit of its own binds root
    }
    return Job(
        argv=(str(python), "-I", "-S", "-c", _INTRUDER.read_text(), json.dumps(asked)),
        root=bait.workspace,
        files={},
        visible=tuple(prefixes),
        tools=bait.workspace,
        env={},
        request=b"",
        limits=_LIMITS,
    )


# What an attempt's name begins with -> the layer that should have stopped it, where it is not a layer's name.
_STOPPED_BY = {
    Tier.FULL: {"files": layers.NAMESPACES, "processes": layers.NAMESPACES, "workspace": layers.OVERLAY},
    Tier.ROOT: {"files": layers.LANDLOCK, "processes": layers.USER, "workspace": layers.COPY},
    Tier.REDUCED: {"files": layers.LANDLOCK, "processes": layers.LANDLOCK, "workspace": layers.COPY},
}


def _judged(tier: Tier, completed: Completed, bait: _Bait) -> Failure | None:
    for layer, why in bait.touched():
        return Failure(layer, why)
    if completed.ended is not Ended.EXITED or completed.status != 0 or not completed.channel:
        return Failure(layers.layer_of(completed.detail), layers.reason(completed.detail) or _said(completed))
    for note in completed.notes:
        if tier is Tier.FULL and note.startswith(COPIED):
            return Failure(layers.OVERLAY, note)
    if _SECRET.encode() in completed.output:
        return Failure(layers.LANDLOCK, "A file of this machine was read from the inside.")
    worked: list[str] = json.loads(completed.channel)
    if "workspace: write" not in worked:
        return Failure(_STOPPED_BY.get(tier, {}).get("workspace"), "The workspace could not be changed inside.")
    for name in worked:
        kind, _, what = name.partition(": ")
        if kind != "workspace":
            layer = _STOPPED_BY.get(tier, {}).get(kind, kind)
            return Failure(layer, f"The start-up probe succeeded in what it must not ({kind}: {what}).")
    return None


def _said(completed: Completed) -> str:
    words = completed.output.decode(errors="replace").strip().splitlines()
    return f"The start-up probe failed in the sandbox ({words[-1] if words else completed.ended.value})."


def own_python() -> tuple[Path, tuple[Path, ...]]:
    """The interpreter that fixloop runs under, and what it needs to see."""
    prefixes = (sys.prefix, sys.base_prefix, os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix))
    return Path(sys.executable), tuple(dict.fromkeys(map(Path, prefixes)))
