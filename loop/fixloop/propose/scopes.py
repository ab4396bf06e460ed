"""Which names a piece of syntax binds, by Python's own rules of scope.

Knows nothing of texts or positions, and never looks outside one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import cast

import libcst as cst

Scope = cst.FunctionDef | cst.Lambda | cst.ListComp | cst.SetComp | cst.DictComp | cst.GeneratorExp | cst.ClassDef

_LAYOUT = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Newline,
    cst.Comment,
    cst.LeftParen,
    cst.RightParen,
    cst.LeftSquareBracket,
    cst.RightSquareBracket,
    cst.LeftCurlyBrace,
    cst.RightCurlyBrace,
    cst.Comma,
    cst.Semicolon,
    cst.Colon,
    cst.Dot,
    cst.AssignEqual,
)
_LAYOUT_FIELDS = frozenset({"lpar", "rpar", "leading_lines", "lines_after_decorators", "header", "footer"})


@cache
def _code_fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    names = (field.name for field in fields(kind))
    return tuple(name for name in names if not name.startswith("whitespace") and name not in _LAYOUT_FIELDS)


@cache
def _is_code(kind: type) -> bool:
    return issubclass(kind, cst.CSTNode) and not issubclass(kind, _LAYOUT)


def children(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The parts of a node that are code: no white space, comments, brackets or separators."""
    # Types are looked up, not tested: isinstance on libcst's abstract classes dominates everything else here.
    for name in _code_fields(type(node)):
        value: object = getattr(node, name)
        if _is_code(type(value)):
            yield cast("cst.CSTNode", value)
        elif isinstance(value, tuple | list):
            for part in cast("Iterable[object]", value):
                if _is_code(type(part)):
                    yield cast("cst.CSTNode", part)


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and every node of code below it, parents first."""
    stack = [node]
    while stack:
        at = stack.pop()
        yield at
        stack.extend(reversed(list(children(at))))


@dataclass(frozen=True)
class Names:
    """What one scope binds, in order, and what it declares to belong to the module or to a function around it."""

    bound: tuple[str, ...]
    elsewhere: frozenset[str]  # global
    enclosing: frozenset[str]  # nonlocal


def names_of(scope: Scope) -> Names:
    """The names that a scope holds, parameters first."""
    match scope:
        case cst.FunctionDef(params=params, body=body):
            inner = bound_in([body])
            return Names(tuple(dict.fromkeys([*parameters(params), *inner.bound])), inner.elsewhere, inner.enclosing)
        case cst.Lambda(params=params):
            return Names(tuple(parameters(params)), frozenset(), frozenset())
        case cst.ClassDef(body=body):
            return bound_in([body])
        case _:
            return Names(tuple(dict.fromkeys(_comprehension_targets(scope.for_in))), frozenset(), frozenset())


def parameters(params: cst.Parameters) -> Iterator[str]:
    """The names of all parameters in the order of their definition."""
    star = [params.star_arg] if isinstance(params.star_arg, cst.Param) else []
    last = [params.star_kwarg] if params.star_kwarg else []
    for param in (*params.posonly_params, *params.params, *star, *params.kwonly_params, *last):
        yield param.name.value


_CLOSED = frozenset({cst.FunctionDef, cst.ClassDef, cst.Lambda})
_COMPREHENSIONS = frozenset({cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp})
_BINDING = frozenset({
    cst.FunctionDef, cst.ClassDef, cst.TypeAlias, cst.ImportAlias, cst.AssignTarget, cst.AnnAssign, cst.AugAssign,
    cst.For, cst.CompFor, cst.NamedExpr, cst.AsName, cst.MatchAs, cst.MatchStar, cst.MatchMapping,
})  # fmt: skip


def bound_in(body: Iterable[cst.CSTNode]) -> Names:
    """Names that statements bind in their own scope: nested functions, classes and lambdas keep theirs."""
    found: dict[str, None] = {}
    elsewhere: set[str] = set()
    enclosing: set[str] = set()
    stack = [(node, False) for node in reversed(list(body))]
    while stack:
        node, in_comprehension = stack.pop()
        kind = type(node)
        if kind is cst.Global and isinstance(node, cst.Global):
            elsewhere.update(item.name.value for item in node.names)
        elif kind is cst.Nonlocal and isinstance(node, cst.Nonlocal):
            enclosing.update(item.name.value for item in node.names)
        elif kind in _BINDING and not (in_comprehension and kind is cst.CompFor):
            found.update(dict.fromkeys(_bound_by(node)))
        if kind in _CLOSED:
            continue
        inside = in_comprehension or kind in _COMPREHENSIONS  # only := escapes a comprehension
        stack.extend((child, inside) for child in reversed(list(children(node))))
    kept = tuple(name for name in found if name not in elsewhere and name not in enclosing)
    return Names(kept, frozenset(elsewhere), frozenset(enclosing))


def globals_declared(root: cst.CSTNode) -> Iterator[str]:
    """Names that a ``global`` statement anywhere below makes the module's."""
    for node in walk(root):
        if type(node) is cst.Global:
            yield from (item.name.value for item in node.names)


def _bound_by(node: cst.CSTNode) -> Iterator[str]:
    match node:
        case cst.FunctionDef(name=name) | cst.ClassDef(name=name) | cst.TypeAlias(name=name):
            yield name.value
        case cst.ImportAlias(asname=cst.AsName()):
            pass  # the AsName itself is met on the way down
        case cst.ImportAlias(name=name):
            yield _first_part(name)
        case cst.AssignTarget(target=target) | cst.AnnAssign(target=target) | cst.AugAssign(target=target):
            yield from target_names(target)
        case cst.For(target=target) | cst.CompFor(target=target) | cst.NamedExpr(target=target):
            yield from target_names(target)
        case cst.AsName(name=target):
            yield from target_names(target)
        case cst.MatchAs(name=cst.Name(value=value)) | cst.MatchStar(name=cst.Name(value=value)):
            yield value
        case cst.MatchMapping(rest=cst.Name(value=value)):
            yield value
        case _:
            pass


def _first_part(name: cst.BaseExpression) -> str:
    while isinstance(name, cst.Attribute):
        name = name.value
    return name.value if isinstance(name, cst.Name) else ""


def _comprehension_targets(loop: cst.CompFor | None) -> Iterator[str]:
    while loop is not None:
        yield from target_names(loop.target)
        loop = loop.inner_for_in


def target_names(target: cst.CSTNode) -> Iterator[str]:
    """The plain names that assigning to ``target`` would bind."""
    match target:
        case cst.Name(value=value):
            yield value
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from target_names(element.value)
        case cst.StarredElement(value=value):
            yield from target_names(value)
        case _:
            return


def visible_in(scope: Scope, part: cst.CSTNode, path: Mapping[cst.CSTNode, cst.CSTNode]) -> bool:
    """True when code inside ``part``, a direct child of ``scope``, sees the names that ``scope`` binds.

    Defaults, decorators and annotations of a function do not, nor does the first iterable of a comprehension
    (``path`` maps each node between the code in question and the scope to its child on the way down).
    """
    match scope:
        case cst.FunctionDef(body=body) | cst.ClassDef(body=body) | cst.Lambda(body=body):
            return part is body
        case _:
            return not (part is scope.for_in and path.get(part) is scope.for_in.iter)
