"""Make a patch as small as it can be while it still does its work."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fixloop.records.source import FileEdit, Patch


def minimise(patch: Patch, still_works: Callable[[Patch], bool]) -> Patch:
    """Drop one edit after another that is not needed. One pass suffices for the few edits that a candidate has.

    ``still_works`` is asked about at most as many patches as there are edits; a patch of one edit asks nothing.
    """
    index = 0
    while sum(len(file.edits) for file in patch.files) > 1:
        smaller = next(_without(patch, index), None)
        if smaller is None:
            break
        if still_works(smaller):
            patch = smaller
        else:
            index += 1
    return patch


def _without(patch: Patch, index: int) -> Iterator[Patch]:
    """The patch without its ``index``-th edit, if it has so many."""
    seen = 0
    for position, file in enumerate(patch.files):
        if index < seen + len(file.edits):
            edits = tuple(edit for at, edit in enumerate(file.edits) if at != index - seen)
            kept = (FileEdit(file.path, file.base_sha256, edits),) if edits else ()
            yield Patch((*patch.files[:position], *kept, *patch.files[position + 1 :]))
            return
        seen += len(file.edits)
