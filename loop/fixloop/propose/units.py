"""Does an edited text still compile? Answered for the edited definition alone, which is what makes it cheap.

Never runs the code. Where this interpreter is older than the text's syntax, the parser is asked instead.
"""

from __future__ import annotations

import bisect
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from fixloop.propose.syntax import SyntaxView
from fixloop.records.source import Edit, Span, splice

_REFUSALS = (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)


@dataclass(frozen=True)
class EditedUnit:
    """One compilable piece with its edits applied; ``start`` is its offset in the unedited text."""

    start: int
    text: str


class Units:
    """The pieces of a file that compile on their own: top-level statements, and those of its classes' bodies."""

    def __init__(self, view: SyntaxView) -> None:
        self._view = view
        self._judged: dict[int, bool] = {}

    @cached_property
    def _spans(self) -> tuple[Span, ...]:
        return tuple(self._view.statement_lines(item) for item in _pieces(self._view.module.body))

    @cached_property
    def _starts(self) -> list[int]:
        return [span.start for span in self._spans]

    def edited(self, edits: tuple[Edit, ...]) -> tuple[EditedUnit, ...]:
        """The pieces that sorted edits fall into, with the edits applied."""
        pieces: dict[Span, list[Edit]] = {}
        for edit in edits:
            pieces.setdefault(self._around(edit.span), []).append(edit)
        return tuple(EditedUnit(span.start, self._applied(span, inside)) for span, inside in pieces.items())

    def _applied(self, span: Span, edits: list[Edit]) -> str:
        moved = (
            Edit(Span(edit.span.start - span.start, edit.span.end - span.start), edit.replacement) for edit in edits
        )
        return splice(self._view.slice(span), tuple(moved))

    def _around(self, span: Span) -> Span:
        at = bisect.bisect_left(self._starts, span.start)
        for index in (at - 1, at):
            if 0 <= index < len(self._spans):
                piece = self._spans[index]
                if piece.start <= span.start and span.end <= piece.end:
                    return piece
        return self._enclosing(span)

    def _enclosing(self, span: Span) -> Span:
        """For what lies between pieces, a class's header say: the top-level statement, else the file."""
        for item in self._view.module.body:
            whole = self._view.statement_lines(item)
            if whole.start <= span.start and span.end <= whole.end:
                return whole
        return Span(0, len(self._view.source.text))

    def compile_all(self, edits: tuple[Edit, ...], edited: tuple[EditedUnit, ...]) -> bool:
        """True when the pieces that sorted edits make of the text are valid Python."""
        if not all(self._compiles_unedited(unit.start) for unit in edited):
            return all(_parses(unit.text) for unit in edited)
        line = self._line_alone(edits)
        if line is not None:
            return _compiles(f"def _():\n while 1:\n  {line}")
        return all(_compiles(unit.text) for unit in edited)

    def _line_alone(self, edits: tuple[Edit, ...]) -> str | None:
        """The edited simple statement, when whether it compiles cannot depend on what is around it."""
        first, last = edits[0].span, edits[-1].span
        if any("\n" in edit.replacement or "\r" in edit.replacement for edit in edits):
            return None
        for node in self._view.nodes_by_line.get(self._view.source.line_of(first.start), ()):
            if isinstance(node, cst.SimpleStatementLine):
                span = self._view.span(node)
                if span.start <= first.start and last.end <= span.end and _is_self_contained(node):
                    text = self._applied(span, list(edits))
                    return text if not _CONTEXTUAL.search(text) else None
        return None

    def _compiles_unedited(self, start: int) -> bool:
        judged = self._judged.get(start)
        if judged is None:
            at = bisect.bisect_left(self._starts, start)
            known = at < len(self._spans) and self._starts[at] == start
            judged = _compiles(self._view.slice(self._spans[at])) if known else True
            self._judged[start] = judged
        return judged


_CONTEXTUAL = re.compile(r"\b(?:await|async|yield|break|continue|global|nonlocal|import|pass)\b|:=|\\")


def _is_self_contained(node: cst.SimpleStatementLine) -> bool:
    match node.body:
        case [cst.Return(value=value)]:
            return value is not None
        case [cst.Expr() | cst.Assign() | cst.AugAssign() | cst.AnnAssign()]:
            return True
        case _:
            return False


def _pieces(body: Sequence[cst.BaseStatement]) -> Iterator[cst.BaseStatement]:
    for item in body:
        if isinstance(item, cst.ClassDef) and isinstance(item.body, cst.IndentedBlock):
            yield from _pieces(item.body.body)
        else:
            yield item


def _standing_alone(text: str) -> str:
    return f"if 1:\n{text}" if text[:1] in {" ", "\t"} else text


def _compiles(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(_standing_alone(text), "<candidate>", "exec", dont_inherit=True)
        except _REFUSALS:
            return False
    return True


def _parses(text: str) -> bool:
    try:
        cst.parse_module(_standing_alone(text))
    except (cst.ParserSyntaxError, RecursionError):
        return False
    return True
