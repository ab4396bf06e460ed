"""One source file cut into its top-level statements, so that a candidate compiles only the one that it edits.

Knows nothing of running functions. Positions are code-point offsets into the text as it was read, line ends included.
"""

from __future__ import annotations
import __future__

import ast
import bisect
import io
import re
import tokenize
from types import CodeType
from typing import Optional

_LINE_END = re.compile(r"\r\n|\r|\n")
_FLAGS = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names})


class OutsideStatements(Exception):
    """The edit is not within one top-level statement that can be compiled by itself."""


class Segments:
    """The top-level statements of one file. Raises SyntaxError and UnicodeDecodeError for a text that is not Python."""

    def __init__(self, filename: str, data: bytes) -> None:
        self._filename = filename
        self.text = decoded(data)
        self.whole = compile(self.text, filename, "exec", dont_inherit=True)
        self._flags = self.whole.co_flags & _FLAGS
        self._spans = _spans(self.text)
        self._starts = [start for start, _, _ in self._spans]
        self._old: dict[int, CodeType] = {}

    def old(self, at: int) -> CodeType:
        """The compiled statement number ``at`` as it is."""
        code = self._old.get(at)
        if code is None:
            start, end, line = self._spans[at]
            code = self._old[at] = self._compile(self.text[start:end], line)
        return code

    def new(self, edits: list[tuple[int, int, str]]) -> list[tuple[int, CodeType]]:
        """The statements that the sorted ``edits`` (start, end, text) change, compiled. Lines are the file's.

        Raises OutsideStatements, and SyntaxError for a candidate that is not Python.
        """
        by_statement: dict[int, list[tuple[int, int, str]]] = {}
        for edit in edits:
            by_statement.setdefault(self._statement(edit), []).append(edit)
        found: list[tuple[int, CodeType]] = []
        added_lines = 0
        for at, inside in by_statement.items():
            start, end, line = self._spans[at]
            text = spliced(self.text[start:end], inside, start)
            found.append((at, self._compile(text, line + added_lines)))
            added_lines += len(_LINE_END.findall(text)) - len(_LINE_END.findall(self.text[start:end]))
        return found

    def _statement(self, edit: tuple[int, int, str]) -> int:
        at = bisect.bisect_right(self._starts, edit[0]) - 1
        if at < 0 or edit[1] > self._spans[at][1]:
            raise OutsideStatements
        return at

    def _compile(self, text: str, line: int) -> CodeType:
        return compile("\n" * (line - 1) + text, self._filename, "exec", self._flags, dont_inherit=True)


def decoded(data: bytes) -> str:
    """A source file's text by Python's own rule."""
    return data.decode(tokenize.detect_encoding(io.BytesIO(data).readline)[0])


def spliced(text: str, edits: list[tuple[int, int, str]], offset: int = 0) -> str:
    """``text``, which begins at ``offset``, with sorted edits applied."""
    parts: list[str] = []
    at = 0
    for start, end, replacement in edits:
        parts += (text[at : start - offset], replacement)
        at = end - offset
    return "".join((*parts, text[at:]))


def _spans(text: str) -> list[tuple[int, int, int]]:
    """(start, end, first line) of the statements that have their lines for themselves, definitions only."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(text)), len(text)]
    found: list[tuple[int, int, int]] = []
    last_line = 0
    for statement in ast.parse(text).body:
        first = _first_line(statement)
        end = statement.end_lineno or first
        if first <= last_line and found and found[-1][1] > starts[first - 1]:
            found.pop()
        elif first > last_line and isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.append((starts[first - 1], starts[min(end, len(starts) - 1)], first))
        last_line = end
    return found


def _first_line(statement: ast.stmt) -> int:
    decorators: Optional[list[ast.expr]] = getattr(statement, "decorator_list", None)
    return min([statement.lineno, *(decorator.lineno for decorator in decorators or ())])
