"""Puts the workspace into the new root: as an overlay, or as a private copy where no overlay can serve.

An overlay cannot change what belongs to users that the namespace does not know, nor lie over a folder in which another
file system is mounted. A copy can: all of it belongs to the command, in memory that ends with the run. Environments,
installed packages and the repository's own data are too large for that and are shown read-only in their places.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH101, PTH103, PTH114, PTH116, PTH118, PTH119, PTH120, PTH208
from __future__ import annotations

import os
import stat

from . import kernel, views
from .order import Refused

MOST_COPIED = 1 << 30
_MOST_FILES = 1 << 18

_CACHES = frozenset(
    {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"}
)
_SHOWN = frozenset({".git", ".hg", ".venv", "venv", "node_modules", "__pypackages__", ".tox", ".nox"})
_MARKS_OF_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")

_SAFE = kernel.NO_SUID | kernel.NO_DEV


def has_other_owners(root: str, files: dict[str, bytes]) -> bool:
    """True when an overlay of ``root`` could not be written everywhere. Asked outside, where owners have numbers.

    Looks at the root, at what lies directly in it and at the way to each of ``files``, not at the whole tree.
    """
    paths = {root}
    paths.update(os.path.join(root, name) for name in os.listdir(root) if name not in _CACHES | _SHOWN)
    for name in files:
        while name:
            paths.add(os.path.join(root, name))
            name = os.path.dirname(name)
    own = (os.getuid(), os.getgid())
    return any(found and (found.st_uid, found.st_gid) != own for found in map(_status, paths))


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def show(root: str, target: str, scratch: str, space: int, *, other_owners: bool) -> str:
    """Mount ``root`` at ``target``, writable, its changes kept in ``scratch``.

    ``scratch`` is a tmpfs that ends up with ``space`` bytes free. Returns a sentence when it had to be copied, else "".
    """
    os.makedirs(target, exist_ok=True)
    if other_owners:
        _show_copy(root, target, scratch, space, "it belongs in part to another user or group")
        return _said("it belongs in part to another user or group")
    try:
        _show_overlay(root, target, scratch)
    except Refused:
        why = "no overlay can be mounted over it, as when another file system is mounted inside"
        _show_copy(root, target, scratch, space, why)
        return _said(why)
    return ""


def _said(why: str) -> str:
    return f"The workspace was copied, because {why}; environments and repository data in it are read-only."


def _show_overlay(root: str, target: str, scratch: str) -> None:
    # Neutral names: the option string cannot carry every path.
    lower = f"{scratch}/lower"
    os.makedirs(lower)
    kernel.bind(root, lower)
    options = f"lowerdir={lower},upperdir={scratch}/upper,workdir={scratch}/work,userxattr"
    os.chmod(f"{scratch}/upper", stat.S_IMODE(os.stat(root).st_mode))
    try:
        kernel.mount("overlay", target, "overlay", _SAFE, options)
    finally:
        kernel.unmount(lower)


def _show_copy(root: str, target: str, scratch: str, space: int, why: str) -> None:
    from . import tree  # what it imports is slow to load and seldom needed

    shown: list[str] = []

    def leave_out(path: str) -> bool:
        name = os.path.basename(path)
        if name in _SHOWN or any(os.path.lexists(f"{path}/{mark}") for mark in _MARKS_OF_ENVIRONMENTS):
            shown.append(path)
            return True
        return name in _CACHES

    _resize(scratch, MOST_COPIED, _MOST_FILES)
    try:
        tree.copy(root, f"{scratch}/copy", lambda: False, leave_out)
    except Refused as refused:
        most = MOST_COPIED >> 20
        raise Refused(f"{refused} (the workspace has to be copied, at most {most} MiB, because {why})") from None
    used = os.statvfs(scratch)
    taken = (used.f_blocks - used.f_bfree) * used.f_frsize
    _resize(scratch, taken + space, used.f_files - used.f_ffree + inodes(space))
    os.chmod(f"{scratch}/copy", stat.S_IMODE(os.stat(root).st_mode) | stat.S_IRWXU)
    kernel.mount(f"{scratch}/copy", target, None, kernel.BIND)
    for path in shown:
        place = target + path.removeprefix(root)
        tree.imitate(path, place)
        if not os.path.islink(path):
            views.show(path, place, scratch)


def inodes(space: int) -> int:
    """How many files may share that many bytes."""
    return max(space // 4096, 4096)


def _resize(scratch: str, size: int, files: int) -> None:
    kernel.mount(None, scratch, None, kernel.REMOUNT | _SAFE, f"size={size},nr_inodes={files}")
