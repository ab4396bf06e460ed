"""What ordinary tests need of the machine, and must keep in every tier."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from boxes import NOT_LINUX, both_tiers, job, never, told
from fixloop.sandbox.run import Tier, run
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
}


@both_tiers
@pytest.mark.parametrize("need", NEEDS)
def test_what_ordinary_tests_need_works(workspace: Path, tier: Tier, need: str) -> None:
    assert told(run(job(workspace, NEEDS[need] + "\ntell(True)"), tier, never)) is True


@pytest.mark.skipif(NOT_LINUX, reason="slots exist only on Linux")
def test_what_ordinary_tests_need_works_in_slots(workspace: Path) -> None:
    with warm_process(workspace) as ask:
        told = {need: ask(f"exec({code!r}, {{'os': os}}); tell(True)") for need, code in NEEDS.items()}
    assert {need: answers for need, answers in told.items() if answers != [True, 0]} == {}


@both_tiers
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_every_way_to_start_processes_works(workspace: Path, tier: Tier, method: str) -> None:
    (workspace / "worker.py").write_text(
        "def double(number):\n    return number * 2\n\ndef answer(queue):\n    queue.put('answer')\n"
    )
    (workspace / "main.py").write_text(SPAWNED.format(method=method))
    completed = run(job(workspace, "", argv=(sys.executable, "-S", "main.py")), tier, never)
    assert told(completed) is True


@both_tiers
@pytest.mark.skipif(importlib.util.find_spec("numpy") is None, reason="numpy is not installed here")
def test_numpy_works(workspace: Path, tier: Tier) -> None:
    code = "import numpy, os; a = numpy.random.rand(99, 99); os.write(4, b'true' if (a @ a).shape == (99, 99) else b'')"
    assert told(run(job(workspace, "", argv=(sys.executable, "-c", code)), tier, never)) is True
