"""Records to and from the protocol's types; the only module that knows position encodings and URIs.

It never reads a file, keeps no state and asks the client nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from lsprotocol import types
from pygls import uris
from pygls.workspace import PositionCodec

from fixloop.records.execution import CheckResult
from fixloop.records.source import FileEdit, SourceText

SOURCE = "fixloop"


@dataclass(frozen=True)
class DocumentEdit:
    """Edits to one file as the client knows it; ``version`` is None for a file that is not open."""

    uri: str
    version: int | None
    edit: FileEdit
    base: SourceText


@dataclass(frozen=True)
class Related:
    """Another place that explains a diagnostic."""

    location: types.Location
    message: str


def path_of(uri: str) -> Path | None:
    """The absolute path that a URI names, or None for what is not a local file."""
    if uris.uri_scheme(uri) != "file":
        return None
    path = uris.to_fs_path(uri)
    return Path(path) if path else None


def uri_of(path: Path) -> str:
    """The URI of an absolute path."""
    return path.as_uri()


def position_of(source: SourceText, offset: int, codec: PositionCodec) -> types.Position:
    """Where a code-point offset lies, in the units that were negotiated with the client."""
    line = source.line_of(offset)
    before = source.text[offset - source.column_of(offset) : offset]
    return types.Position(line - 1, codec.client_num_units(before))


def line_range(source: SourceText, line: int, codec: PositionCodec) -> types.Range:
    """A 1-based line's text without the blanks around it; a line that does not exist is the nearest one that does."""
    line = min(max(line, 1), source.line_count)
    span, text = source.line_span(line), source.line_text(line)
    start = span.start + len(text) - len(text.lstrip())
    end = max(start, span.start + len(text.rstrip()))
    return types.Range(position_of(source, start, codec), position_of(source, end, codec))


def line_location(uri: str, source: SourceText, line: int, codec: PositionCodec) -> types.Location:
    """A 1-based line of a file."""
    return types.Location(uri, line_range(source, line, codec))


def failure_diagnostic(check: CheckResult, range_: types.Range, related: Iterable[Related]) -> types.Diagnostic:
    """A check that did not pass, shown at ``range_``."""
    return types.Diagnostic(
        range=range_,
        message=check.message or f"{check.id}: {check.outcome.value}",
        severity=types.DiagnosticSeverity.Error,
        code=check.outcome.value,
        source=SOURCE,
        data={"checks": [check.id], "path": check.id.partition("::")[0]},
        related_information=_related(related),
    )


def suspect_diagnostic(
    checks: Sequence[str], path: str, range_: types.Range, related: Iterable[Related]
) -> types.Diagnostic:
    """The likeliest place of the fault behind ``checks``, shown at ``range_``."""
    named = checks[0] if len(checks) == 1 else f"{len(checks)} tests ({', '.join(checks)})"
    return types.Diagnostic(
        range=range_,
        message=f"Prime suspect for the failure of {named}.",
        severity=types.DiagnosticSeverity.Information,
        code="suspect",
        source=SOURCE,
        data={"checks": list(checks), "path": path},
        related_information=_related(related),
    )


def _related(related: Iterable[Related]) -> list[types.DiagnosticRelatedInformation]:
    return [types.DiagnosticRelatedInformation(item.location, item.message) for item in related]


def checks_of(diagnostic: types.Diagnostic) -> tuple[str, ...]:
    """The node ids that one of our diagnostics is about; empty for anybody else's."""
    if diagnostic.source != SOURCE:
        return ()
    checks = argument(diagnostic.data, "checks")
    return tuple(str(check) for check in cast("Sequence[object]", checks)) if isinstance(checks, list | tuple) else ()


def argument(value: object, name: str) -> object:
    """A member of a JSON object, which the library hands over either as a dict or as an object."""
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(name)
    return getattr(value, name, None)


def text_edits(edit: FileEdit, base: SourceText, codec: PositionCodec) -> list[types.TextEdit]:
    """The edits in the client's positions. ``base`` has to be the text that they were computed from."""
    return [
        types.TextEdit(
            types.Range(position_of(base, one.span.start, codec), position_of(base, one.span.end, codec)),
            one.replacement,
        )
        for one in edit.edits
    ]


def workspace_edit(files: Sequence[DocumentEdit], codec: PositionCodec, *, versioned: bool) -> types.WorkspaceEdit:
    """One edit over all files, with the versions that it holds for where the client understands them."""
    if not versioned:
        return types.WorkspaceEdit(changes={file.uri: text_edits(file.edit, file.base, codec) for file in files})
    return types.WorkspaceEdit(
        document_changes=[
            types.TextDocumentEdit(
                types.OptionalVersionedTextDocumentIdentifier(file.uri, file.version),
                text_edits(file.edit, file.base, codec),
            )
            for file in files
        ]
    )
