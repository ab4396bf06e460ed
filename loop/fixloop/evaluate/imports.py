"""Which modules the project's files import that are not its own: what a warm process may import beforehand."""

from __future__ import annotations

import re
from pathlib import Path

from fixloop.evaluate.project import python_files

_IMPORT = re.compile(rb"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.MULTILINE)
_FILES_AT_MOST, _BYTES_AT_MOST = 400, 4 << 20
_NEVER = frozenset({"__future__", "__main__", "antigravity", "this"})  # the last two act when they are imported


def imported_packages(root: Path) -> tuple[str, ...]:
    """Dotted names in alphabetical order; names of the project's own left out. Reads no more than a bounded amount."""
    found: set[str] = set()
    own: set[str] = set()
    left = _BYTES_AT_MOST
    for number, path in enumerate(python_files(root)):
        own.update(path.removesuffix(".py").split("/"))
        if number >= _FILES_AT_MOST or left <= 0:
            continue
        data = _read(root / path, left)
        left -= len(data)
        for module, names in _IMPORT.findall(data):
            found.update(
                [module.decode()]
                if module
                else [name.split()[0].decode() for name in names.split(b",") if name.split()]
            )
    return tuple(
        sorted(name for name in found if name.partition(".")[0] not in own | _NEVER and not name.startswith("."))
    )


def _read(file: Path, at_most: int) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(at_most)
    except OSError:
        return b""
