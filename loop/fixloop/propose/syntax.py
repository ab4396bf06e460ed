"""One parsed file, asked about by position: what stands where, and which names are in reach.

libcst parses once per text; candidates are spans over that text and are never generated from a tree.
"""

from __future__ import annotations

import builtins
import keyword
import sys
from collections.abc import Iterator, Mapping
from functools import cache, cached_property

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from fixloop.propose import scopes
from fixloop.propose.nesting import too_deep_at
from fixloop.propose.vocabulary import Vocabulary
from fixloop.records.source import SourceText, Span

BUILTIN_NAMES = tuple(name for name in dir(builtins) if not name.startswith("_") and not keyword.iskeyword(name))
STDLIB_NAMES = frozenset(name for name in sys.stdlib_module_names if not name.startswith("_"))
_OPENING = (cst.BaseStatement, cst.Else, cst.Finally, cst.ExceptHandler, cst.ExceptStarHandler, cst.MatchCase)
_TOO_DEEP = "nested too deeply"


class Unparsable(Exception):
    """The file is not valid Python: ``line`` is 1-based, the message is the parser's."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class SyntaxView:
    """A source text with its syntax tree. Raises Unparsable when made from a text that does not parse."""

    def __init__(self, source: SourceText) -> None:
        self.source = source
        deep = too_deep_at(source.text)
        if deep is not None:
            raise Unparsable(_TOO_DEEP, deep)
        try:
            # The parser's tree has no shared nodes, so the defensive copy would only cost time.
            wrapper = MetadataWrapper(cst.parse_module(source.text), unsafe_skip_copy=True)
            self._positions: Mapping[cst.CSTNode, CodeRange] = wrapper.resolve(PositionProvider)
        except cst.ParserSyntaxError as error:
            raise Unparsable(error.message, error.raw_line) from None
        except (RecursionError, KeyError):  # while unwinding, libcst turns the former into the latter
            raise Unparsable(_TOO_DEEP, 1) from None
        self.module = wrapper.module
        self._scope_names: dict[scopes.Scope, scopes.Names] = {}

    # Positions

    def span(self, node: cst.CSTNode) -> Span:
        """Where a node stands, without surrounding white space, comments or its own parentheses."""
        where = self._positions[node]
        return Span(
            self.source.offset(where.start.line, where.start.column),
            self.source.offset(where.end.line, where.end.column),
        )

    def outer(self, node: cst.BaseExpression) -> Span:
        """Where an expression stands with the parentheses around it."""
        if not node.lpar:
            return self.span(node)
        return Span(self.span(node.lpar[0]).start, self.span(node.rpar[-1]).end)

    def slice(self, span: Span) -> str:
        """The source text of a span."""
        return self.source.text[span.start : span.end]

    def text(self, node: cst.CSTNode) -> str:
        """The source text of a node, without its own parentheses."""
        return self.slice(self.span(node))

    def lines(self, node: cst.CSTNode) -> range:
        """The 1-based lines that a node covers."""
        where = self._positions[node]
        return range(where.start.line, where.end.line + 1)

    # Structure

    @cached_property
    def _parents(self) -> Mapping[cst.CSTNode, cst.CSTNode]:
        return {child: node for node in scopes.walk(self.module) for child in scopes.children(node)}

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

    def owner(self, node: cst.CSTNode) -> cst.ClassDef | None:
        """The innermost class around a node, seen through nested functions."""
        return next((at for at in self.ancestors(node) if isinstance(at, cst.ClassDef)), None)

    def statement(self, node: cst.CSTNode) -> cst.BaseStatement | None:
        """The innermost whole statement (a line or a compound statement) that holds a node, itself included."""
        at: cst.CSTNode | None = node
        while at is not None and not isinstance(at, cst.BaseStatement):
            at = self.parent(at)
        return at

    def block(self, statement: cst.BaseStatement) -> tuple[cst.BaseStatement, ...]:
        """The statements of the block that a statement stands in, itself included."""
        parent = self.parent(statement)
        if isinstance(parent, cst.IndentedBlock | cst.Module):
            return tuple(parent.body)
        return (statement,)

    def statement_lines(self, node: cst.BaseStatement) -> Span:
        """A statement as whole lines, its decorators, indentation and final line end included."""
        lines = self.lines(node)
        first = lines[0]
        if isinstance(node, cst.FunctionDef | cst.ClassDef) and node.decorators:
            first = self.lines(node.decorators[0])[0]
        last = lines[-1]
        end = self.source.line_span(last + 1).start if last < self.source.line_count else len(self.source.text)
        return Span(self.source.line_span(first).start, end)

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
        """Nodes by the lines that they belong to, in source order.

        A simple node belongs to every line it covers, a compound statement only to the lines of its header. All also
        belong to the first line of their statement, because that is the line that a tracer may report for them.
        """
        found: dict[int, list[cst.CSTNode]] = {}
        stack: list[tuple[cst.CSTNode, int]] = [(item, 0) for item in self.module.body]
        while stack:
            node, opening = stack.pop()
            lines = self._own_lines(node)
            if _opens_lines(type(node)):
                opening = lines[0]
            if not issubclass(type(node), cst.BaseSuite):
                for line in lines:
                    found.setdefault(line, []).append(node)
                if opening not in lines:
                    found.setdefault(opening, []).append(node)
            # An annotation does nothing when it runs, so no fault is looked for in one.
            stack.extend((child, opening) for child in scopes.children(node) if not isinstance(child, cst.Annotation))
        return {line: tuple(sorted(nodes, key=self._order)) for line, nodes in found.items()}

    def _own_lines(self, node: cst.CSTNode) -> range:
        lines = self.lines(node)
        if not _opens_lines(type(node)):
            return lines
        if isinstance(node, cst.Match):
            return range(lines[0], self.lines(node.subject)[-1] + 1)
        body: object = getattr(node, "body", None)
        if isinstance(body, cst.IndentedBlock) and body.body:
            return range(lines[0], max(lines[0] + 1, self._first_line(body.body[0])))
        return lines

    def _first_line(self, node: cst.CSTNode) -> int:
        if isinstance(node, cst.FunctionDef | cst.ClassDef) and node.decorators:
            return self.lines(node.decorators[0])[0]
        return self.lines(node)[0]

    def _order(self, node: cst.CSTNode) -> tuple[int, int, int, int]:
        where = self._positions[node]
        return (where.start.line, where.start.column, -where.end.line, -where.end.column)

    # Names

    @cached_property
    def module_names(self) -> tuple[str, ...]:
        """Names that the module binds at its top level, in order of first binding, then those by ``global``."""
        bound = scopes.bound_in(self.module.body).bound
        return tuple(dict.fromkeys([*bound, *scopes.globals_declared(self.module)]))

    def local_names(self, node: cst.CSTNode) -> tuple[str, ...]:
        """Names that the scopes around a node hold and that an expression there sees, innermost scope's first.

        For a ``def`` these are the names in its own body. A class's names are seen by its body, not by its methods.
        """
        names: dict[str, None] = {}
        below: dict[cst.CSTNode, cst.CSTNode] = {}
        hidden: set[str] = set()
        in_function = False
        at = node.body if isinstance(node, cst.FunctionDef) else node
        for scope in self.ancestors(at):
            below[scope] = at
            part, at = at, scope
            if not isinstance(scope, scopes.Scope) or not scopes.visible_in(scope, part, below):
                continue
            if isinstance(scope, cst.ClassDef) and in_function:
                continue
            in_function = in_function or not isinstance(scope, cst.ClassDef)
            held = self._names_of(scope)
            names.update(dict.fromkeys(name for name in held.bound if name not in hidden))
            hidden |= held.elsewhere
        return tuple(names)

    def own_names(self, function: cst.FunctionDef) -> tuple[str, ...]:
        """Names that a function itself holds: its parameters, then its locals in order of first binding."""
        return self._names_of(function).bound

    def _names_of(self, scope: scopes.Scope) -> scopes.Names:
        cached = self._scope_names.get(scope)
        if cached is None:
            cached = self._scope_names[scope] = scopes.names_of(scope)
        return cached

    def reachable_names(self, node: cst.CSTNode) -> tuple[str, ...]:
        """Every name that an expression at ``node`` could use: locals, the module's, builtins."""
        return tuple(dict.fromkeys([*self.local_names(node), *self.module_names, *BUILTIN_NAMES]))

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the file by their kind."""
        return Vocabulary(self.module)


@cache
def _opens_lines(kind: type[cst.CSTNode]) -> bool:
    """True for what begins a line of its own: a tracer reports the rest of its header or line there."""
    return issubclass(kind, _OPENING)
