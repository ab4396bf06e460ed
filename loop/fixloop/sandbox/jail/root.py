"""Builds the root that the command sees: an allow-list of read-only host paths, the overlay and private directories.

Works in a new mount namespace, as process 1 of a new process-id namespace. Host paths keep their own places, so that
interpreters, editable installs and recorded absolute paths stay true.
"""

# Strings, as pathlib would double the launcher's start-up; /tmp is the private one.
# ruff: noqa: PTH101, PTH102, PTH103, PTH110, PTH112, PTH115, PTH120, PTH123, PTH211, S108
from __future__ import annotations

import os
from collections.abc import Callable

from . import kernel, workspace
from .order import PROBE_PACKAGE, Order, Refused

_NEW = "/proc"  # covered while the root is built: nothing else needs a file of it
_OWN = "/run/fixloop"
HOME, TOOLS, TEMPORARY = f"{_OWN}/home", f"{_OWN}/tools", "/tmp"
_SCRATCH = f"{_OWN}/scratch"

_PROGRAMS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store")
# No keys, no password hashes, nothing that names other machines.
_SETTINGS = tuple(
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
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_DEVICE_LINKS = {
    "/dev/ptmx": "pts/ptmx",
    "/dev/fd": "/proc/self/fd",
    "/dev/stdin": "/proc/self/fd/0",
    "/dev/stdout": "/proc/self/fd/1",
    "/dev/stderr": "/proc/self/fd/2",
}
_PRIVATE = {"/tmp": "tmp", "/var/tmp": "var-tmp", "/dev/shm": "shm", HOME: "home"}
_KERNEL_SETTINGS = ("sys", "sysrq-trigger", "irq", "bus", "fs", "scsi", "acpi")
_KERNEL_TREES = ("/proc", "/sys", "/dev")
_MOST_LINKS = 40
_PROCESS_LIMIT_PER_NAMESPACE = (6, 14)  # first kernel whose pid_max is not the whole machine's
_LEAST_PROCESS_LIMIT = 302  # below it the kernel refuses

_SAFE = kernel.NO_SUID | kernel.NO_DEV


def build(order: Order, *, other_owners: bool, before_hidden: Callable[[str], None]) -> str:
    """Leave this process in the new root, everything mounted, still able to write the workspace. Raises Refused.

    ``before_hidden`` gets the folder that keeps what is written, before it goes out of sight. Returns what has to be
    said about all this to a person, mostly nothing.
    """
    kernel.mount(None, "/", None, kernel.RECURSIVE | kernel.PRIVATE)
    kernel.mount("tmpfs", _NEW, "tmpfs", _SAFE, "size=8m,nr_inodes=8192,mode=755")
    _make_scratch(order.scratch_bytes)
    views, links = _plan(order)
    said = _mount_views(order, views, other_owners=other_owners)
    _make_devices()
    for link, target in {**links, **_DEVICE_LINKS}.items():
        _make_link(_NEW + link, target)
    _write_passwd()
    os.makedirs(f"{_NEW}/proc", exist_ok=True)
    kernel.mount("proc", f"{_NEW}/proc", "proc", _SAFE | kernel.NO_EXEC)
    before_hidden(_NEW + _SCRATCH)
    kernel.unmount(_NEW + _SCRATCH)
    kernel.enter_root(_NEW)
    kernel.mount(None, "/", None, kernel.REMOUNT | kernel.BIND | kernel.READ_ONLY | _SAFE)
    return said


def close_kernel_settings(processes: int) -> None:
    """Limit the namespace through /proc/sys, then make it read-only: uid 0 owns those files even without power."""
    _write_setting("user/max_user_namespaces", 0)
    release = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if release >= _PROCESS_LIMIT_PER_NAMESPACE:
        _write_setting("kernel/pid_max", max(processes, _LEAST_PROCESS_LIMIT))
    for name in _KERNEL_SETTINGS:
        path = f"/proc/{name}"
        if os.path.exists(path):
            kernel.bind(path, path)


def _write_setting(name: str, value: int) -> None:
    try:
        with open(f"/proc/sys/{name}", "w") as file:
            file.write(str(value))
    except OSError as error:
        raise Refused(f"set {name}: {error.strerror}") from None


def _make_scratch(size: int) -> None:
    scratch = _NEW + _SCRATCH
    os.makedirs(scratch)
    kernel.mount("tmpfs", scratch, "tmpfs", _SAFE, f"size={size},nr_inodes={workspace.inodes(size)},mode=755")
    for name in ("upper", "work", *_PRIVATE.values()):
        os.mkdir(f"{scratch}/{name}")
    for name in ("tmp", "var-tmp", "shm"):
        os.chmod(f"{scratch}/{name}", 0o1777)  # noqa: S103 (as everywhere)


def _plan(order: Order) -> tuple[dict[str, str], dict[str, str]]:
    """Target -> what to show there (a host path, or a name in _PRIVATE), and the links met on the way."""
    views: dict[str, str] = {}
    links: dict[str, str] = {}
    for path in (*_PROGRAMS, *_SETTINGS, *order.visible):
        real = _follow(path, links)
        if real and real != "/" and not _in_kernel_tree(real):
            views[real] = real
    if order.tools:
        views[f"{TOOLS}/{PROBE_PACKAGE}"] = order.tools
    views.update(_PRIVATE)
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


def _in_kernel_tree(path: str) -> bool:
    return any(_within(path, tree) for tree in _KERNEL_TREES) and not path.startswith("/dev/shm/")


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _mount_views(order: Order, views: dict[str, str], *, other_owners: bool) -> str:
    granted = {_follow(path, {}) for path in order.granted}
    done: list[str] = []
    said = ""
    for target in sorted(views, key=lambda path: (path.count("/"), path)):  # a folder before what lies in it
        source = views[target]
        around = [earlier for earlier in done if _within(target, earlier)]
        if target == order.root:
            scratch = _NEW + _SCRATCH
            said = workspace.show(order.root, _NEW + target, scratch, order.scratch_bytes, other_owners=other_owners)
        elif source in _PRIVATE.values():
            os.makedirs(_NEW + target, exist_ok=True)
            kernel.mount(f"{_NEW}{_SCRATCH}/{source}", _NEW + target, None, kernel.BIND)
        elif around and views[around[-1]] == around[-1]:
            continue  # seen already, through the folder around it
        elif os.path.exists(source):
            _make_target(_NEW + target, source)
            if source in granted and os.path.isdir(source):
                workspace.show_files(source, _NEW + target, _NEW + _SCRATCH)
            else:
                kernel.bind(source, _NEW + target)
        else:
            continue
        done.append(target)
    return said


def _make_target(path: str, source: str) -> None:
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    elif not os.path.exists(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _make_devices() -> None:
    for device in _DEVICES:
        _make_target(_NEW + device, device)
        kernel.mount(device, _NEW + device, None, kernel.BIND)
    os.makedirs(f"{_NEW}/dev/pts", exist_ok=True)
    options = "newinstance,ptmxmode=0666,mode=620"
    kernel.mount("devpts", f"{_NEW}/dev/pts", "devpts", kernel.NO_SUID | kernel.NO_EXEC, options)


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
