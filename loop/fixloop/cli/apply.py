"""Write a verified patch to the user's files: all of them or none. The only place where fixloop writes one (I2).

Every file is read again and must be, byte for byte, the text that its edits were computed from. The new text goes to
a temporary file beside it, reaches the disk, and takes its place in one step, so that no reader ever sees half of it.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fixloop.records.source import FileEdit, Patch, SourceText, StaleText, UndecodableSource

Replace = Callable[[Path, Path], object]


class NotApplied(Exception):
    """Why no file was changed, or which could not be put back; a sentence for a person."""


@dataclass(frozen=True)
class _Change:
    """One file: where it really is, what it holds, and the temporary file that holds what it shall."""

    path: str
    file: Path
    old: bytes
    staged: Path


def apply_patch(patch: Patch, root: Path, replace: Replace = os.replace) -> None:
    """Apply ``patch`` below ``root``. Raises NotApplied; then every file is as it was unless the message says so."""
    try:
        with ExitStack() as stack:
            _put_in_place([stack.enter_context(_staged(edit, root)) for edit in patch.files], replace)
    except OSError as error:
        names = ", ".join(patch.paths)
        raise NotApplied(f"{names} could not be written: {error.strerror or error}. {_UNTOUCHED}") from None


_UNTOUCHED = "Nothing was changed."


@contextmanager
def _staged(edit: FileEdit, root: Path) -> Generator[_Change]:
    """The change with its new text on disk; whatever is still staged in the end is removed."""
    file = _inside(edit.path, root)
    old = SourceText(edit.path, file.read_bytes())
    try:
        new = edit.apply(old)
    except (StaleText, UndecodableSource):
        raise NotApplied(_changed(edit.path)) from None
    staged = _temporary(file, new.data)
    try:
        yield _Change(edit.path, file, old.data, staged)
    finally:
        staged.unlink(missing_ok=True)


def _changed(path: str) -> str:
    return f"{path} changed while the repair ran, so the patch no longer fits. {_UNTOUCHED} Run fixloop again."


def _inside(path: str, root: Path) -> Path:
    """The file itself, behind any link. A link inside the workspace is followed; one that leaves it is refused."""
    file = (root / path).resolve()
    if not file.is_relative_to(root.resolve()):
        raise NotApplied(f"{path} leads out of the workspace through a link. {_UNTOUCHED}")
    if not file.is_file():
        raise NotApplied(f"{path} is no longer a file. {_UNTOUCHED}")
    if not os.access(file, os.W_OK):
        raise NotApplied(f"{path} is write-protected. {_UNTOUCHED}")
    return file


def _temporary(file: Path, data: bytes) -> Path:
    """A file beside ``file`` that holds ``data``, with its mode and, where permitted, its owner; already on disk."""
    status = file.stat()
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", suffix=".fixloop", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            with suppress(PermissionError):
                os.fchown(stream.fileno(), status.st_uid, status.st_gid)
            os.fchmod(stream.fileno(), stat.S_IMODE(status.st_mode))
            os.fsync(stream.fileno())
    except BaseException:
        Path(name).unlink()
        raise
    return Path(name)


def _put_in_place(changes: Sequence[_Change], replace: Replace) -> None:
    done: list[_Change] = []
    try:
        for change in changes:
            _require_unchanged(change)
            replace(change.staged, change.file)
            done.append(change)
    except BaseException as error:
        stuck = [change.path for change in reversed(done) if not _put_back(change)]
        if stuck:
            raise NotApplied(f"{', '.join(stuck)} keeps the patch: it could not be put back. ({error})") from error
        raise
    for folder in {change.file.parent for change in changes}:
        _sync(folder)


def _require_unchanged(change: _Change) -> None:
    if change.file.read_bytes() != change.old:
        raise NotApplied(_changed(change.path))


def _put_back(change: _Change) -> bool:
    try:
        _temporary(change.file, change.old).replace(change.file)
    except OSError:
        return False
    return True


def _sync(folder: Path) -> None:
    # The renames are done and whole; a file system that cannot sync a folder loses at most their durability.
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
