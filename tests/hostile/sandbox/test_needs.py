"""What ordinary tests need of the machine, and must keep in every tier."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from boxes import (
    NOT_LINUX,
    PREFIXES,
    SYSTEM_PYTHON,
    all_tiers,
    both_tiers,
    job,
    job_for,
    never,
    throw_away,
    told,
)
from fixloop.sandbox.run import Ended, Tier, run
from hostile.sandbox.attacks.other import as_other
from slots import warm_process

SPAWNED = """
import multiprocessing as m, os, worker
if __name__ == "__main__":
    context = m.get_context({method!r})
    with context.Pool(2) as pool:
        assert pool.map(worker.double, range(20)) == list(range(0, 40, 2))
    queue = context.Queue()
    process = context.Process(target=worker.answer, args=(queue,))
    process.start()
    assert queue.get(timeout=20) == "answer"
    process.join()
    assert process.exitcode == 0
    os.write(4, b"true")
"""

NEEDS = {
    "temporary files": """
import tempfile
tempfile.NamedTemporaryFile().write(b"x"), tempfile.TemporaryFile().write(b"x"), tempfile.mkdtemp()
""",
    "fixed places for temporary files": """
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    name = f"{folder}/fixloop-test-{os.getpid()}"
    open(name, "w").close()
    os.unlink(name)
""",
    "home": """
folder = os.path.expanduser("~/.cache/tool")
os.makedirs(folder)
open(folder + "/file", "w").write("x")
""",
    "folders": """
import shutil
os.makedirs("a/b"), shutil.rmtree("a"), os.mkdir("a"), os.rename("a", "c")
""",
    "moves, links and modes": """
os.makedirs("a"), os.makedirs("b"), open("a/x", "w").close()
os.rename("a/x", "b/y"), os.link("b/y", "a/z"), os.symlink("../b", "a/b"), os.replace("text", "b/text")
os.mkfifo("a/fifo"), os.truncate("b/text", 1), os.chmod("b/text", 0o400), os.utime("b/text")
""",
    "locked and mapped files": """
import fcntl, mmap
file = open("text", "r+b")
fcntl.flock(file, fcntl.LOCK_EX), fcntl.lockf(file, fcntl.LOCK_EX)
file.truncate(9999)
mmap.mmap(file.fileno(), 0)[0] = 7
""",
    "copies by the kernel": """
import shutil
assert shutil.copy("text", "again") == "again"
source, target = open("text", "rb"), open("copied", "wb")
assert os.sendfile(target.fileno(), source.fileno(), 0, 9) == 4
""",
    "standard streams by name": """
for name in ("stdout", "stderr"):
    print("x", file=open(f"/dev/{name}", "w"))
""",
    "devices": """
for name in ("null", "zero"):
    open(f"/dev/{name}", "wb").write(b"x")
assert len(open("/dev/urandom", "rb").read(9)) == 9
""",
    "sqlite": """
import sqlite3
connection = sqlite3.connect("db")
assert connection.execute("pragma journal_mode=wal").fetchone() == ("wal",)
connection.executescript("create table t (x); insert into t values (1);")
assert sqlite3.connect("db").execute("select x from t").fetchone() == (1,)
""",
    "user": "import pwd; pwd.getpwuid(os.getuid())",
    "loopback servers": """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).close()
receiver = socket.socket(type=socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", receiver.getsockname())
assert receiver.recv(9) == b"x"
""",
    "local sockets": """
import socket
for address in ("path", f"\\0fixloop-test-{os.getpid()}"):
    server = socket.socket(socket.AF_UNIX)
    server.bind(address), server.listen()
    socket.socket(socket.AF_UNIX).connect(address)
a, b = socket.socketpair()
a.send(b"x")
""",
    "web server": """
import http.server, threading, urllib.request
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
threading.Thread(target=server.serve_forever, daemon=True).start()
assert urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/text").read() == b"base"
""",
    "names and addresses": """
import socket
assert socket.gethostbyname(socket.gethostname())
assert socket.getaddrinfo("localhost", 80, flags=socket.AI_ADDRCONFIG)
assert "lo" in [name for _, name in socket.if_nameindex()]
""",
    "locks": """
import multiprocessing as m
assert m.get_context("fork").Lock().acquire() and m.get_context("spawn").BoundedSemaphore(2).acquire()
""",
    "shared memory": """
from multiprocessing.shared_memory import SharedMemory
memory = SharedMemory(create=True, size=8)
memory.close(), memory.unlink()
""",
    "shared values": """
import multiprocessing as m
context = m.get_context("fork")
value, shared = context.Value("i", 0), context.Manager().dict()
process = context.Process(target=lambda: (setattr(value, "value", 7), shared.update(a=1)))
process.start(), process.join()
assert (value.value, dict(shared)) == (7, {"a": 1})
""",
    "executors": """
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
for executor in (ThreadPoolExecutor(2), ProcessPoolExecutor(2)):
    assert list(executor.map(abs, [-1, -2])) == [1, 2]
""",
    "threads": """
import threading
threads = [threading.Thread(target=print) for _ in range(20)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    "subprocesses": """
import subprocess
assert subprocess.run(["sh", "-c", "exit 3"]).returncode == 3
assert subprocess.check_output("echo a b | tr a-z A-Z", shell=True) == b"A B\\n"
assert os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)[1] == 0
asleep = subprocess.Popen(["sleep", "60"], start_new_session=True)
os.killpg(asleep.pid, 15)
assert asleep.wait() == -15
""",
    "signals": """
import signal, time
seen = []
for number in (signal.SIGUSR1, signal.SIGALRM):
    signal.signal(number, lambda number, _: seen.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(0.2)
assert seen == [signal.SIGUSR1, signal.SIGALRM]
""",
    "asyncio": """
import asyncio
async def main():
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 3")
    assert [await reader.read(), await process.wait(), await asyncio.to_thread(int, "4")] == [b"", 3, 4]
asyncio.run(main())
""",
    "waiting for descriptors": """
import select
descriptor = os.eventfd(1) if hasattr(os, "eventfd") else os.pipe()[1]
select.select([], [descriptor], [])
""",
    "pseudo terminals": """
import pty
pty.openpty()
process, terminal = pty.fork()
if process == 0:
    os.execlp("sh", "sh", "-c", "tty && stty -echo && stty size")
text = b""
try:
    while data := os.read(terminal, 99):
        text += data
except OSError:
    pass
assert b"tty" in text or b"pts" in text, text
assert os.waitpid(process, 0)[1] == 0, text
""",
    "clocks": """
import time
assert time.clock_gettime(time.CLOCK_MONOTONIC) > 0
time.sleep(0.001)
assert os.times().elapsed > 0
""",
    "own limits": "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)); os.nice(1)",
    "loopback of both kinds": """
import socket
assert socket.getaddrinfo("localhost", 80)
kinds = [(socket.AF_INET, "127.0.0.1")] + ([(socket.AF_INET6, "::1")] if os.path.exists("/proc/net/if_inet6") else [])
for family, address in kinds:
    server = socket.create_server((address, 0), family=family)
    socket.create_connection(server.getsockname()[:2]).sendall(b"x")
    assert server.accept()[0].recv(9) == b"x"
""",
    "a socket among temporary files": """
import socket, tempfile
path = tempfile.mkdtemp() + "/socket"
server = socket.socket(socket.AF_UNIX)
server.bind(path), server.listen()
socket.socket(socket.AF_UNIX).connect(path)
""",
    "descriptors sent to another process": """
import socket
a, b = socket.socketpair()
if os.fork() == 0:
    socket.send_fds(a, [b"x"], [os.open("text", os.O_RDONLY)])
    os._exit(0)
assert os.read(socket.recv_fds(b, 9, 1)[1][0], 9) == b"base"
""",
    "time zones": """
import datetime, time
os.environ["TZ"] = "UTC-3"
time.tzset()
assert time.timezone == -3 * 3600
assert datetime.datetime.now().astimezone().utcoffset() == datetime.timedelta(hours=3)
""",
    "locales": """
import locale
locale.setlocale(locale.LC_ALL, "C.UTF-8")
assert open("名", "w").write("é") == 1 and os.path.exists("名")
""",
    "processors": "assert 1 <= len(os.sched_getaffinity(0)) <= os.cpu_count()",
    "facts about the machine": """
assert b"MemTotal" in open("/proc/meminfo", "rb").read()
assert os.getloadavg() and os.sysconf("SC_PHYS_PAGES") > 0 and os.uname().release
""",
    "a device that is full": """
try:
    os.write(os.open("/dev/full", os.O_WRONLY), b"x")
    raise AssertionError
except OSError as error:
    assert error.errno == 28
""",
    "a large file": "open('large', 'wb').write(bytes(7 << 20)); assert os.path.getsize('large') == 7 << 20",
    "extended attributes": """
try:
    os.setxattr("text", "user.mark", b"x")
    assert os.getxattr("text", "user.mark") == b"x"
except OSError as error:
    assert error.errno == 95, error  # a file system without them
""",
    "loops of links": """
os.symlink("loop", "loop")
try:
    open("loop")
except OSError as error:
    assert error.errno == 40
assert os.path.realpath("text") == os.path.join(os.getcwd(), "text")
""",
    "watching files": """
import ctypes
libc = ctypes.CDLL(None)
descriptor = libc.inotify_init1(0)
assert libc.inotify_add_watch(descriptor, b".", 0x100) >= 0
open("seen", "w").close()
assert b"seen" in os.read(descriptor, 999)
""",
    "names of threads": """
import ctypes
assert ctypes.CDLL(None).prctl(15, b"worker", 0, 0, 0) == 0
assert open("/proc/self/comm").read() == "worker\\n"
""",
    "message queues": """
import ctypes
libc = ctypes.CDLL(None)
name = f"/fixloop-test-{os.getpid()}".encode()
assert libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, None) >= 0 and libc.mq_unlink(name) == 0
assert libc.msgget(0, 0o1600) >= 0 and libc.shmget(0, ctypes.c_size_t(4096), 0o1600) >= 0
""",
    "own processes": """
import signal, time
child = os.fork()
if child == 0:
    time.sleep(60)
os.kill(child, signal.SIGSTOP), os.kill(child, signal.SIGCONT), os.kill(child, signal.SIGTERM)
assert os.waitpid(child, 0)[1] == signal.SIGTERM
""",
    "facts about own processes": """
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)
assert f"{child}" in os.listdir("/proc") and open(f"/proc/{child}/stat").read()
""",
}


# What ``fixloop.sandbox.gaps`` says about the tiers without namespaces.
_NO_SOCKETS = {
    "loopback servers",
    "loopback of both kinds",
    "local sockets",
    "a socket among temporary files",
    "web server",
    "asyncio",
    "names and addresses",
    "shared values",
}
_NOT_WITHOUT_NAMESPACES = {
    *_NO_SOCKETS,
    "fixed places for temporary files",
    "facts about own processes",
    "message queues",
}
_NO_SHARED_MEMORY = {"locks", "shared memory", "executors"}
LACKING = {
    Tier.FULL: frozenset[str](),
    Tier.ROOT: frozenset({*_NOT_WITHOUT_NAMESPACES, "user"}),
    Tier.REDUCED: frozenset({*_NOT_WITHOUT_NAMESPACES, *_NO_SHARED_MEMORY, "pseudo terminals"}),
}
WAYS_TO_START = {
    Tier.FULL: {"fork", "spawn", "forkserver"},
    Tier.ROOT: {"fork", "spawn"},
    Tier.REDUCED: set[str](),
}


@all_tiers
@pytest.mark.parametrize("need", NEEDS)
def test_what_ordinary_tests_need_works(workspace: Path, tier: Tier, need: str) -> None:
    completed = run(job_for(tier, workspace, NEEDS[need] + "\ntell(True)"), tier, never)
    if need in LACKING[tier]:
        assert completed.status == 1, completed
    else:
        assert told(completed) is True


@pytest.mark.skipif(NOT_LINUX, reason="slots exist only on Linux")
def test_what_ordinary_tests_need_works_in_slots(workspace: Path) -> None:
    with warm_process(workspace) as ask:
        told = {need: ask(f"exec({code!r}, {{'os': os}}); tell(True)") for need, code in NEEDS.items()}
    assert {need: answers for need, answers in told.items() if answers != [True, 0]} == {}


@pytest.mark.skipif(os.getuid() != 0, reason="every other test already runs as an ordinary user")
@both_tiers
def test_what_ordinary_tests_need_works_for_an_ordinary_user(tier: Tier) -> None:
    found = as_other(tier.value, NEEDS)
    lacking = {need for need, outcome in found.items() if outcome != [[], ""]}
    unlisted = {"user"} if tier is Tier.REDUCED else set[str]()  # the host's own list of users is shown there
    assert lacking == {*LACKING[tier], *unlisted}, found


ONE_BY_ONE = """
for number, (need, code) in enumerate({needs!r}.items()):
    child = os.fork()
    if child == 0:
        try:
            os.mkdir(f"need-{{number}}"), os.chdir(f"need-{{number}}")
            open("text", "w").write("base")
            exec(code, {{"os": os}})
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitpid(child, 0)[1]:
        os.write(4, need.encode() + b"\\n")
"""


@pytest.mark.parametrize("tier", [throw_away])
def test_what_is_lacking_under_a_python_that_modes_close_to_others(workspace: Path, tier: Tier) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as closed:
        python = Path(closed) / "python"
        python.symlink_to(SYSTEM_PYTHON)
        argv = (str(python), *job(workspace, ONE_BY_ONE.format(needs=NEEDS)).argv[1:])
        completed = run(job(workspace, "", argv=argv, visible=()), tier, never)
    assert completed.ended is Ended.EXITED, completed
    more = {*_NO_SHARED_MEMORY, "pseudo terminals", "watching files", "names of threads"}  # the last one in any child
    assert set(completed.channel.decode().splitlines()) == {*LACKING[tier], *more}, completed.output.decode()
    assert [closed in note for note in completed.notes] == [True]


@both_tiers
def test_a_console_script_of_an_environment_runs(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    venv = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    script = venv / "bin" / "tool"
    script.write_text(f"#!{venv}/bin/python\nimport os, sys\nos.write(4, sys.prefix.encode())\n")
    script.chmod(0o755)
    completed = run(job(workspace, "", argv=(str(script),), visible=(*PREFIXES, venv)), tier, never)
    assert completed.channel == os.fsencode(venv), completed


@all_tiers
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_way_to_start_processes_works(workspace: Path, tier: Tier, method: str) -> None:
    (workspace / "worker.py").write_text(
        "def double(number):\n    return number * 2\n\ndef answer(queue):\n    queue.put('answer')\n"
    )
    (workspace / "main.py").write_text(SPAWNED.format(method=method))
    argv = (job_for(tier, workspace, "").argv[0], "-S", "main.py")
    completed = run(job_for(tier, workspace, "", argv=argv), tier, never)
    if method in WAYS_TO_START[tier]:
        assert told(completed) is True
    else:
        assert completed.status == 1, completed
