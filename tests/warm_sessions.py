"""A warm process without a sandbox: what its tests talk to. Unsaved buffers go to a copy."""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fixloop.probe import wire
from fixloop.sandbox.run import Completed, Ended, Job, SessionOver

SLOTS = """
import contextlib, os, signal
class Slots:
    def __init__(self, cwd): self._child = 0
    def fork(self):
        child = os.fork()
        if child == 0:
            os.setsid()
        self._child = child
        return child
    def release(self):
        with contextlib.suppress(OSError):
            os.killpg(self._child, signal.SIGKILL)
"""


class PlainSession:
    """Implements ``evaluate.conversation.Session`` by a process that may do anything."""

    def __init__(self, job: Job) -> None:
        self._scratch = Path(tempfile.mkdtemp(prefix="fixloop-warm-")).resolve()
        root = job.root
        if job.files:
            root = self._scratch / job.root.name
            shutil.copytree(job.root, root, symlinks=True)
        for path, data in job.files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        tools = self._scratch / "tools"
        tools.mkdir()
        (tools / wire.PACKAGE).symlink_to(job.tools, target_is_directory=True)
        (tools / "_fixloop_jail").mkdir()
        (tools / "_fixloop_jail" / "slot.py").write_text(SLOTS)
        (self._scratch / "tmp").mkdir()
        reader, self._requests = os.pipe()
        self._answers, writer = os.pipe()
        self._received = b""
        self.process = self._start(job, root, tools, reader, writer)
        os.close(reader)
        os.close(writer)

    def _start(self, job: Job, root: Path, tools: Path, reader: int, writer: int) -> subprocess.Popen[bytes]:
        def place() -> None:
            moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, 10) for descriptor in (reader, writer)]
            for descriptor, number in zip(moved, (wire.REQUEST_FD, wire.CHANNEL_FD), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)

        return subprocess.Popen(
            [argument.replace("{tools}", str(tools)) for argument in job.argv],
            cwd=root,
            env={**job.env, "HOME": str(self._scratch / "tmp"), "TMPDIR": str(self._scratch / "tmp")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=(wire.REQUEST_FD, wire.CHANNEL_FD, reader, writer),
            preexec_fn=place,
        )

    def send(self, line: bytes) -> None:
        try:
            data = line + b"\n"
            while data:
                data = data[os.write(self._requests, data) :]
        except BrokenPipeError:
            raise SessionOver(Completed(Ended.EXITED)) from None

    def receive(self, seconds: float) -> bytes | None:
        until = time.monotonic() + seconds
        while b"\n" not in self._received:
            if not select.select([self._answers], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            data = os.read(self._answers, 1 << 16)
            if not data:
                raise SessionOver(Completed(Ended.EXITED))
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line

    def close(self) -> None:
        os.close(self._requests)
        os.close(self._answers)
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)


@contextmanager
def plain_session(job: Job) -> Iterator[PlainSession]:
    """Start a warm process, and end it."""
    session = PlainSession(job)
    try:
        yield session
    finally:
        session.close()
