"""What an attack is: code that runs inside, and in which tiers nothing may come of it. Whether something came of it is
seen on the host (``scene``), by the same rules for all.
"""

from __future__ import annotations

from dataclasses import dataclass

FULL = ("full",)
OWN_USER = ("full", "root")  # where the command has not the number of the user who runs the tests
EVERYWHERE = ("full", "root", "reduced")


@dataclass(frozen=True)
class Attack:
    """``code`` follows ``PRELUDE``: ``host`` names everything that is on the host.

    Without a sandbox the same code has to do damage, else it proves nothing: ``unless`` says why it may fail there on
    some machines or for some users, ``unsafe`` why it is not run there at all. ``holds_in`` is less than every tier
    only for what would say nothing, or be a danger, in the others. ``gap``: words of a gap; a tier that states it is
    not expected to hold the attack. ``victim`` is the code of a second run beside it;
    the attack starts once that has called ``ready``.
    """

    name: str
    code: str
    holds_in: tuple[str, ...] = EVERYWHERE
    unless: str = ""
    unsafe: str = ""
    gap: str = ""
    victim: str = ""

    @property
    def may_share(self) -> bool:
        """True when others can be carried out in the same run before and after it."""
        return not self.victim and not self.unsafe


PRELUDE = '''
import ctypes, errno, fcntl, json, os, signal, socket, struct, sys, time

host = json.loads(sys.argv[1])

def say(text):
    os.write(host["out"], text.encode(errors="replace") + b"\\n")

def won(what):
    """For what cannot be seen from the host."""
    say("WON " + str(what))

def now():
    """Have the host look while the command still runs."""
    say("now")
    time.sleep(0.5)

def ready():
    """The victim's: the other may begin."""
    say("ready")
    time.sleep(0.8)

def attempt(*actions):
    """Try each way; whatever text comes of it is sent out."""
    for action in actions:
        try:
            result = action()
        except (OSError, ValueError, AttributeError, MemoryError) as error:
            continue
        if isinstance(result, bytes):
            result = result.decode(errors="replace")
        if isinstance(result, str):
            say(result)

def read(path):
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        return os.read(descriptor, 1 << 16)
    finally:
        os.close(descriptor)

def names_in(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []

def processes():
    """Their numbers, guessed where they are not listed."""
    listed = [name for name in names_in("/proc") if name.isdigit()]
    return listed or [1, os.getppid(), host["parent"], host["bait"]]

def path_of(path):
    """A descriptor that stands for a path, which takes no right to what is there; -1 where it cannot be had."""
    try:
        return os.open(path, os.O_PATH)
    except OSError:
        return -1

def write(path, flags=os.O_WRONLY):
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o644)
    try:
        os.write(descriptor, b"written inside")
    finally:
        os.close(descriptor)

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
libc.mmap.restype = libc.shmat.restype = ctypes.c_void_p

def checked(result):
    if result is None or result < 0 or result == (1 << 64) - 1:
        raise OSError(ctypes.get_errno(), "refused")
    return result

def call(x86_64, aarch64, *arguments):
    number = {"x86_64": x86_64, "aarch64": aarch64}[os.uname().machine]
    return checked(libc.syscall(
        ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
    ))

def segment(key):
    """Shared memory by its number."""
    return checked(libc.shmat(checked(libc.shmget(key, 0, 0)), None, 0))

def send(family, kind, address, protocol=0):
    with socket.socket(family, kind, protocol) as connection:
        connection.settimeout(1)
        connection.connect(address)
        connection.send(b"from inside")

def alone(action):
    """In a child: what it breaks is its own."""
    child = os.fork()
    if child == 0:
        try:
            attempt(action)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
'''

# Carries out many, each in a child of its own. What one did to the workspace is mended for the next.
TOGETHER = """
import traceback
def mend():
    os.chdir(here)
    os.makedirs("folder", exist_ok=True)
    for name in ("text", "folder/kept"):
        if not os.path.exists(name):
            open(name, "w").write("base")
here = os.getcwd()
for name, code in {codes!r}.items():
    child = os.fork()
    if child == 0:
        try:
            exec(code, globals())
            os._exit(0)
        except BaseException:
            say("FAILED " + name + ": " + traceback.format_exc().replace("\\n", " "))
        os._exit(1)
    os.waitpid(child, 0)
    alone(mend)
"""
