"""Runs inside the sandbox, under the user's interpreter, and tries to get out. Answers with what seemed to work.

Given as text to ``python -c``: the standard library alone, from Python 3.9 on. The host, too, looks at what reached it.
"""

# Plain calls, one for each attempt.
# ruff: noqa: PTH102, PTH104, PTH108, PTH115, PTH123, PTH208, SIM115
from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import socket
import sys
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
NEW_USER_NAMESPACE = 0x10000000
PTRACE_SEIZE = 0x4206
FORKS = 32


def main(asked: dict[str, object]) -> None:
    """Try everything; the names of what worked go to descriptor 4."""
    worked: list[str] = []
    for name, attempt in _attempts(asked).items():
        try:
            if attempt() is not False:
                worked.append(name)
        except (OSError, MemoryError):
            continue
    os.write(4, json.dumps(worked).encode())


def _attempts(asked: dict[str, object]) -> dict[str, Callable[[], object]]:
    port, datagrams, abstract, path = (asked[name] for name in ("port", "datagrams", "abstract", "path"))
    outside, secret, process = str(asked["outside"]), str(asked["secret"]), int(str(asked["process"]))
    return {
        "workspace: write": _use_workspace,
        "network: TCP to the host": lambda: _reach(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
        "network: UDP to the host": lambda: _send(("127.0.0.1", datagrams)),
        "network: a socket without a path": lambda: _reach(socket.AF_UNIX, socket.SOCK_STREAM, abstract),
        "network: a socket with a path": lambda: _reach(socket.AF_UNIX, socket.SOCK_STREAM, path),
        "files: write": lambda: open(outside, "w").write("x"),
        "files: truncate": lambda: os.truncate(outside, 0),
        "files: create": lambda: os.mkdir(outside + ".new"),
        "files: link": lambda: os.link(outside, "link"),
        "files: rename": lambda: os.rename(outside, outside + ".new"),
        "files: remove": lambda: os.unlink(outside),
        "files: read": lambda: open(secret).read(),
        **{
            f"files: read through /proc/{name}": lambda name=name: open(f"/proc/{name}{secret}").read()
            for name in ("1/root", f"{process}/root", f"{process}/cwd/../../../../../../..", "self/root")
        },
        "processes: environment": lambda: open(f"/proc/{process}/environ").read(),
        "processes: memory": lambda: open(f"/proc/{process}/mem", "rb").close(),
        "processes: limits": lambda: resource.prlimit(process, resource.RLIMIT_NOFILE),
        "processes: trace": lambda: _checked(_libc.ptrace(PTRACE_SEIZE, process, None, None)),
        "processes: signal": lambda: os.kill(process, signal.SIGKILL),
        "Landlock: write what only it forbids": lambda: open("/proc/self/comm", "w").write("x"),
        "seccomp: unshare nothing": lambda: _checked(_libc.unshare(0)),
        "seccomp: a new user namespace": lambda: _checked(_libc.unshare(NEW_USER_NAMESPACE)),
        "seccomp: mount": lambda: _checked(_libc.mount(b"tmpfs", b".", b"tmpfs", 0, None)),
        "capabilities: held": lambda: _holds_capabilities(int(str(asked["capabilities"]))),
        "fresh /proc: another's": lambda: os.readlink("/proc/self") != str(os.getpid()),
        "limits: memory": lambda: bytearray(int(str(asked["memory"]))),
        "limits: file": lambda: _write_large(int(str(asked["file"]))),
        **({"limits: processes": _fork_many} if asked["fork"] else {}),
    }


def _use_workspace() -> None:
    with open("file", "a") as file:
        file.write("changed")
    shutil.rmtree("folder")
    os.mkdir("folder")
    open("folder/new", "w").close()
    if os.listdir("folder") != ["new"] or open("file").read() != "basechanged":
        raise OSError


def _reach(family: int, kind: int, address: object) -> None:
    with socket.socket(family, kind) as connection:
        connection.settimeout(1)
        connection.connect(address)  # pyright: ignore[reportArgumentType]
        connection.send(b"x")


def _send(address: tuple[str, object]) -> bool:
    _reach(socket.AF_INET, socket.SOCK_DGRAM, address)
    return False  # sent is not arrived: only the host can tell


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _holds_capabilities(allowed: int) -> bool:
    with open("/proc/self/status") as file:
        fields = dict(line.rstrip("\n").split(":", 1) for line in file)
    sets = [int(fields[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")]
    return any(held & ~allowed for held in sets) or int(fields["NoNewPrivs"]) != 1


def _write_large(size: int) -> None:
    with open("large", "wb") as file:
        file.truncate(size)


def _fork_many() -> bool:
    """True when the limit did not stop it."""
    reader, writer = os.pipe()
    children = 0
    try:
        for _ in range(FORKS):
            if os.fork() == 0:
                os.close(writer)
                os.read(reader, 1)
                os._exit(0)
            children += 1
    except OSError:
        pass
    os.close(writer)
    for _ in range(children):
        os.wait()
    return children == FORKS


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
