"""Builds the root that the command sees: an allow-list of read-only host paths, the overlay and private directories.

Works in a new mount namespace, as process 1 of a new process-id namespace. Host paths keep their own places, so that
interpreters, editable installs and recorded absolute paths stay true.
"""

# Strings, as pathlib would double the launcher's start-up; /tmp is the private one.
# ruff: noqa: PTH101, PTH102, PTH103, PTH112, PTH113, PTH115, PTH120, PTH123, PTH211, S108
from __future__ import annotations

import os

from . import kernel, workspace
from . import views as host
from .order import JAIL_PACKAGE, PROBE_PACKAGE, Order, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import that would add a tenth to the launcher's start
    from collections.abc import Callable

_NEW = "/proc"  # covered while the root is built: nothing else needs a file of it
_OWN = "/run/fixloop"
HOME, TOOLS, TEMPORARY = f"{_OWN}/home", f"{_OWN}/tools", "/tmp"
SCRATCH = f"{_OWN}/scratch"
ORIGINAL, LAID = f"{_OWN}/original", f"{_OWN}/laid"  # of a warm process: the workspace, and the texts laid over it

PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
# No keys, no password hashes, nothing that names other machines.
SETTINGS = tuple(
    f"/etc/{name}"
    for name in (
        "alternatives",
        "debian_version",
        "group",
        "host.conf",
        "hosts",
        "inputrc",
        "ld.so.cache",
        "ld.so.conf",
        "ld.so.conf.d",
        "locale.conf",
        "localtime",
        "magic",
        "mime.types",
        "nsswitch.conf",
        "os-release",
        "pki/ca-trust/extracted",
        "pki/tls/cert.pem",
        "pki/tls/certs/ca-bundle.crt",
        "protocols",
        "services",
        "ssl/cert.pem",
        "ssl/certs/ca-certificates.crt",
        "ssl/openssl.cnf",
        "terminfo",
        "timezone",
    )
)
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_DEVICE_LINKS = {
    "/dev/ptmx": "pts/ptmx",
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
PRIVATE = {"/tmp": "tmp", "/var/tmp": "var-tmp", "/dev/shm": "shm", HOME: "home"}
_MESSAGES = "/dev/mqueue"
WRITABLE = (*PRIVATE, "/dev", _MESSAGES)
_KERNEL_TREES = ("/proc", "/sys", "/dev")
_MOST_LINKS = 40
_PROCESS_LIMIT_PER_NAMESPACE = (6, 14)  # first kernel whose pid_max is not the whole machine's
_NUMBERS_GIVEN_ONCE = 300  # the first ones are not used again

SAFE = kernel.NO_SUID | kernel.NO_DEV


class Built:
    """What a new root holds: the host paths shown in it, whether the workspace is an overlay, and what to say of it.

    ``said`` is for a person, mostly empty.
    """

    def __init__(self, shown: list[str], said: str, *, overlaid: bool) -> None:
        self.shown = shown
        self.said = said
        self.overlaid = overlaid


def build(order: Order, *, other_owners: bool, before_hidden: Callable[[str], None]) -> Built:
    """Leave this process in the new root, everything mounted, still able to write the workspace. Raises Refused.

    ``before_hidden`` gets the folder that keeps what is written, before it goes out of sight.
    """
    kernel.mount(None, "/", None, kernel.RECURSIVE | kernel.PRIVATE)
    kernel.mount("tmpfs", _NEW, "tmpfs", SAFE, "size=8m,nr_inodes=8192,mode=755")
    make_scratch(_NEW + SCRATCH, order.scratch_bytes)
    views, links = _plan(order)
    built = _mount_views(order, views, other_owners=other_owners)
    if order.warm:
        _keep_layers(order, built)
    _make_devices()
    for link, target in {**links, **_DEVICE_LINKS}.items():
        _make_link(_NEW + link, target)
    _write_passwd()
    os.makedirs(f"{_NEW}/proc", exist_ok=True)
    mount_processes(f"{_NEW}/proc")
    before_hidden(_NEW + SCRATCH)
    kernel.unmount(_NEW + SCRATCH)
    kernel.enter_root(_NEW)
    kernel.mount(None, "/", None, kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | SAFE)
    return built


def _keep_layers(order: Order, built: Built) -> None:
    if not built.overlaid:
        raise Refused(f"a warm process needs the workspace as an overlay. {built.said}")
    for source, target in ((order.root, ORIGINAL), (f"{_NEW}{SCRATCH}/upper", LAID)):
        os.makedirs(_NEW + target)
        kernel.bind(source, _NEW + target)


def mount_processes(target: str) -> None:
    """The view of the process-id namespace that this process is in."""
    kernel.mount("proc", target, "proc", SAFE | kernel.NO_EXEC)


def limit_namespaces(processes: int) -> None:
    """Limit the processes of this process-id namespace, and forbid further namespaces of users."""
    _write_setting("user/max_user_namespaces", 0)
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if release >= _PROCESS_LIMIT_PER_NAMESPACE:
        _write_setting("kernel/pid_max", processes + _NUMBERS_GIVEN_ONCE)


def close_kernel_settings() -> None:
    """Make /proc read-only: uid 0 owns its files even without power."""
    kernel.mount(None, "/proc", None, kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | SAFE | kernel.NO_EXEC)


def _write_setting(name: str, value: int) -> None:
    try:
        setting = os.open(f"/proc/sys/{name}", os.O_WRONLY)
        os.write(setting, b"%d" % value)
        os.close(setting)
    except OSError as error:
        raise Refused(f"set {name}: {error.strerror}") from None


def make_scratch(scratch: str, size: int) -> None:
    """Mount room for everything that a run writes: the workspace's changes and the directories of PRIVATE."""
    os.makedirs(scratch, exist_ok=True)
    kernel.mount("tmpfs", scratch, "tmpfs", SAFE, f"size={size},nr_inodes={workspace.inodes(size)},mode=755")
    for name in ("upper", "work", *PRIVATE.values()):
        os.mkdir(f"{scratch}/{name}")
    for name in ("tmp", "var-tmp", "shm"):
        os.chmod(f"{scratch}/{name}", 0o1777)  # noqa: S103 (as everywhere)


def _plan(order: Order) -> tuple[dict[str, str], dict[str, str]]:
    """Target -> what to show there (a host path, or a name in PRIVATE), and the links met on the way."""
    views: dict[str, str] = {}
    links: dict[str, str] = {}
    for path in (*PROGRAMS, *SETTINGS, *order.visible):
        real = _follow(path, links)
        if real and real != "/" and not in_kernel_tree(real):
            views[real] = real
    if order.tools:
        views[f"{TOOLS}/{PROBE_PACKAGE}"] = order.tools
    if order.warm:
        views[f"{TOOLS}/{JAIL_PACKAGE}"] = os.path.dirname(os.path.abspath(__file__))
    views.update(PRIVATE)
    views[order.root] = order.root
    return views, links


def _follow(path: str, links: dict[str, str]) -> str | None:
    """The real place of a path; each link that leads there is noted. None when there is nothing."""
    todo = [part for part in path.split("/") if part][::-1]
    at = ""
    met = 0
    while todo:
        part = todo.pop()
        if part in (".", ".."):
            at = at if part == "." else os.path.dirname(at).rstrip("/")
            continue
        step = f"{at}/{part}"
        try:
            target = os.readlink(step)
        except FileNotFoundError:
            return None
        except OSError:  # not a link
            at = step
            continue
        met += 1
        if met > _MOST_LINKS:
            return None
        links[step] = target
        at = "" if target.startswith("/") else at
        todo += [piece for piece in target.split("/") if piece][::-1]
    return at or "/"


def in_kernel_tree(path: str) -> bool:
    """True for what the kernel makes up, and devices; shared memory is a folder like any other."""
    return any(within(path, tree) for tree in _KERNEL_TREES) and not path.startswith("/dev/shm/")


def within(path: str, folder: str) -> bool:
    """True for the folder itself, too."""
    return path == folder or path.startswith(folder + "/")


def _mount_views(order: Order, views: dict[str, str], *, other_owners: bool) -> Built:
    granted = {_follow(path, {}) for path in order.granted}
    done: list[str] = []
    said: list[str] = []
    copied = ""
    for target in sorted(views, key=lambda path: (path.count("/"), path)):  # a folder before what lies in it
        source = views[target]
        around = [earlier for earlier in done if within(target, earlier)]
        if target == order.root:
            scratch = _NEW + SCRATCH
            copied = workspace.show(order.root, _NEW + target, scratch, order.scratch_bytes, other_owners=other_owners)
        elif source in PRIVATE.values():
            os.makedirs(_NEW + target, exist_ok=True)
            kernel.mount(f"{_NEW}{SCRATCH}/{source}", _NEW + target, None, kernel.BIND)
        elif around and views[around[-1]] == around[-1]:
            continue  # seen already, through the folder around it
        elif os.path.isdir(source) or os.path.isfile(source):
            host.make_place(_NEW + target, source)
            if target in PROGRAMS:
                kernel.bind(source, _NEW + target)  # the system's own: large, and nobody's sockets are in there
            else:
                said.append(host.show(source, _NEW + target, _NEW + SCRATCH, strictly=source in granted))
        else:
            continue
        done.append(target)
    shown = [target for target in done if target not in PRIVATE]
    return Built(shown, " ".join(filter(None, (copied, *said))), overlaid=not copied)


def _make_devices() -> None:
    for device in DEVICES:
        host.make_place(_NEW + device, device)
        kernel.bind(device, _NEW + device, kernel.NO_SUID | kernel.NO_EXEC)  # can be written to, but not changed
    os.makedirs(f"{_NEW}/dev/pts", exist_ok=True)
    mount_terminals(f"{_NEW}/dev/pts")
    os.makedirs(_NEW + _MESSAGES, exist_ok=True)
    mount_messages(_NEW + _MESSAGES)


def mount_terminals(target: str) -> None:
    """Pseudo terminals that nobody else sees."""
    options = "newinstance,ptmxmode=0666,mode=620"
    kernel.mount("devpts", target, "devpts", kernel.NO_SUID | kernel.NO_EXEC, options)


def mount_messages(target: str = _MESSAGES) -> None:
    """POSIX message queues of this ipc namespace: Landlock allows them by the place where they are mounted."""
    try:
        kernel.mount("mqueue", target, "mqueue", SAFE | kernel.NO_EXEC)
    except Refused:  # a kernel without them
        return


def _make_link(path: str, target: str) -> None:
    if not os.path.lexists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)


def _write_passwd() -> None:
    """The host's list of users; one that a directory service knows is added, so that getpwuid answers."""
    try:
        with open("/etc/passwd", "rb") as file:
            known = file.read()
    except OSError:
        known = b""
    uid = b"%d" % os.getuid()
    if not any(line.split(b":")[2:3] == [uid] for line in known.splitlines()):
        known += b"user:x:%s:%d::%s:/bin/sh\n" % (uid, os.getgid(), HOME.encode())
    os.makedirs(f"{_NEW}/etc", exist_ok=True)
    with open(f"{_NEW}/etc/passwd", "wb") as file:
        file.write(known)
