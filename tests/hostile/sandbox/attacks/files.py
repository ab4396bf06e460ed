"""Files of the host: reading what is hidden, changing what may only be read, getting out of the root."""

from __future__ import annotations

from .record import Attack

_FILE_SYSTEM = "a file system that cannot do it"
_POWER = "a user without the right to it"
_READ_BY_ALL = b"\2\0\0\0" + b"".join(bytes([kind, 0, 7, 0]) + b"\xff" * 4 for kind in (1, 4, 32))
_EVERYBODYS = "the machine has only one of each"
_LOCKS = "can be locked"
_USES, _OWN_USES = "uses of files elsewhere", "uses of files that only this user may read"
_MOUNTS = "it would change what the machine has mounted"

READING = (
    Attack("a hidden file", "attempt(lambda: read(host['outside'] + '/file'))"),
    Attack("a hidden file by a relative path", "attempt(lambda: read('../outside/file'))"),
    Attack("a hidden file by a link of the workspace", "attempt(lambda: read('link'))"),
    Attack("a hidden file by a link of a visible folder", "attempt(lambda: read(host['visible'] + '/link'))"),
    Attack("a hidden file by a new link", "attempt(lambda: os.symlink('../outside/file', 'new'), lambda: read('new'))"),
    Attack(
        "a hidden file through the roots of processes",
        """
for process in ("self", "thread-self", "1", os.getppid(), host["parent"], host["bait"]):
    attempt(
        lambda: read(f"/proc/{process}/root{host['outside']}/file"),
        lambda: read(f"/proc/{process}/cwd/{host['outside']}/file"),
        lambda: read(f"/proc/{process}/cwd/../outside/file"),
    )
""",
    ),
    Attack(
        "a hidden file by climbing from the current directory",
        """
os.chdir(host["workspace"])
for _ in range(40):
    os.chdir("..")
attempt(lambda: read("." + host["outside"] + "/file"))
""",
    ),
    Attack(
        "a hidden file by a changed root and a kept folder",
        """
def climb():
    os.mkdir("jail")
    kept = os.open("/", os.O_RDONLY)
    os.chroot("jail")
    os.fchdir(kept)
    for _ in range(40):
        os.chdir("..")
    os.chroot(".")
    return read(host["outside"] + "/file")
attempt(climb)
attempt(lambda: read(host["outside"] + "/file"))
""",
    ),
    Attack(
        "a hidden file by its handle",
        """
def open_handle():
    for handle in range(1, 9):
        name = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + bytes(128))
        mount = ctypes.c_int()
        call(303, 264, -100, (host["outside"] + "/file").encode(), name, ctypes.byref(mount), 0)
        folder = os.open(host["workspace"], os.O_RDONLY)
        return os.read(call(304, 265, folder, name, 0), 99)
attempt(open_handle)
""",
        unless=_POWER,
    ),
    Attack(
        "what is listed beside the workspace",
        "attempt(lambda: 'file' in os.listdir(host['outside']) and won('names'))",
    ),
    Attack(
        "what the host does with a file that is visible",
        """
descriptor = libc.inotify_init1(os.O_NONBLOCK)
for folder in (host["visible"], host["workspace"]):
    libc.inotify_add_watch(descriptor, (folder + "/folder").encode(), 0x21)
now()
attempt(lambda: os.read(descriptor, 99) and won("the host's doings"))
""",
        gap=_USES,
    ),
    Attack(
        "what the host does with a closed file",
        """
descriptor = libc.inotify_init1(os.O_NONBLOCK)
for folder in (host["closed"], host["home"] + "/.ssh"):
    libc.inotify_add_watch(descriptor, folder.encode(), 0x21)
now()
attempt(lambda: os.read(descriptor, 99) and won("the host's doings"))
""",
        gap=_OWN_USES,
    ),
    Attack(
        "a closed file by a second name made from a descriptor for its path alone",
        """
held = path_of(host["closed"] + "/file")
attempt(
    lambda: checked(libc.linkat(held, b"", -100, b"second", 0x1000)),
    lambda: checked(libc.linkat(-100, f"/proc/self/fd/{held}".encode(), -100, b"second", 0x400)),
    lambda: read("second"),
    lambda: read(f"/proc/self/fd/{held}"),
    lambda: os.truncate(f"/proc/self/fd/{held}", 0),
)
""",
        unless=_POWER,
    ),
    Attack(
        "attributes of a closed file",
        """
path = host["closed"] + "/file"
held = f"/proc/self/fd/{path_of(path)}"
attempt(
    lambda: os.getxattr(path, "user.secret"),
    lambda: os.getxattr(path, "user.secret", follow_symlinks=False),
    lambda: os.getxattr(held, "user.secret"),
    lambda: os.listxattr(path) and won("names"),
)
""",
        unless=_FILE_SYSTEM,
    ),
    Attack(
        "a closed program",
        """
import subprocess
program = host["closed"] + "/program"
attempt(
    lambda: subprocess.run([program], capture_output=True).stdout,
    lambda: subprocess.run(["/bin/sh", program], capture_output=True).stdout,
    lambda: subprocess.run(["/bin/cat", program], capture_output=True).stdout,
)
held = path_of(program)
attempt(lambda: subprocess.run([f"/proc/self/fd/{held}"], close_fds=False, capture_output=True).stdout)
""",
    ),
    Attack(
        "a closed folder by going there",
        """
def go():
    os.chdir(host["closed"])
    attempt(lambda: read("file"), lambda: os.listdir(".") and won("names"), lambda: write("file"))
attempt(go)
folder = path_of(host["closed"])
attempt(lambda: os.read(os.open("file", os.O_RDONLY, dir_fd=folder), 99))
""",
    ),
    Attack(
        "everything that is opened on a mount",
        "attempt(lambda: call(300, 262, 0, os.O_RDONLY) >= 0 and won('a watch'))",
        unless=_POWER,
    ),
)

_THROUGH_DESCRIPTOR = """
path = host["visible"] + "/text"
held = os.open(path, {flags})
again = f"/proc/self/fd/{{held}}"
attempt(
    lambda: write(again),
    lambda: os.truncate(again, 0),
    lambda: os.chmod(again, 0o600),
    lambda: os.utime(again, (1, 1)),
    lambda: os.setxattr(again, "user.mark", b"x"),
)
"""


def _visible(name: str, action: str, unless: str = "") -> Attack:
    code = f"v = host['visible']\nattempt(lambda: {action})"
    return Attack(f"{name} (visible)", code, unless=unless)


def _workspace(name: str, action: str, unless: str = "") -> Attack:
    return Attack(f"{name} (workspace)", f"attempt(lambda: {action})", unless=unless)


WRITING = (
    Attack("a hidden file written", "attempt(lambda: write(host['outside'] + '/file'))"),
    Attack("a hidden file replaced", "attempt(lambda: os.replace('text', host['outside'] + '/file'))"),
    Attack("a hidden file removed", "attempt(lambda: os.unlink(host['outside'] + '/file'))"),
    Attack("a hidden folder filled", "attempt(lambda: os.mkdir(host['outside'] + '/new'))"),
    Attack(
        "a hidden folder changed in every way",
        """
folder, file = host["outside"], host["outside"] + "/file"
attempt(
    lambda: os.truncate(file, 1),
    lambda: os.mkfifo(folder + "/pipe"),
    lambda: os.symlink("x", folder + "/link"),
    lambda: os.link("text", folder + "/second"),
    lambda: os.link(file, "second"),
    lambda: os.rename(file, "moved"),
    lambda: os.rmdir(folder + "/closed"),
    lambda: write("/proc/self/root" + file),
    lambda: os.chmod(file, 0),
    lambda: os.chown(file, os.getuid(), os.getgid()),
    lambda: os.setxattr(file, "user.x", b"x"),
)
""",
    ),
    Attack(
        "the home and its start-up files",
        """
for name in (".bashrc", ".profile", ".ssh/authorized_keys", ".config/autostart", "planted.pth"):
    attempt(lambda: write(f"{host['home']}/{name}", os.O_WRONLY | os.O_CREAT))
""",
    ),
    Attack("a hidden file written through a link", "attempt(lambda: write('link'))"),
    _visible("written", "write(v + '/text')"),
    _visible("written at its end", "write(v + '/text', os.O_WRONLY | os.O_APPEND)"),
    _visible("truncated", "os.truncate(v + '/text', 0)"),
    _visible("created", "write(v + '/planted.pth', os.O_WRONLY | os.O_CREAT)"),
    _visible("created without a name", "os.open(v, os.O_TMPFILE | os.O_RDWR) and won('a file')", _FILE_SYSTEM),
    _visible("byte code planted", "(os.mkdir(v + '/__pycache__'), write(v + '/__pycache__/module.pyc', 0o101))"),
    _visible("removed", "os.unlink(v + '/text')"),
    _visible("renamed", "os.rename(v + '/text', v + '/other')"),
    _visible("renamed folder", "os.rename(v, v + '-moved')"),
    _visible("exchanged", "call(316, 276, -100, v.encode() + b'/text', -100, v.encode() + b'/module.py', 2)"),
    _visible("linked", "os.link(v + '/text', v + '/second')"),
    _visible("linked into the workspace", "os.link(v + '/text', 'second')"),
    _visible("mode", "os.chmod(v + '/text', 0o777)"),
    _visible("mode of the folder", "os.chmod(v, 0o700)"),
    _visible("owner", "os.chown(v + '/text', os.getuid(), os.getgid())"),
    _visible("times", "os.utime(v + '/text', (1, 1))"),
    _visible("extended attribute", "os.setxattr(v + '/text', 'user.mark', b'x')", _FILE_SYSTEM),
    _visible(
        "access list",
        f"os.setxattr(v + '/text', 'system.posix_acl_access', {_READ_BY_ALL})",
        _FILE_SYSTEM,
    ),
    _visible(
        "made unchangeable",
        "fcntl.ioctl(os.open(v + '/text', os.O_RDONLY), 0x40086602, struct.pack('l', 0x40))",
        _FILE_SYSTEM,
    ),
    _visible(
        "project of the quota",
        "fcntl.ioctl(os.open(v + '/text', os.O_RDONLY), 0x401C5820, struct.pack('IIII12x', 0x40, 0, 0, 7))",
        _FILE_SYSTEM,
    ),
    _visible(
        "contents shared with another",
        "fcntl.ioctl(os.open(v + '/text', os.O_WRONLY), 0x40049409, os.open('text', 0))",
        _FILE_SYSTEM,
    ),
    _visible("mapped memory", "__import__('mmap').mmap(os.open(v + '/text', os.O_RDWR), 4).write(b'evil')"),
    _visible("holes", "call(285, 47, os.open(v + '/text', os.O_RDWR), 0, 0, 999)"),
    Attack("reopened through its descriptor", _THROUGH_DESCRIPTOR.format(flags="os.O_RDONLY")),
    Attack("reopened through a descriptor for its path alone", _THROUGH_DESCRIPTOR.format(flags="os.O_PATH")),
    Attack(
        "changed through its descriptor",
        """
held = os.open(host["visible"] + "/text", os.O_RDONLY)
attempt(
    lambda: os.fchmod(held, 0o600),
    lambda: os.fchown(held, os.getuid(), -1),
    lambda: os.utime(held, (1, 1)),
    lambda: os.setxattr(held, "user.mark", b"x"),
    lambda: os.ftruncate(held, 0),
)
""",
    ),
    Attack(
        "a lock on a visible file",
        "f = open(host['visible'] + '/text')\nattempt(lambda: fcntl.flock(f, fcntl.LOCK_EX))\nnow()",
        gap=_LOCKS,
    ),
    Attack(
        "a record lock on a visible file",
        "f = open(host['visible'] + '/text')\nattempt(lambda: fcntl.lockf(f, fcntl.LOCK_SH))\nnow()",
        gap=_LOCKS,
    ),
    Attack(
        "a lease on a visible file",
        "f = open(host['visible'] + '/folder/kept')\nattempt(lambda: fcntl.fcntl(f, 1024, fcntl.F_RDLCK))\nnow()",
        unless=_FILE_SYSTEM,
    ),
    _workspace("written", "write('text')"),
    _workspace("truncated", "os.truncate('text', 0)"),
    _workspace("created", "write('created', os.O_WRONLY | os.O_CREAT)"),
    _workspace("removed", "os.unlink('text')"),
    _workspace("emptied", "(os.unlink('folder/kept'), os.rmdir('folder'))"),
    _workspace("renamed", "os.rename('folder', 'moved')"),
    _workspace("renamed itself", "os.rename(os.getcwd(), os.getcwd() + '-moved')"),
    _workspace("mode", "os.chmod('text', 0o777)"),
    _workspace("mode of itself", "os.chmod('.', 0o700)"),
    _workspace("times", "os.utime('text', (1, 1))"),
    _workspace("extended attribute", "os.setxattr('text', 'user.mark', b'x')", _FILE_SYSTEM),
    _workspace("written through a second name of a hidden file", "write('hardlink')"),
    _workspace("mode through a second name of a hidden file", "os.chmod('hardlink', 0o777)"),
    _workspace("mapped memory", "__import__('mmap').mmap(os.open('text', os.O_RDWR), 4).write(b'evil')"),
    _workspace(
        "made unchangeable", "fcntl.ioctl(os.open('text', 0), 0x40086602, struct.pack('l', 0x40))", _FILE_SYSTEM
    ),
    Attack(
        "the repository",
        """
attempt(
    lambda: write(".git/config", os.O_WRONLY | os.O_APPEND),
    lambda: write(".git/hooks/pre-commit", os.O_WRONLY | os.O_CREAT),
    lambda: write(".git/index.lock", os.O_WRONLY | os.O_CREAT),
    lambda: os.unlink(".git/HEAD"),
)
""",
    ),
    Attack(
        "the original workspace, by its own path",
        "attempt(lambda: write(host['workspace'] + '/text'), lambda: os.chmod(host['workspace'] + '/text', 0o600))",
    ),
    Attack(
        "a lock on a file of the workspace",
        "f = open('text')\nattempt(lambda: fcntl.flock(f, fcntl.LOCK_EX))\nnow()",
    ),
)

DEVICES = (
    Attack("mode of a device", "attempt(lambda: os.chmod('/dev/full', 0o622))", unsafe=_EVERYBODYS),
    Attack("times of a device", "attempt(lambda: os.utime('/dev/full', (7, 7)))", unsafe=_EVERYBODYS),
    Attack(
        "devices in use everywhere",
        """
for name in ("null", "zero", "random", "urandom", "full"):
    path = f"/dev/{name}"
    attempt(lambda: os.chmod(path, 0o600), lambda: os.chown(path, -1, 1), lambda: os.unlink(path))
""",
        unsafe=_EVERYBODYS,
    ),
    Attack(
        "a disk, memory and consoles",
        """
usual = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout", "stderr", "fd", "pts", "shm"}
for name in {*names_in("/dev"), "mem", "kmem", "port", "kmsg", "console", "tty0", "sda", "vda", "kvm", "fuse"}:
    if name not in usual:
        attempt(lambda: os.open("/dev/" + name, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY) and won(name))
""",
        unless=_POWER,
        unsafe="opening some of them acts on the machine",
    ),
    Attack(
        "a device made anew",
        """
for place in (".", "/tmp", "/dev", "/dev/shm", "/var/tmp"):
    name = f"{place}/device-{host['mark']}"
    attempt(lambda: os.mknod(name, 0o020666, os.makedev(1, 3)), lambda: os.open(name, os.O_RDWR) and won("a device"))
    attempt(lambda: os.unlink(name))
""",
        unless=_POWER,
    ),
)

MOUNTS = (
    Attack(
        "a file system mounted",
        "attempt(lambda: checked(libc.mount(b'none', b'folder', b'tmpfs', 0, None)) == 0 and won('a mount'))",
        unsafe=_MOUNTS,
    ),
    Attack(
        "a disk mounted",
        """
os.mkdir("disk")
try:
    lines = read("/proc/partitions").decode().splitlines()[2:]
except OSError:
    lines = ["8 0 1 sda", "254 0 1 vda"]
for line in lines:
    major, minor, _, name = line.split()
    attempt(lambda: os.mknod(name, 0o060600, os.makedev(int(major), int(minor))))
    for device in (name, "/dev/" + name):
        for kind in (b"ext4", b"xfs", b"btrfs"):
            attempt(lambda: checked(libc.mount(device.encode(), b"disk", kind, 1, None)) == 0 and won(device))
""",
        unsafe=_MOUNTS,
    ),
    Attack(
        "read-only mounts made writable",
        """
for place in (host["visible"], "/usr", "/proc", "/", "/dev/null"):
    for flags in (32 | 4096, 32, 32 | 4096 | 16384):
        attempt(lambda: checked(libc.mount(None, place.encode(), None, ctypes.c_ulong(flags), None)))
    attempt(lambda: call(442, 442, -100, place.encode(), 0x8000, struct.pack("QQQQ", 0, 1, 0, 0), 32))
attempt(lambda: write(host["visible"] + "/text"))
""",
        unsafe=_MOUNTS,
    ),
    Attack(
        "what lies below a mount",
        """
for place in (host["workspace"], host["visible"], "/tmp", "/proc", "/dev/shm"):
    attempt(lambda: checked(libc.umount2(place.encode(), 2)) == 0 and won(place))
attempt(lambda: read(host["outside"] + "/file"))
""",
        unsafe=_MOUNTS,
    ),
    Attack(
        "a mount by the new calls",
        "attempt(lambda: call(430, 430, b'tmpfs', 0) >= 0 and won('a file system'))",
        unless=_POWER,
    ),
    Attack(
        "a copy of a mount",
        "attempt(lambda: call(428, 428, -100, b'/', 1) >= 0 and won('a copy'))",
        unless=_POWER,
    ),
    Attack(
        "a mount configured",
        "attempt(lambda: call(433, 433, -100, b'/', 0) >= 0 and won('a hold'))",
        unless=_POWER,
    ),
    Attack("another root", "alone(lambda: os.chroot('folder') or won('a root'))", unless=_POWER),
    Attack(
        "own namespaces",
        """
for flag in (0x10000000, 0x00020000, 0x40000000, 0x08000000, 0x04000000, 0x20000000, 0x02000000, 0x80):
    alone(lambda: call(272, 97, flag) == 0 and won(hex(flag)))
    alone(lambda: call(272, 97, flag | 0x10000000) == 0 and won(hex(flag)))
""",
        unless=_POWER,
    ),
    Attack(
        "namespaces of others",
        """
for process in ("1", os.getppid(), host["parent"], host["bait"]):
    for kind in ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup"):
        alone(lambda: call(308, 268, os.open(f"/proc/{process}/ns/{kind}", 0), 0) == 0 and won(kind))
""",
        unless=_POWER,
    ),
)

ATTACKS = (*READING, *WRITING, *DEVICES, *MOUNTS)
