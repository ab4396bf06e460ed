"""One parsed file, asked about by position: what stands where, and which names are in reach.

libcst parses once per text; candidates are spans over that text and are never generated from a tree.
"""

from __future__ import annotations

import builtins
import keyword
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import cast

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, ParentNodeProvider, PositionProvider

from fixloop.records.source import SourceText, Span

_NOT_CODE = (
    cst.Module,
    cst.BaseSuite,
    cst.Newline,
    cst.EmptyLine,
    cst.TrailingWhitespace,
    cst.Comment,
    cst.BaseParenthesizableWhitespace,
)


class Unparsable(Exception):
    """The file is not valid Python: ``line`` is 1-based, the message is the parser's."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class SyntaxView:
    """A source text with its syntax tree. Raises Unparsable when made from a text that does not parse."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        try:
            module = cst.parse_module(source.text)
        except cst.ParserSyntaxError as error:
            raise Unparsable(error.message, error.raw_line) from None
        except RecursionError:
            raise Unparsable("nested too deeply", 1) from None
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.module = wrapper.module
        self._positions: Mapping[cst.CSTNode, CodeRange] = wrapper.resolve(PositionProvider)
        self._parents: Mapping[cst.CSTNode, cst.CSTNode] = wrapper.resolve(ParentNodeProvider)

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without surrounding white space or comments."""
        where = self._positions[node]
        return Span(
            self.source.offset(where.start.line, where.start.column),
            self.source.offset(where.end.line, where.end.column),
        )

    def text(self, node: cst.CSTNode) -> str:
        """The source text of a node."""
        span = self.span(node)
        return self.source.text[span.start : span.end]

    def lines(self, node: cst.CSTNode) -> range:
        """The 1-based lines that a node covers."""
        where = self._positions[node]
        return range(where.start.line, where.end.line + 1)

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        """The enclosing node; None for the module."""
        return self._parents.get(node)

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Enclosing nodes, innermost first."""
        at = self.parent(node)
        while at is not None:
            yield at
            at = self.parent(at)

    def function(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """The innermost ``def`` around a node (a ``def`` is not around itself)."""
        return next((at for at in self.ancestors(node) if isinstance(at, cst.FunctionDef)), None)

    def statement(self, node: cst.CSTNode) -> cst.BaseStatement | None:
        """The innermost whole statement (a line or a compound statement) that holds a node, itself included."""
        at: cst.CSTNode | None = node
        while at is not None and not isinstance(at, cst.BaseStatement):
            at = self.parent(at)
        return at

    def statement_lines(self, node: cst.BaseStatement) -> Span:
        """A statement as whole lines, its indentation and final line end included."""
        lines = self.lines(node)
        start = self.source.line_span(lines[0]).start
        last = lines[-1]
        end = self.source.line_span(last + 1).start if last < self.source.line_count else len(self.source.text)
        return Span(start, end)

    def indent(self, node: cst.CSTNode) -> str:
        """The white space before the first line of a node."""
        line = self.source.line_text(self.lines(node)[0])
        return line[: len(line) - len(line.lstrip())]

    @property
    def default_indent(self) -> str:
        """One step of indentation as this file has it."""
        return self.module.default_indent

    @cached_property
    def nodes_by_line(self) -> Mapping[int, tuple[cst.CSTNode, ...]]:
        """Nodes by the line that they belong to, in source order.

        A simple node belongs to every line it covers, a compound statement only to the lines of its header.
        """
        found: dict[int, list[cst.CSTNode]] = {}
        for node in self._positions:
            if isinstance(node, _NOT_CODE):
                continue
            lines = self.lines(node)
            body = cast("cst.CSTNode | None", getattr(node, "body", None))
            if isinstance(body, cst.IndentedBlock) and body.body:
                first = self.lines(body.body[0])[0]
                lines = range(lines[0], max(lines[0] + 1, first))
            for line in lines:
                found.setdefault(line, []).append(node)
        return {line: tuple(sorted(nodes, key=self._order)) for line, nodes in found.items()}

    def _order(self, node: cst.CSTNode) -> tuple[int, int]:
        where = self._positions[node]
        return (where.start.line, where.start.column)

    @cached_property
    def module_names(self) -> tuple[str, ...]:
        """Names that the module binds at its top level, in order of first binding."""
        return tuple(_bound_names(self.module.body))

    def local_names(self, node: cst.CSTNode) -> tuple[str, ...]:
        """Parameters and names bound in the functions around a node, innermost function's first."""
        names: dict[str, None] = {}
        at = node if isinstance(node, cst.FunctionDef) else self.function(node)
        while at is not None:
            names.update(dict.fromkeys(self._function_names(at)))
            at = self.function(at)
        return tuple(names)

    def _function_names(self, function: cst.FunctionDef) -> tuple[str, ...]:
        cached = self._names_of.get(function)
        if cached is None:
            params = [node.name.value for node in _walk(function.params) if isinstance(node, cst.Param)]
            cached = self._names_of[function] = tuple(dict.fromkeys([*params, *_bound_names([function.body])]))
        return cached

    @cached_property
    def _names_of(self) -> dict[cst.FunctionDef, tuple[str, ...]]:
        return {}

    def reachable_names(self, node: cst.CSTNode) -> tuple[str, ...]:
        """Every name that an expression at ``node`` could use: locals, the module's, builtins."""
        return tuple(dict.fromkeys([*self.local_names(node), *self.module_names, *BUILTIN_NAMES]))

    @cached_property
    def attribute_names(self) -> tuple[str, ...]:
        """Attribute, method and keyword names that occur anywhere in the file."""
        names: dict[str, None] = {}
        for node in _walk(self.module):
            if isinstance(node, cst.Attribute):
                names[node.attr.value] = None
            elif isinstance(node, cst.FunctionDef):
                names[node.name.value] = None
        return tuple(names)


BUILTIN_NAMES = tuple(name for name in dir(builtins) if not name.startswith("_") and not keyword.iskeyword(name))
STDLIB_NAMES = frozenset(name for name in sys.stdlib_module_names if not name.startswith("_"))


def _walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _bound_names(body: Iterable[cst.CSTNode]) -> Iterator[str]:
    """Names bound by statements, not descending into nested functions and classes."""
    seen: dict[str, None] = {}
    stack = list(reversed(list(body)))
    while stack:
        node = stack.pop()
        match node:
            case cst.FunctionDef(name=name) | cst.ClassDef(name=name):
                seen[name.value] = None
                continue
            case cst.ImportAlias(asname=cst.AsName(name=cst.Name(value=value))):
                seen[value] = None
                continue
            case cst.ImportAlias(name=cst.Name(value=value)):
                seen[value] = None
                continue
            case cst.ImportAlias():
                continue
            case cst.AssignTarget(target=target) | cst.AnnAssign(target=target):
                seen.update(dict.fromkeys(_target_names(target)))
            case cst.For(target=target) | cst.CompFor(target=target) | cst.NamedExpr(target=target):
                seen.update(dict.fromkeys(_target_names(target)))
            case cst.AsName(name=target):
                seen.update(dict.fromkeys(_target_names(target)))
            case _:
                pass
        stack.extend(reversed(node.children))
    return iter(seen)


def _target_names(target: cst.CSTNode) -> Iterator[str]:
    match target:
        case cst.Name(value=value):
            yield value
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from _target_names(element.value)
        case cst.StarredElement(value=value):
            yield from _target_names(value)
        case _:
            return
