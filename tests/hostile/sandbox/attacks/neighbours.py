"""Two runs at once: neither sees what the other has, nor can speak to it. The victim is the one that is attacked."""

from __future__ import annotations

from .record import Attack

_SERVE = """
def serve():
    with socket.socket({family}, {kind}) as server:
        server.bind({address})
        server.listen()
        server.settimeout(0)
        ready()
        if server.accept():
            won("a neighbour called")
attempt(serve)
say("ready")
"""


def _socket(name: str, family: str, address: str) -> Attack:
    victim = _SERVE.format(family=family, kind="socket.SOCK_STREAM", address=address)
    return Attack(name, f"attempt(lambda: send({family}, socket.SOCK_STREAM, {address}))", victim=victim)


def _file(name: str, path: str) -> Attack:
    victim = (
        f"attempt(lambda: write({path}, os.O_WRONLY | os.O_CREAT))\nready()\n"
        f"attempt(lambda: read({path}) != b'written inside' and won('changed'))"
    )
    attacker = f"attempt(lambda: read({path}) and won('read'), lambda: open({path}, 'a').write('more') and None)"
    return Attack(name, attacker, victim=victim)


ATTACKS = (
    _file("temporary file", "f\"/tmp/{host['mark']}\""),
    _file("older temporary file", "f\"/var/tmp/{host['mark']}\""),
    _file("shared memory, POSIX", "f\"/dev/shm/{host['mark']}\""),
    _file("file in the workspace", "host['workspace'] + '/new'"),
    _socket("abstract socket", "socket.AF_UNIX", "'\\0' + host['mark'] + '-neighbour'"),
    _socket("path socket", "socket.AF_UNIX", "f\"/tmp/{host['mark']}\""),
    _socket("port", "socket.AF_INET", "('127.0.0.1', host['open_port'])"),
    Attack(
        "shared memory, System V",
        "attempt(lambda: won(ctypes.string_at(segment(host['key'] + 1), 9)))",
        victim="""
attempt(lambda: checked(libc.shmget(host["key"] + 1, ctypes.c_size_t(4096), 0o1600)) and None)
ready()
""",
    ),
    Attack(
        "its process",
        """
for process in map(str, processes()):
    attempt(lambda: int(process) not in (1, os.getpid()) and b"victim" in read(f"/proc/{process}/comm") and won("seen"))
""",
        victim="libc.prctl(15, b'victim', 0, 0, 0)\nready()",
    ),
    Attack(
        "a lock as a message",
        """
f = open(host["visible"] + "/text")
attempt(lambda: fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB))
f = open(host["visible"] + "/text")
try:
    fcntl.flock(os.open(host["visible"] + "/module.py", 0), fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    won("a message")
""",
        gap="can be locked",
        victim="f = open(host['visible'] + '/module.py')\nfcntl.flock(f, fcntl.LOCK_EX)\nready()",
    ),
)
