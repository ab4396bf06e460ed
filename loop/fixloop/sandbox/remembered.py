"""Remembers across processes which tiers worked since this machine was started, so that they are not probed again.

Only successes are kept: a refusal is always looked at afresh. A file that is damaged, foreign, open to others or a link
is as good as none, and a place that cannot be written is no error.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import cast

_NAME = "sandbox.json"
_MOST_BYTES = 1 << 16
_MOST_ENTRIES = 64
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_JAIL = Path(__file__).parent


class Remembered:
    """What worked, for one user on one boot of one kernel with one version of fixloop."""

    def __init__(self, folder: Path | None, key: Mapping[str, str]) -> None:
        self._folder = folder
        self._key = dict(key)

    @staticmethod
    def here(folder: Path | None) -> Remembered:
        """What is in the user's own ``folder`` about this machine as it is now."""
        boot = _text_of(_BOOT_ID)
        return Remembered(folder if boot else None, {"boot": boot, **_identity()})

    def has(self, name: str) -> bool:
        """True when ``name`` worked."""
        return name in self._load()

    def add(self, name: str) -> None:
        """Keep that ``name`` worked."""
        if self._folder is None:
            return
        names = [*(kept for kept in self._load() if kept != name), name][-_MOST_ENTRIES:]
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if _is_own(os.lstat(self._folder), stat.S_ISDIR):
                _replace(self._folder / _NAME, json.dumps({"key": self._key, "works": names}))

    def _load(self) -> list[str]:
        if self._folder is None:
            return []
        try:
            if not _is_own(os.lstat(self._folder), stat.S_ISDIR):
                return []
            found: dict[str, object] = json.loads(_read(self._folder / _NAME))
            works = found["works"] if found["key"] == self._key else None
            return [name for name in cast("list[object]", works or ()) if isinstance(name, str)]
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return []


def cache_folder(environ: Mapping[str, str]) -> Path | None:
    """Where this user's caches of fixloop are; None without a home."""
    named, home = environ.get("XDG_CACHE_HOME", ""), environ.get("HOME", "")
    if os.path.isabs(named):  # noqa: PTH117 (of a text that may be empty)
        return Path(named) / "fixloop"
    return Path(home) / ".cache" / "fixloop" if os.path.isabs(home) else None  # noqa: PTH117


def _identity() -> dict[str, str]:
    try:
        release = version("fixloop")
    except PackageNotFoundError:
        release = ""
    # A checkout changes without a new version.
    changed = max(path.stat().st_mtime_ns for path in (*_JAIL.glob("*.py"), *_JAIL.glob("jail/*.py")))
    system = os.uname()
    return {
        "user": str(os.getuid()),
        "fixloop": f"{release} {changed}",
        "kernel": f"{system.release} {system.version} {system.machine}",
    }


def _is_own(status: os.stat_result, kind: Callable[[int], bool]) -> bool:
    """Of the right kind, this user's, and not to be written by anybody else."""
    return kind(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not _is_own(os.fstat(descriptor), stat.S_ISREG):
            return b""
        return os.read(descriptor, _MOST_BYTES)
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _text_of(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
