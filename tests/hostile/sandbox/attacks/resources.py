"""More than the limits allow. None is run outside: the machine would suffer."""

from __future__ import annotations

from .record import Attack

_BOMB = "the machine would suffer"
_PROCESSES, _SPACE = "number of processes is not limited", "space written is limited for each file"


def _memory(name: str, flags: str) -> Attack:
    code = f"""
def take():
    size = 512 << 20
    place = checked(libc.mmap(None, ctypes.c_size_t(size), 3, {flags}, -1, 0))
    for at in range(0, size, 1 << 20):
        ctypes.memset(place + at, 1, 1 << 20)
    time.sleep(1)  # what is used up is looked for from time to time
    won("twice the limit")
alone(take)
"""
    return Attack(name, code, unsafe=_BOMB)


def _filled(name: str, folder: str) -> Attack:
    code = f"""
folder = os.path.expanduser({folder!r})
written = 0
def fill():
    global written
    for number in range(64):
        with open(f"{{folder}}/fill-{{number}}", "wb", 0) as file:
            for _ in range(4):
                written += file.write(bytes(1 << 20))
attempt(fill)
if written > 17 << 20:
    won(f"{{written >> 20}} MiB")
"""
    return Attack(name, code, unsafe=_BOMB, gap=_SPACE)


ATTACKS = (
    Attack(
        "processes",
        """
count = 0
def more():
    global count
    while count < 2000:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        count += 1
attempt(more)
if count > 640:
    won(f"{count} processes")
""",
        unsafe=_BOMB,
        gap=_PROCESSES,
    ),
    Attack(
        "threads",
        """
import threading
threading.stack_size(1 << 16)
count = 0
def more():
    global count
    while count < 2000:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
        count += 1
try:
    more()
except RuntimeError:
    pass
if count > 640:
    won(f"{count} threads")
say("end")
os._exit(0)
""",
        unsafe=_BOMB,
        gap=_PROCESSES,
    ),
    _memory("memory", "0x22"),
    _memory("memory that grows downwards", "0x122"),
    _memory("memory that is shared", "0x21"),
    Attack(
        "memory as a segment that nobody holds",
        """
def take():
    for _ in range(8):
        place = checked(libc.shmat(checked(libc.shmget(0, ctypes.c_size_t(64 << 20), 0o1600)), None, 0))
        ctypes.memset(place, 1, 64 << 20)
        libc.shmdt(ctypes.c_void_p(place))
    time.sleep(1)  # what is used up is looked for from time to time
    won("twice the limit")
alone(take)
""",
        unsafe=_BOMB,
    ),
    _filled("disk: workspace", "."),
    _filled("disk: temporary files", "/tmp"),
    _filled("disk: older temporary files", "/var/tmp"),
    _filled("disk: shared memory", "/dev/shm"),
    _filled("disk: home", "~"),
    Attack(
        "files without content",
        """
count = 0
def more():
    global count
    while count < 20000:
        os.close(os.open(f"/tmp/empty-{count}", os.O_CREAT | os.O_WRONLY))
        count += 1
attempt(more)
if count == 20000:
    won(f"{count} files")
""",
        unsafe=_BOMB,
    ),
    Attack(
        "descriptors",
        """
held = []
attempt(lambda: [held.append(os.dup(1)) for _ in range(4000)] and None)
if len(held) > 128:
    won(f"{len(held)} descriptors")
for number in held[:20]:
    os.close(number)
""",
        unsafe=_BOMB,
    ),
    Attack(
        "one large file",
        """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
def grow():
    os.truncate(os.open("text", os.O_RDWR), 9 << 20)
    won("a file above the limit")
attempt(grow)
""",
        unsafe=_BOMB,
    ),
    Attack(
        "limits raised again",
        """
import resource
for name, most in (("DATA", 256 << 20), ("FSIZE", 8 << 20), ("NOFILE", 128), ("CORE", 1), ("CPU", 11)):
    what = getattr(resource, f"RLIMIT_{name}")
    attempt(
        lambda: resource.setrlimit(what, (most + 1, most + 1)),
        lambda: resource.setrlimit(what, (resource.RLIM_INFINITY,) * 2),
        lambda: resource.prlimit(1, what, (resource.RLIM_INFINITY,) * 2) and None,
    )
    hard = resource.getrlimit(what)[1]
    if hard == resource.RLIM_INFINITY or hard > most:
        won(f"{name} {hard}")
""",
    ),
    Attack(
        "a core file",
        """
child = os.fork()
if child == 0:
    os.abort()
if os.WCOREDUMP(os.waitpid(child, 0)[1]):
    won("a core")
""",
        unsafe="a machine may write it anywhere",
    ),
)
