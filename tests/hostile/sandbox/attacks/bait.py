"""Secrets in their usual places: none of their text may come back."""

from __future__ import annotations

from .record import Attack

_KEYS = "a kernel without keys, or a machine that keeps processes from them"

ATTACKS = (
    Attack("own environment", "attempt(lambda: str(dict(os.environ)))"),
    Attack("own environment as a file", "attempt(lambda: read('/proc/self/environ'))"),
    Attack(
        "own memory at the start",
        """
import re
for start, end in re.findall("([0-9a-f]+)-([0-9a-f]+) rw.*stack", open("/proc/self/maps").read()):
    stack = ctypes.string_at(int(start, 16), int(end, 16) - int(start, 16))
    say(stack[stack.rfind(b"SECRET_TOKEN="):].decode(errors="replace") if b"SECRET_TOKEN=" in stack else "")
""",
    ),
    Attack("keys in the home", "attempt(*(lambda path=path: read(path) for path in host['keys']))"),
    Attack(
        "keys in the home by the user's entry",
        """
import pwd
try:
    own = pwd.getpwuid(os.getuid()).pw_dir
except KeyError:
    own = "/root"
for home in (host["home"], own, os.path.expanduser("~")):
    attempt(*(lambda path=path: read(path.replace(host["home"], home)) for path in host["keys"]))
""",
    ),
    Attack(
        "keys through processes",
        """
for process in ("self", "1", os.getppid(), host["parent"], host["bait"]):
    for view in ("root", "cwd/../../../../../.."):
        attempt(*(lambda path=path: read(f"/proc/{process}/{view}{path}") for path in host["keys"]))
""",
    ),
    Attack(
        "inherited files",
        """
for number in range(3, 1024):
    attempt(lambda: os.pread(number, 99, 0), lambda: os.write(number, b"x") and None)
""",
    ),
    Attack(
        "inherited folders",
        """
for number in range(3, 1024):
    attempt(lambda: os.read(os.open(".aws/credentials", os.O_RDONLY, dir_fd=number), 99))
""",
    ),
    Attack(
        "inherited connections",
        """
for number in range(3, 1024):
    attempt(lambda: socket.socket(fileno=os.dup(number)).send(b"from inside"))
""",
    ),
    Attack("agent of keys", "attempt(lambda: send(socket.AF_UNIX, socket.SOCK_STREAM, host['agent']))"),
    Attack(
        "well-known sockets of the machine",
        """
places = ["/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/run/podman/podman.sock",
    "/run/dbus/system_bus_socket", f"/run/user/{os.getuid()}/bus", "/run/systemd/private", "/tmp/.X11-unix/X0",
    "/run/systemd/journal/socket", "/dev/log", "/run/udev/control", host["docker"], host["bus"]]
for place in places:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        attempt(lambda: send(socket.AF_UNIX, kind, place) or won(place))
""",
    ),
    Attack(
        "keyring of the user",
        """
data = ctypes.create_string_buffer(256)
def fetch(ring):
    key = call(250, 219, 10, ring, b"user", host["key_name"].encode(), 0)
    call(250, 219, 11, key, data, 256)
    return data.raw
attempt(*(lambda ring=ring: fetch(ring) for ring in (-3, -4, -5)))
attempt(lambda: call(249, 218, b"user", host["key_name"].encode(), None, -3) and won("a key"))
""",
        unless=_KEYS,
    ),
    Attack(
        "shared memory, System V",
        "attempt(lambda: ctypes.string_at(segment(host['key']), 99))",
    ),
    Attack(
        "shared memory, System V, written",
        "attempt(lambda: won(ctypes.memmove(segment(host['key']), b'S', 1)))",
    ),
    Attack("shared memory, POSIX", "attempt(lambda: read(host['shared_file']), lambda: write(host['shared_file']))"),
    Attack(
        "password hashes",
        "attempt(lambda: read('/etc/shadow') and won('hashes'), lambda: read('/etc/gshadow') and won('hashes'))",
        unless="a user without the right to it",
    ),
    Attack(
        "keys of the machine",
        """
for folder in ("/etc/ssh", "/etc/ssl/private", "/var/lib", "/run/secrets", "/etc/cron.d", "/boot"):
    attempt(lambda: os.listdir(folder) and won(folder))
""",
    ),
    Attack(
        "what lies beside a visible folder of the home",
        "attempt(lambda: os.listdir(host['home']) != ['versions'] and won('names'))",
    ),
)
