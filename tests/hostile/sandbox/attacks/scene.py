"""A host to be attacked: secrets, files, listeners, a process and memory, and a look at what became of them.

Runs under any Python that can import fixloop, as any user. Nothing real is at stake: everything was made for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from fixloop.sandbox.run import Completed, Ended, Job, Limits, Tier, run

from .record import PRELUDE, TOGETHER, Attack

LIMITS = Limits(
    wall_seconds=20,
    cpu_seconds=10,
    memory_bytes=256 << 20,
    file_bytes=8 << 20,
    open_files=128,
    processes=320,
    scratch_bytes=16 << 20,
)
_IPC_CREATE, _IPC_REMOVE = 0o1000, 0
_USER_KEYRING = -4
_KEYCTL = {"x86_64": (248, 250), "aarch64": (217, 219)}  # add_key, keyctl
_UNLINK_KEY = 9
_HIGH = 700
_LOOKS = 4  # a process that forks and ends all the time can be missed by one
_SECRET_FILES = (
    ".ssh/id_ed25519",
    ".aws/credentials",
    ".netrc",
    ".git-credentials",
    ".gitconfig",
    ".pypirc",
    ".config/gh/hosts.yml",
    ".docker/config.json",
    ".bash_history",
)
_READS_ALL = 1 << 2  # the one capability that a throw-away user may keep
_DEVICES = ("/dev/full", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

_libc = ctypes.CDLL(None, use_errno=True)
_queues = _libc if hasattr(_libc, "mq_open") else ctypes.CDLL("librt.so.1")
_libc.shmat.restype = ctypes.c_void_p
_libc.syscall.restype = ctypes.c_long


class Scene:
    """One host with its bait. ``facts`` is what an attacker would know of it."""

    def __init__(self, stack: ExitStack, owner: int | None) -> None:
        self.mark = f"mark-{secrets.token_hex(8)}"
        self.secret = f"SECRET-{secrets.token_hex(16)}"
        self._stack = stack
        self._noticed: list[str] = []
        self._folder = Path(tempfile.mkdtemp(dir="/tmp" if tempfile.tempdir is None else tempfile.tempdir))
        stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        stack.callback(self._clear)
        self._home, self.workspace, self._outside, self.visible = (
            self._made(name) for name in ("home", "workspace", "outside", "home/versions")
        )
        self._descriptors: list[int] = []
        self._listeners: dict[str, socket.socket] = {}
        self._pipes: dict[str, int] = {}
        self._key = secrets.randbelow(1 << 28) + (1 << 28)
        self.facts: dict[str, object] = {"mark": self.mark, "key": self._key}
        self._write_files()
        self._listen()
        if owner is not None:
            for path in (self.workspace, *self.workspace.rglob("*")):
                os.chown(path, owner, owner, follow_symlinks=False)
        self._leak_descriptors()
        self._hold_memory()
        self._bait = self._start_bait()
        self._devices = self._device_state()
        self._before = self._state()

    def _made(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        self._folder.chmod(0o755)
        return folder.resolve()

    def _write_files(self) -> None:
        keys = [self._home / name for name in _SECRET_FILES]
        for path in keys:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"token = {self.secret}\n")
            path.chmod(0o600)
        (self._outside / "file").write_text(f"base {self.secret}")
        (self._outside / "linked").write_text("base")
        closed = self._outside / "closed"
        closed.mkdir()
        (closed / "file").write_text(f"base {self.secret}")
        (closed / "program").write_text(f"#!/bin/sh\necho {self.secret}\n")
        (closed / "program").chmod(0o700)
        with contextlib.suppress(OSError):  # a file system without them
            os.setxattr(closed / "file", "user.secret", self.secret.encode())
        for path in (closed / "file", closed):
            path.chmod(path.stat().st_mode & 0o700)
        for path in (self._outside / "file", self._outside / "linked", self._outside):
            path.chmod(0o777)  # so that no mode keeps it
        for folder in (self.visible, self.workspace):
            (folder / "text").write_text("base")
            (folder / "folder").mkdir()
            (folder / "folder" / "kept").write_text("base")
            (folder / "link").symlink_to(self._outside / "file")
        (self.visible / "module.py").write_text("VALUE = 1\n")
        git = self.workspace / ".git"
        (git / "hooks").mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text("[core]\n\tbare = false\n")
        (self.workspace / "hardlink").hardlink_to(self._outside / "linked")
        self.facts |= {
            "home": str(self._home),
            "keys": [str(path) for path in keys],
            "outside": str(self._outside),
            "closed": str(closed),
            "visible": str(self.visible),
            "workspace": str(self.workspace),
        }

    def _listen(self) -> None:
        """Servers of every kind that a sandbox could reach."""
        tcp, udp, unix = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.AF_UNIX
        wanted: dict[str, tuple[int, int, object]] = {
            "tcp4": (socket.AF_INET, tcp, ("0.0.0.0", 0)),
            "tcp6": (socket.AF_INET6, tcp, ("::", 0)),
            "udp4": (socket.AF_INET, udp, ("0.0.0.0", 0)),
            "udp6": (socket.AF_INET6, udp, ("::", 0)),
            "abstract": (unix, tcp, f"\0{self.mark}"),
            "abstract_datagram": (unix, udp, f"\0{self.mark}-datagram"),
            "abstract_packets": (unix, socket.SOCK_SEQPACKET, f"\0{self.mark}-packets"),
            "agent": (unix, tcp, str(self._home / "agent.sock")),
            "bus": (unix, tcp, str(self._outside / "bus")),
            "hidden_datagram": (unix, udp, str(self._outside / "datagram")),
            "docker": (unix, tcp, str(self._outside / "docker.sock")),
            "visible_socket": (unix, tcp, str(self.visible / "socket")),
            "visible_datagram": (unix, udp, str(self.visible / "datagram")),
            "workspace_socket": (unix, tcp, str(self.workspace / "socket")),
            "git_socket": (unix, tcp, str(self.workspace / ".git" / "fsmonitor--daemon.ipc")),
            "vsock": (getattr(socket, "AF_VSOCK", 40), tcp, (0xFFFFFFFF, 1024 + secrets.randbelow(1 << 20))),
        }
        for name, (family, kind, address) in wanted.items():
            with contextlib.suppress(OSError):  # a kernel without IPv6 or vsock
                listener = self._stack.enter_context(socket.socket(family, kind))
                if name.endswith("6"):
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind(address)
                if isinstance(address, str) and not address.startswith("\0"):
                    Path(address).chmod(0o777)
                if kind != udp:
                    listener.listen()
                listener.settimeout(0)
                self._listeners[name] = listener
                bound = listener.getsockname()
                self.facts[name] = bound[1] if isinstance(bound, tuple) else address
        for name, folder in (("visible_pipe", self.visible), ("workspace_pipe", self.workspace)):
            os.mkfifo(folder / "pipe")
            self._pipes[name] = os.open(folder / "pipe", os.O_RDONLY | os.O_NONBLOCK)
            self._stack.callback(os.close, self._pipes[name])
            self.facts[name] = str(folder / "pipe")

    def _leak_descriptors(self) -> None:
        """As a careless server would: an open key, a folder, a connection, a terminal, all inheritable."""
        here, there = socket.socketpair()
        self._listeners["inherited connection"] = here
        here.settimeout(0)
        controller, terminal = os.openpty()
        os.set_blocking(controller, False)
        self._pipes["inherited terminal"] = controller
        self.facts["terminal"] = os.ttyname(terminal)
        self._stack.callback(os.close, controller)
        secret = os.open(self._home / ".netrc", os.O_RDWR)
        folder = os.open(self._home, os.O_RDONLY)
        for descriptor in (secret, folder, there.detach(), terminal):
            high = fcntl.fcntl(descriptor, fcntl.F_DUPFD, _HIGH)
            os.set_inheritable(descriptor, True)
            self._descriptors += [descriptor, high]
        for descriptor in self._descriptors:
            self._stack.callback(os.close, descriptor)
        self._stack.callback(here.close)

    def _hold_memory(self) -> None:
        self._buffer = ctypes.create_string_buffer(self.secret.encode())
        self.facts |= {"parent": os.getpid(), "address": ctypes.addressof(self._buffer), "length": len(self.secret)}
        self.facts["parent_descriptor"] = self._descriptors[0]
        segment = _libc.shmget(self._key, ctypes.c_size_t(4096), _IPC_CREATE | 0o600)
        if segment >= 0:
            self._stack.callback(_libc.shmctl, segment, _IPC_REMOVE, None)
            self._shared = _libc.shmat(segment, None, 0)
            ctypes.memmove(self._shared, self.secret.encode(), len(self.secret))
            self._stack.callback(_libc.shmdt, ctypes.c_void_p(self._shared))
        shared = Path("/dev/shm") / f"bait-{secrets.token_hex(8)}"
        shared.write_text(self.secret)
        shared.chmod(0o600)
        self._stack.callback(shared.unlink, missing_ok=True)
        self._shared_file = shared
        self.facts |= {"shared_file": str(shared), "key_name": f"bait-{self._key}"}
        add, control = _KEYCTL[os.uname().machine]
        key = _libc.syscall(
            add, b"user", f"bait-{self._key}".encode(), self.secret.encode(), ctypes.c_size_t(len(self.secret)), -4
        )
        if key >= 0:
            self._stack.callback(_libc.syscall, control, _UNLINK_KEY, key, _USER_KEYRING)

    def _start_bait(self) -> subprocess.Popen[bytes]:
        bait = subprocess.Popen(["sleep", "120"], env={"SECRET_TOKEN": self.secret}, start_new_session=True)

        def end() -> None:
            bait.kill()
            bait.wait()

        self._stack.callback(end)
        while Path(f"/proc/{bait.pid}/cmdline").read_bytes()[:5] != b"sleep":
            time.sleep(0.001)
        self.facts["bait"] = bait.pid
        self._bait_before = self._bait_state(bait.pid)
        return bait

    @staticmethod
    def _bait_state(pid: int) -> tuple[object, ...]:
        words = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        stopped = words[0] in "TtZX"
        limits = tuple(resource.prlimit(pid, what) for what in (resource.RLIMIT_NOFILE, resource.RLIMIT_CPU))
        adjusted = Path(f"/proc/{pid}/oom_score_adj").read_text()
        return stopped, limits, os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid), adjusted

    def _device_state(self) -> list[tuple[int, ...]]:
        return [(s.st_mode, s.st_uid, s.st_gid, int(s.st_mtime)) for s in map(os.stat, _DEVICES)]

    def _state(self) -> dict[str, tuple[object, ...]]:
        """Everything about every file here; the time of a change of status betrays what nothing else does."""
        found: dict[str, tuple[object, ...]] = {}
        for path in (self._folder, *self._folder.rglob("*")):
            s = path.lstat()
            content: object = path.read_bytes() if stat.S_ISREG(s.st_mode) else ""
            if stat.S_ISLNK(s.st_mode):
                content = str(path.readlink())
            found[str(path)] = (s.st_mode, s.st_uid, s.st_gid, s.st_nlink, s.st_mtime_ns, s.st_ctime_ns, content)
        return found

    def look_now(self) -> None:
        """What can only be seen while the command runs: locks on the host's files and ports that it opened."""
        for place in (self.visible, self.workspace):
            descriptor = os.open(place / "text", os.O_RDWR)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self._noticed.append(f"{place.name}/text is locked")
            finally:
                os.close(descriptor)
            try:  # a lease makes this wait, or fail at once
                os.close(os.open(place / "folder" / "kept", os.O_WRONLY | os.O_NONBLOCK))
            except BlockingIOError:
                self._noticed.append(f"{place.name}/folder/kept is leased")
            (place / "folder" / "kept").read_bytes()
        (self._outside / "closed" / "file").read_bytes()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.open_port), 1):
            self._noticed.append("a port was opened on the host")

    @property
    def open_port(self) -> int:
        """A port that an attack may try to open, free on the host."""
        return 20000 + self._key % 10000

    def damage(self, said: bytes) -> list[str]:
        """What came of an attack, given all that it said. Empty: it was held."""
        found = list(self._noticed)
        found += [line[4:] for line in said.decode(errors="replace").splitlines() if line.startswith("WON ")]
        if self.secret.encode() in said:
            found.append("a secret came back")
        for name, listener in self._listeners.items():
            with contextlib.suppress(OSError):
                if name.startswith(("udp", "inherited")) or "datagram" in name:
                    if listener.recv(99):
                        found.append(f"{name} received something")
                else:
                    listener.accept()[0].close()
                    found.append(f"{name} was connected to")
        for name, reader in self._pipes.items():
            with contextlib.suppress(OSError):
                if os.read(reader, 99):
                    found.append(f"{name} received something")
        after = self._state()
        found += [f"{path} changed" for path in {*self._before, *after} if self._before.get(path) != after.get(path)]
        if self._device_state() != self._devices:
            found.append("a device changed")
        if self._bait.poll() is not None or self._bait_state(self._bait.pid) != self._bait_before:
            found.append("the bait process was touched")
        if self._shared_file.read_text() != self.secret:
            found.append("shared memory changed")
        return list(dict.fromkeys([*found, *self.leftovers()]))

    @property
    def _queue(self) -> bytes:
        return f"/left-{self.mark}".encode()

    def leftovers(self) -> list[str]:
        """What carries the mark and is still there."""
        seen = {pid for _ in range(_LOOKS) for pid in self._marked_processes()}
        found = [f"process {pid} is left" for pid in seen]
        for folder in ("/dev/shm", "/tmp", "/var/tmp"):
            with contextlib.suppress(OSError):
                found += [f"{path} is left" for path in Path(folder).iterdir() if self.mark in path.name]
        queue = _queues.mq_open(self._queue, os.O_RDONLY)
        if queue >= 0:
            _queues.mq_close(queue)
            found.append("a POSIX queue is left")
        sockets = Path("/proc/net/unix").read_text().splitlines()
        found += ["a socket is left" for line in sockets if f"@{self.mark}-left" in line]
        for kind in ("shm", "sem", "msg"):
            lines = Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]
            found += [f"SysV {kind} is left" for line in lines if int(line.split()[0]) == self._key + 1]
        with contextlib.suppress(OSError):
            found += ["a key is left" for line in Path("/proc/keys").read_text().splitlines() if self.mark in line]
        return found

    def _marked_processes(self) -> list[int]:
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if int(folder.name) != os.getpid() and self.mark.encode() in (folder / "cmdline").read_bytes():
                    found.append(int(folder.name))
        return found

    def _clear(self) -> None:
        """Take away what an attack without a sandbox left behind."""
        for pid in self._marked_processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        _queues.mq_unlink(self._queue)
        for folder in ("/dev/shm", "/tmp", "/var/tmp"):
            for path in Path(folder).glob(f"*{self.mark}*"):
                path.unlink(missing_ok=True)
        _libc.shmctl(_libc.shmget(self._key + 1, 0, 0), _IPC_REMOVE, None)
        _libc.semctl(_libc.semget(self._key + 1, 0, 0), 0, _IPC_REMOVE)
        _libc.msgctl(_libc.msgget(self._key + 1, 0), _IPC_REMOVE, None)
        control = _KEYCTL[os.uname().machine][1]
        key = _libc.syscall(control, 10, _USER_KEYRING, b"user", self.mark.encode(), 0)  # search
        if key >= 0:
            _libc.syscall(control, _UNLINK_KEY, key, _USER_KEYRING)


@contextlib.contextmanager
def scene(owner: int | None = None) -> Iterator[Scene]:
    """A host with its bait, all gone afterwards. ``owner``: whose the workspace is, if not the caller's."""
    with ExitStack() as stack:
        yield Scene(stack, owner)


def _program(code: str, facts: dict[str, object], out: int, python: str = sys.executable) -> tuple[str, ...]:
    return (python, "-I", "-S", "-c", PRELUDE + code, json.dumps({**facts, "out": out}))


class _Listener:
    """Takes what a run says, line by line."""

    def __init__(self, here: Scene) -> None:
        self._scene = here
        self.ready = threading.Event()
        self.said = b""

    def hear(self, line: bytes) -> None:
        self.said += line + b"\n"
        if line == b"now":
            self._scene.look_now()
        if line == b"ready":
            self.ready.set()


_Runner = Callable[[Scene, str, dict[str, object], _Listener], str]


def inside(tier: Tier, python: str = sys.executable) -> _Runner:
    """Runs code in a tier; its sentence says what went wrong with the run itself."""
    own = python == sys.executable
    capabilities = _READS_ALL if tier is Tier.ROOT and own else 0
    bounded = [] if tier is Tier.REDUCED and os.getuid() else ["CapBnd"]  # which takes a capability to empty
    prefixes = (Path(sys.prefix), Path(sys.base_prefix)) if own else ()

    def start(here: Scene, code: str, facts: dict[str, object], listener: _Listener) -> str:
        job = Job(
            argv=_program(code, {**facts, "capabilities": capabilities, "bounded": bounded}, 4, python),
            root=here.workspace,
            files={},
            visible=(*prefixes, here.visible),
            tools=here.visible,
            env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
            request=b"",
            limits=LIMITS,
        )
        completed = run(job, tier, lambda: False, listener.hear)
        listener.said += b"\n" + completed.channel + completed.output + completed.detail.encode()
        held = completed.ended is Ended.MEMORY_LIMIT or (completed.ended, completed.status) == (Ended.EXITED, 0)
        return "" if held else _story(completed)

    return start


def _story(completed: Completed) -> str:
    return f"{completed.ended.value} {completed.status} {completed.detail} {completed.output.decode(errors='replace')}"


def bare(here: Scene, code: str, facts: dict[str, object], listener: _Listener) -> str:
    """Runs code with no sandbox at all, as a careless server would."""
    env = {**os.environ, "SECRET_TOKEN": here.secret}
    argv = _program(code, {**facts, "capabilities": 0, "bounded": ["CapBnd"]}, 1)
    with subprocess.Popen(
        argv, cwd=here.workspace, env=env, close_fds=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(15, process.kill)
        watchdog.start()
        for line in process.stdout:
            listener.hear(line.rstrip(b"\n"))
            if line == b"end\n":  # what it leaves behind may hold the pipe
                break
        process.stdout.close()
        status = process.wait()
        watchdog.cancel()
    return "" if status == 0 else f"{status} {listener.said.decode(errors='replace')}"


def outcome(attack: Attack, runner: _Runner, owner: int | None = None) -> tuple[list[str], str]:
    """The damage that an attack does, and what went wrong with the attack itself."""
    with scene(owner) as here:
        facts = {**here.facts, "open_port": here.open_port}
        os.environ["SECRET_TOKEN"] = here.secret
        attacker, victim = _Listener(here), _Listener(here)
        troubles: list[str] = []
        thread = threading.Thread(
            target=lambda: troubles.append(runner(here, attack.victim + "\nsay('end')", facts, victim))
        )
        if attack.victim:
            thread.start()
            victim.ready.wait(15)
        troubles.append(runner(here, attack.code + "\nsay('end')", facts, attacker))
        if attack.victim:
            thread.join()
        troubles += [line for line in attacker.said.decode(errors="replace").splitlines() if line.startswith("FAILED ")]
        return here.damage(attacker.said + victim.said), " ".join(filter(None, troubles))


def outcomes(
    attacks: Mapping[str, Attack], runner: _Runner, owner: int | None = None
) -> dict[str, tuple[list[str], str]]:
    """The same for each; those that may share one run do so, and have one of their own only if something came of it."""
    shared = {name: attack for name, attack in attacks.items() if attack.may_share}
    together = Attack("together", TOGETHER.format(codes={name: attack.code for name, attack in shared.items()}))
    held = len(shared) > 1 and outcome(together, runner, owner) == ([], "")
    return {
        name: ([], "") if held and name in shared else outcome(attack, runner, owner)
        for name, attack in attacks.items()
    }
