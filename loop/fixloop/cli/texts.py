"""The workspace's files as a report sees them: each read once, so that everything shown is of one moment."""

from __future__ import annotations

from fixloop.assembly import Place, read_text
from fixloop.ports import Unreadable
from fixloop.records.events import RepairResult
from fixloop.records.source import SourceText, UndecodableSource


class Texts:
    """Unsaved buffers first, else the file on disk."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._read: dict[str, SourceText] = {}

    def read(self, path: str) -> SourceText:
        """The text of a file by its path from the root. Raises Unreadable."""
        if path not in self._read:
            self._read[path] = self._fresh(path)
        return self._read[path]

    def _fresh(self, path: str) -> SourceText:
        data = self._place.overlay.get(path)
        try:
            source = SourceText(path, read_text(self._place, path) if data is None else data)
            _ = source.text
        except (OSError, ValueError) as error:
            raise Unreadable(f"{path} cannot be read: {error}") from None
        except UndecodableSource as error:
            raise Unreadable(str(error)) from None
        return source

    def changed_since(self, result: RepairResult) -> str | None:
        """A file whose text is no longer the one that a patch of ``result`` was computed from."""
        findings = (*([result.finding] if result.finding else []), *result.alternatives)
        for file in (file for finding in findings for file in finding.patch.files):
            try:
                if self.read(file.path).sha256 != file.base_sha256:
                    return file.path
            except Unreadable:
                return file.path
        return None
