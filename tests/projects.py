"""Small projects on disk, written by the tests that use them."""

from __future__ import annotations

import hashlib
import textwrap
from collections.abc import Mapping
from pathlib import Path


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write ``files`` (path -> text, common indentation removed) below ``root`` and return it, resolved."""
    for name, content in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else textwrap.dedent(content).lstrip("\n").encode())
    return root.resolve()


def fingerprint(root: Path) -> Mapping[str, str]:
    """Every file below ``root`` with the hash of its content and its mode."""
    return {
        str(file.relative_to(root)): f"{file.lstat().st_mode:o} {_digest(file)}"
        for file in sorted(root.rglob("*"))
        if file.is_symlink() or not file.is_dir()
    }


def _digest(file: Path) -> str:
    if file.is_symlink():
        return str(file.readlink())
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.stat().st_mode & 0o400 else "unreadable"
