"""Read one request, run pytest in this process, report on the private descriptor, leave."""

from __future__ import annotations

import json
import os
import sys

from . import paths, wire


def main() -> None:
    """Run the request found on ``REQUEST_FD``; never returns."""
    with os.fdopen(wire.REQUEST_FD, "rb") as stream:
        request = json.load(stream)
    channel = Channel(request["token"])
    try:
        import pytest  # before anything of the project can be imported under that name
    except ImportError as error:
        channel.send(wire.PROBLEM, what=wire.NO_PYTEST, message=str(error))
        channel.send(wire.END, status=4)
        os._exit(4)
    channel.send(wire.READY, python=sys.version.split()[0], pytest=pytest.__version__)
    root = os.getcwd()
    paths.install(root, request["root"], request["projects"], request["sys_path"])

    from .recorder import Recorder

    lines = None
    if request["spectrum"]:
        from .lines import line_collector

        lines = line_collector(root)
    recorder = Recorder(channel, root, request["check_seconds"], lines)
    sys.argv = ["pytest", *request["args"]]
    try:
        status = int(pytest.main(request["args"], plugins=[recorder]))
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 1
    sys.stdout.flush()
    sys.stderr.flush()
    channel.send(wire.END, status=status)
    os._exit(status & 0xFF)  # threads, atexit hooks and finalizers of the code under test have no further say


class Channel:
    """Writes answers to a descriptor that subprocesses do not inherit."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._pid = os.getpid()
        self._descriptor = os.dup(wire.CHANNEL_FD)  # dup makes it non-inheritable
        os.close(wire.CHANNEL_FD)

    def send(self, kind: str, **fields: object) -> None:
        """Write one record. A forked child of the code under test stays silent."""
        if os.getpid() != self._pid:
            return
        data = json.dumps({"kind": kind, "token": self._token, **fields}).encode() + b"\n"
        while data:
            data = data[os.write(self._descriptor, data) :]
