"""Source texts and edits to them.

Positions are code-point offsets into the decoded text, half-open, because that is what parsers and people count in.
Only ``fixloop_lsp.convert`` turns them into UTF-16; only ``byte_span`` turns them into bytes. Line ends are never
normalised: what was read is what an edit is applied to, byte for byte.
"""

from __future__ import annotations

import bisect
import codecs
import difflib
import hashlib
import io
import re
import tokenize
from dataclasses import dataclass
from functools import cached_property

_LINE_END = re.compile(r"\r\n|\r|\n")


class UndecodableSource(Exception):
    """The bytes are not text in the encoding that the file declares."""


class StaleText(Exception):
    """An edit was asked for a text other than the one it was computed from."""


@dataclass(frozen=True, order=True)
class Span:
    """Half-open range of code-point offsets."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start}..{self.end}")

    def touches(self, other: Span) -> bool:
        """True when the two overlap or one inserts inside or at the edge of the other."""
        return self.start <= other.end and other.start <= self.end


@dataclass(frozen=True)
class SourceText:
    """One file's content as read: ``path`` is POSIX and relative to the workspace root."""

    path: str
    data: bytes

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the raw bytes: the identity that edits are tied to."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def encoding(self) -> str:
        """The encoding by Python's own rule (BOM, then cookie, then UTF-8)."""
        try:
            return tokenize.detect_encoding(io.BytesIO(self.data).readline)[0]
        except SyntaxError as error:
            raise UndecodableSource(f"{self.path} cannot be decoded: {error.msg}") from None

    @cached_property
    def text(self) -> str:
        """The decoded text with its own line ends. Raises UndecodableSource."""
        try:
            return self.data.decode(self.encoding)
        except (UnicodeDecodeError, LookupError) as error:
            raise UndecodableSource(f"{self.path} is not valid {self.encoding}: {error}") from None

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    @property
    def line_count(self) -> int:
        """Number of lines; a text that ends in a line end has an empty last one."""
        return len(self._starts)

    def line_of(self, offset: int) -> int:
        """1-based line that holds a code-point offset."""
        return bisect.bisect_right(self._starts, offset)

    def column_of(self, offset: int) -> int:
        """0-based code-point column of an offset within its line."""
        return offset - self._starts[self.line_of(offset) - 1]

    def offset(self, line: int, column: int) -> int:
        """Offset of a 1-based line and 0-based code-point column."""
        return self._starts[line - 1] + column

    def line_span(self, line: int) -> Span:
        """A 1-based line without its line end."""
        start = self._starts[line - 1]
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        return Span(start, start + len(self.text[start:end].rstrip("\r\n")))

    def line_text(self, line: int) -> str:
        """The text of a 1-based line without its line end."""
        span = self.line_span(line)
        return self.text[span.start : span.end]

    @property
    def newline(self) -> str:
        """The line end that this text uses first, or a line feed."""
        match = _LINE_END.search(self.text)
        return match.group() if match else "\n"

    def byte_span(self, span: Span) -> tuple[int, int]:
        """The same range as offsets into ``data``."""
        bom = len(codecs.BOM_UTF8) if self.encoding == "utf-8-sig" else 0
        plain = "utf-8" if bom else self.encoding
        start = bom + len(self.text[: span.start].encode(plain))
        return start, start + len(self.text[span.start : span.end].encode(plain))

    def with_text(self, text: str) -> SourceText:
        """The same file holding other text in the same encoding."""
        return SourceText(self.path, text.encode(self.encoding))


@dataclass(frozen=True, order=True)
class Edit:
    """Replace a span by a text; an empty span inserts."""

    span: Span
    replacement: str


@dataclass(frozen=True)
class FileEdit:
    """Sorted, disjoint edits to one file, valid only for the text whose hash they carry."""

    path: str
    base_sha256: str
    edits: tuple[Edit, ...]

    def __post_init__(self) -> None:
        for earlier, later in zip(self.edits, self.edits[1:], strict=False):
            if earlier.span.end > later.span.start:
                raise ValueError(f"edits of {self.path} overlap or are not sorted")

    def apply(self, source: SourceText) -> SourceText:
        """The edited file. Raises StaleText unless ``source`` is the text that this was computed from."""
        if source.sha256 != self.base_sha256:
            raise StaleText(f"{self.path} changed since this edit was computed")
        return source.with_text(splice(source.text, self.edits))


@dataclass(frozen=True)
class Patch:
    """Edits to one or more files, one entry a file, sorted by path."""

    files: tuple[FileEdit, ...]

    def __post_init__(self) -> None:
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            raise ValueError("a patch names each file once, in order")

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that it changes."""
        return tuple(file.path for file in self.files)


def splice(text: str, edits: tuple[Edit, ...]) -> str:
    """``text`` with sorted, disjoint edits applied."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += (text[at : edit.span.start], edit.replacement)
        at = edit.span.end
    return "".join((*parts, text[at:]))


def edit_between(old: SourceText, new_text: str) -> FileEdit:
    """The edits that turn ``old`` into ``new_text``: changed line runs, each trimmed to what differs."""
    before, after = old.text.splitlines(keepends=True), new_text.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    edits: list[Edit] = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            edits.append(trim(old.text, Edit(Span(starts[i], starts[j]), "".join(after[k:m]))))
    return FileEdit(old.path, old.sha256, tuple(edits))


def trim(text: str, edit: Edit) -> Edit:
    """The same change without the characters that its two sides share at either end."""
    old = text[edit.span.start : edit.span.end]
    head = _common_prefix(old, edit.replacement)
    tail = _common_prefix(old[head:][::-1], edit.replacement[head:][::-1])
    span = Span(edit.span.start + head, edit.span.end - tail)
    return Edit(span, edit.replacement[head : len(edit.replacement) - tail])


def _common_prefix(a: str, b: str) -> int:
    count = 0
    for left, right in zip(a, b, strict=False):
        if left != right:
            break
        count += 1
    return count
