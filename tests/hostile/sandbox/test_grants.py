"""What is granted works, and nothing else is open for it."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boxes import eventually, job, namespaces_only, never, told
from fixloop.sandbox.run import Ended, Limits, Tier, run

CONNECT = """
import socket
def connect(port, host="127.0.0.1"):
    return socket.create_connection((host, port), 10)
def attempt(action):
    try:
        return action()
    except OSError as error:
        return type(error).__name__
"""


@contextlib.contextmanager
def service(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A TCP service of this machine; each connection is answered in a thread of its own."""
    with socket.create_server((host, 0), backlog=256) as listener:

        def serve() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                threading.Thread(target=_answered, args=(answer, connection), daemon=True).start()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def _answered(answer: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        answer(connection)


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def greet(connection: socket.socket) -> None:
    connection.sendall(b"hello")


def descendants() -> set[Path]:
    """Every process that this one started, and what those started."""
    children: dict[str, list[Path]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
            children.setdefault(parent, []).append(folder)
    found = list(children.get(str(os.getpid()), ()))
    for folder in found:  # grows while it is walked
        found += children.get(folder.name, ())
    return set(found)


def test_a_port_cannot_be_granted_where_there_is_no_network(workspace: Path) -> None:
    completed = run(job(workspace, "pass", ports=(4,)), Tier.REDUCED, never)
    assert completed.ended is Ended.NOT_STARTED
    assert "no port can be granted" in completed.detail


@namespaces_only
def test_a_granted_port_is_reached(workspace: Path, tier: Tier) -> None:
    with service(greet) as port:
        code = CONNECT + "tell(connect(int(sys.argv[1])).recv(10).decode())"
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) == "hello"


@namespaces_only
def test_no_other_port_and_no_other_address_is_reached(workspace: Path, tier: Tier) -> None:
    with service(greet) as granted, service(greet) as other, service(greet, "127.0.0.2") as elsewhere:
        code = CONNECT + "tell([attempt(lambda: connect(int(port), host).recv(9).decode()) for port, host in asked])"
        asked = [(other, "127.0.0.1"), (elsewhere, "127.0.0.2"), (granted, "127.0.0.2"), (granted, "127.0.0.1")]
        found = told(run(job(workspace, f"asked = {asked}\n{code}", ports=(granted,)), tier, never))
        assert found == ["ConnectionRefusedError"] * 3 + ["hello"]


@namespaces_only
def test_a_service_that_listens_elsewhere_only_is_not_reached(workspace: Path, tier: Tier) -> None:
    with service(greet, "127.0.0.2") as port:
        code = CONNECT + "tell(attempt(lambda: connect(int(sys.argv[1])).recv(10).decode()))"
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) in {"ConnectionResetError", ""}


@namespaces_only
def test_datagrams_are_not_carried(workspace: Path, tier: Tier) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(0.5)
        port = receiver.getsockname()[1]
        code = "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', int(sys.argv[1])))"
        run(job(workspace, code, str(port), ports=(port,)), tier, never)
        with pytest.raises(TimeoutError):
            receiver.recv(10)


@namespaces_only
def test_each_side_may_end_its_half_first(workspace: Path, tier: Tier) -> None:
    def sum_up(connection: socket.socket) -> None:
        total = 0
        while data := connection.recv(1 << 16):
            total += len(data)
        connection.sendall(b"%d" % total)

    code = (
        CONNECT
        + """
link = connect(int(sys.argv[1]))
link.sendall(bytes(3_000_000))
link.shutdown(socket.SHUT_WR)
tell(link.makefile("rb").read().decode())
"""
    )
    with service(sum_up) as port:
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) == "3000000"


@namespaces_only
def test_many_connections_at_once(workspace: Path, tier: Tier) -> None:
    code = (
        CONNECT
        + """
links = [connect(int(sys.argv[1])) for _ in range(200)]
for number, link in enumerate(links):
    link.sendall(b"%d" % number)
tell([link.recv(10).decode() == str(number) for number, link in enumerate(links)].count(True))
"""
    )
    with service(echo) as port:
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) == 200


@namespaces_only
def test_connections_past_the_relays_room_wait_for_their_turn(workspace: Path, tier: Tier) -> None:
    code = (
        CONNECT
        + """
links = [connect(int(sys.argv[1])) for _ in range(300)]
for link in links:
    link.sendall(b"x")
    answer = link.recv(1)
    link.close()
tell(answer.decode())
"""
    )
    with service(echo) as port:
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) == "x"


@namespaces_only
def test_one_that_does_not_read_holds_up_nobody_else(workspace: Path, tier: Tier) -> None:
    sent: list[int] = []

    def flood(connection: socket.socket) -> None:
        first = connection.recv(1)
        if first != b"f":
            connection.sendall(first)
            return
        connection.settimeout(1)
        total = 0
        try:
            while True:
                total += connection.send(bytes(1 << 16))
        except OSError:
            sent.append(total)

    code = (
        CONNECT
        + """
slow = connect(int(sys.argv[1]))
slow.sendall(b"f")
other = connect(int(sys.argv[1]))
other.sendall(b"x")
answer = other.recv(1).decode()
import time
time.sleep(2)
tell(answer)
"""
    )
    with service(flood) as port:
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) == "x"
        assert eventually(lambda: bool(sent))
    assert sent[0] < 64 << 20  # what the kernel's own buffers hold


@namespaces_only
def test_a_service_that_is_not_there_resets(workspace: Path, tier: Tier) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code = CONNECT + "tell([attempt(lambda: connect(int(sys.argv[1])).recv(1).decode()) for _ in range(5)])"
    found = told(run(job(workspace, code, str(port), ports=(port,)), tier, never))
    assert isinstance(found, list)
    assert set(found) <= {"ConnectionResetError", ""}


@namespaces_only
def test_a_broken_connection_breaks_no_other(workspace: Path, tier: Tier) -> None:
    def answer(connection: socket.socket) -> None:
        word = connection.recv(1)
        if word == b"h":
            connection.shutdown(socket.SHUT_WR)
        if word == b"b":
            connection.sendall(bytes(10_000_000))
        if word != b"c":
            connection.sendall(connection.recv(1))

    code = (
        CONNECT
        + """
import struct
kept = []
for word in (b"h", b"b", b"c", b"x"):
    for way in range(4):
        link = connect(int(sys.argv[1]))
        link.sendall(word)
        if way == 1:
            attempt(lambda: link.shutdown(socket.SHUT_WR))
        if way == 2:
            attempt(lambda: link.shutdown(socket.SHUT_RDWR))
        if way == 3:
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            link.close()
            continue
        for _ in range(3):
            attempt(lambda: link.sendall(b"more"))
        kept.append(link)
last = connect(int(sys.argv[1]))
last.sendall(b"xy")
tell(last.recv(1).decode())
"""
    )
    with service(answer) as port:
        assert told(run(job(workspace, code, str(port), ports=(port,)), tier, never)) == "y"


@namespaces_only
@pytest.mark.parametrize("limits", [Limits(wall_seconds=30), Limits(wall_seconds=1)], ids=["ends", "is ended"])
def test_nothing_of_the_relay_is_left(workspace: Path, tier: Tier, limits: Limits) -> None:
    code = CONNECT + "link = connect(int(sys.argv[1])); tell(1)\nimport time; time.sleep(float(sys.argv[2]))"
    closed = threading.Event()
    started: set[Path] = set()

    def wait(connection: socket.socket) -> None:
        started.update(descendants())
        with contextlib.suppress(OSError):
            connection.recv(1)
        closed.set()

    with service(wait) as port:
        seconds = "0.5" if limits.wall_seconds > 1 else "60"
        completed = run(job(workspace, code, str(port), seconds, ports=(port,), limits=limits), tier, never)
        assert completed.channel == b"1\n"
        assert closed.wait(10)
    assert len(started) >= 4  # the launcher, the relay, process 1 and the command
    assert eventually(lambda: not [folder for folder in started if folder.exists()])


@namespaces_only
def test_the_relay_is_out_of_the_commands_reach(workspace: Path, tier: Tier) -> None:
    code = "tell([os.getppid(), sorted(int(name) for name in os.listdir('/proc') if name.isdigit()), os.getpid()])"
    with service(greet) as port:
        found = told(run(job(workspace, code, ports=(port,)), tier, never))
    assert isinstance(found, list)
    assert found[:2] == [1, [1, found[2]]]


@namespaces_only
def test_no_descriptor_more_for_a_port(workspace: Path, tier: Tier) -> None:
    code = "tell(sorted(int(name) for name in os.listdir('/proc/self/fd'))[:-1])"
    with service(greet) as port:
        assert told(run(job(workspace, code, ports=(port,)), tier, never)) == [0, 1, 2, 3, 4]


# Paths


@pytest.fixture
def data() -> Iterator[Path]:
    """Folders outside every place that the sandbox shows or replaces."""
    with tempfile.TemporaryDirectory(dir="/var") as name:
        folder = Path(name).resolve()
        for part in ("given", "kept"):
            (folder / part).mkdir()
            (folder / part / "file").write_text(part)
        (folder / "given" / "out").symlink_to(folder / "kept" / "file")
        yield folder


READ = """
def read(path):
    try:
        return open(path).read()
    except OSError as error:
        return type(error).__name__
"""


@namespaces_only
def test_a_granted_folder_is_read_and_what_lies_beside_it_is_not(workspace: Path, tier: Tier, data: Path) -> None:
    paths = [data / "given" / "file", data / "given" / "out", data / "kept" / "file"]
    code = READ + f"tell([read(path) for path in {[str(path) for path in paths]}])"
    completed = run(job(workspace, code, granted=(data / "given",)), tier, never)
    assert told(completed) == ["given", "FileNotFoundError", "FileNotFoundError"]


@namespaces_only
def test_a_granted_folder_is_not_written(workspace: Path, tier: Tier, data: Path) -> None:
    code = """
failed = []
for action in (
    lambda: open(sys.argv[1] + "/file", "a"), lambda: open(sys.argv[1] + "/new", "w"),
    lambda: os.unlink(sys.argv[1] + "/file"), lambda: os.chmod(sys.argv[1] + "/file", 0o777),
    lambda: os.utime(sys.argv[1] + "/file"), lambda: os.rename(sys.argv[1] + "/file", sys.argv[1] + "/f"),
):
    try:
        action()
    except OSError:
        failed.append(True)
tell(len(failed))
"""
    assert told(run(job(workspace, code, str(data / "given"), granted=(data / "given",)), tier, never)) == 6
    assert (data / "given" / "file").read_text() == "given"


@namespaces_only
def test_a_granted_file_alone_is_read(workspace: Path, tier: Tier, data: Path) -> None:
    code = READ + "tell([read(sys.argv[1]), os.listdir(os.path.dirname(sys.argv[1]))])"
    file = data / "given" / "file"
    assert told(run(job(workspace, code, str(file), granted=(file,)), tier, never)) == ["given", ["file"]]


@namespaces_only
def test_a_granted_folder_around_the_workspace_leaves_it_writable(workspace: Path, tier: Tier) -> None:
    (workspace.parent / "beside").write_text("beside")
    code = READ + "open('text', 'w').write('x'); tell([read('../beside'), read('text')])"
    assert told(run(job(workspace, code, granted=(workspace.parent,)), tier, never)) == ["beside", "x"]
    assert (workspace / "text").read_text() == "base"


@namespaces_only
def test_sockets_and_pipes_in_a_granted_folder_lead_to_nobody(workspace: Path, tier: Tier, data: Path) -> None:
    place = data / "given"
    os.mkfifo(place / "pipe")
    reader = os.open(place / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    code = (
        CONNECT
        + """
place = sys.argv[1]
link = socket.socket(socket.AF_UNIX)
first = attempt(lambda: link.connect(place + "/socket"))
tell([first, attempt(lambda: os.open(place + "/pipe", os.O_WRONLY | os.O_NONBLOCK))])
"""
    )
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(place / "socket"))
            listener.listen()
            found = told(run(job(workspace, code, str(place), granted=(place,)), tier, never))
    finally:
        os.close(reader)
    assert found == ["ConnectionRefusedError", "PermissionError"]


@namespaces_only
def test_everything_and_the_kernels_own_are_never_shown(workspace: Path, tier: Tier) -> None:
    code = "tell([os.path.exists('/var/lib/dpkg'), os.path.exists('/sys/kernel'), os.path.exists('/proc/1/mem')])"
    completed = run(job(workspace, code, granted=(Path("/"), Path("/proc"), Path("/sys"))), tier, never)
    assert told(completed) == [False, False, True]  # of its own /proc
