"""Patches on top of a patch. Whatever is stacked, a candidate's patch is relative to the unchanged texts."""

from __future__ import annotations

from dataclasses import replace

from fixloop.ports import Sources
from fixloop.records.attempt import Candidate
from fixloop.records.source import Patch, SourceText, edit_between


class Stacked:
    """Sources as another patch leaves them. Implements ``ports.Sources``."""

    def __init__(self, base: Sources, patch: Patch) -> None:
        self._base = base
        self._changed = {file.path: file.apply(base.read(file.path)) for file in patch.files}

    def read(self, path: str) -> SourceText:
        """The patched text of a file. Raises Unreadable."""
        return self._changed.get(path) or self._base.read(path)

    def editable(self, path: str) -> bool:
        """As without the patch."""
        return self._base.editable(path)


def on_top(base: Candidate, candidate: Candidate, stacked: Sources, unchanged: Sources) -> Candidate:
    """``candidate``, proposed for the texts that ``base`` leaves, as one candidate for the unchanged texts."""
    texts = {path: stacked.read(path).text for path in base.patch.paths}
    texts |= {file.path: file.apply(stacked.read(file.path)).text for file in candidate.patch.files}
    edits = (edit_between(unchanged.read(path), text) for path, text in sorted(texts.items()))
    return replace(
        candidate,
        patch=Patch(tuple(edit for edit in edits if edit.edits)),
        provenance=(*base.provenance, *candidate.provenance),
        summary=f"{base.summary}, and {candidate.summary}",
    )
