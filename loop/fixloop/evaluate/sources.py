"""The workspace's texts as one unchanging snapshot: unsaved buffers first, else what the disk held when first read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fixloop.evaluate.project import is_source, patterns_of_tests
from fixloop.evaluate.texts import read_within
from fixloop.ports import Unreadable
from fixloop.records.source import SourceText, UndecodableSource


class WorkspaceSources:
    """Implements ``ports.Sources`` over a folder and the editor's unsaved buffers."""

    def __init__(self, root: Path, overlay: Mapping[str, bytes]) -> None:
        self._root = root
        self._patterns = patterns_of_tests(root)
        self._texts = {path: SourceText(path, data) for path, data in overlay.items()}

    def read(self, path: str) -> SourceText:
        """The text of a file by its path from the root. Raises Unreadable."""
        known = self._texts.get(path)
        if known is None:
            try:
                known = SourceText(path, read_within(self._root, path))
            except OSError as error:
                raise Unreadable(f"{path} cannot be read: {error.strerror}.") from None
            except ValueError as error:
                raise Unreadable(f"{path} cannot be read: {error}.") from None
            try:
                _ = known.text
            except UndecodableSource as error:
                raise Unreadable(f"{error}.") from None
            self._texts[path] = known
        return known

    def editable(self, path: str) -> bool:
        """True for a source file inside the root; a link that leads out of it is not."""
        if not is_source(path, self._patterns):
            return False
        try:
            return (self._root / path).resolve().is_relative_to(self._root)
        except OSError:
            return False
