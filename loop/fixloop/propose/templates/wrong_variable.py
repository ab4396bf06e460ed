"""Template: one variable written for another."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._names import likeliest

_MOST = 8
_CONSTANTS = frozenset({"True", "False", "None", "self", "cls"})


class WrongVariable(Template):
    """Undoes using a neighbouring variable, parameter, attribute or module constant instead of the one meant."""

    name = "wrong-variable"
    prior = 0.6
    visits = (cst.Name, cst.Attribute)
    examples = (
        Example(
            """
            def invoice(price, amount, tax):
                net = price * amount
                return net + net * amount
            """,
            """
            def invoice(price, amount, tax):
                net = price * amount
                return net + net * tax
            """,
        ),
        Example(
            """
            class Box:
                def __init__(self, width, height):
                    self.width = width
                    self.height = width
            """,
            """
            class Box:
                def __init__(self, width, height):
                    self.width = width
                    self.height = height
            """,
        ),
        Example(
            """
            class Range:
                def __init__(self, low, high):
                    self.low = low
                    self.high = high

                def size(self):
                    return self.low - self.low
            """,
            """
            class Range:
                def __init__(self, low, high):
                    self.low = low
                    self.high = high

                def size(self):
                    return self.high - self.low
            """,
        ),
        Example(
            """
            MIN_SIZE = 1
            MAX_SIZE = 9

            def fits(n):
                return n <= MIN_SIZE
            """,
            """
            MIN_SIZE = 1
            MAX_SIZE = 9

            def fits(n):
                return n <= MAX_SIZE
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """Other names of the same kind, the likest first."""
        if isinstance(node, cst.Attribute):
            yield from _attributes(node, site)
        elif isinstance(node, cst.Name) and node.value not in _CONSTANTS and _is_read(node, site):
            names = site.view.local_names(node)
            if node.value in names:
                others, scale = [name for name in names if name not in _CONSTANTS], 1.0
            elif node.value in site.view.module_names and not _is_called(node, site):
                imported = site.view.vocabulary.imported
                names = imported if node.value in imported else site.view.module_names
                others = [name for name in names if name.isupper() == node.value.isupper()]
                scale = 0.6
            else:
                return
            for other, alike in likeliest(node.value, others, _MOST):
                yield Rewrite.replace(site.view.span(node), other, scale * (0.5 + 0.5 * alike))


def _is_read(node: cst.Name, site: Site) -> bool:
    parent = site.view.parent(node)
    match parent:
        case cst.Attribute(value=value):
            return value is node
        case cst.Arg(keyword=keyword):
            return keyword is not node
        case cst.NamedExpr(target=target) | cst.For(target=target) | cst.CompFor(target=target):
            return target is not node
        case cst.AnnAssign(value=value):
            return value is node
        case cst.Element():
            return not _is_target(parent, site)
        case _:
            return not isinstance(parent, _NOT_READ)


_NOT_READ = (
    cst.AssignTarget, cst.Param, cst.FunctionDef, cst.ClassDef, cst.ImportAlias, cst.ImportFrom, cst.AsName,
    cst.NameItem, cst.Annotation, cst.MatchAs, cst.MatchStar, cst.MatchKeywordElement, cst.Del, cst.Decorator,
    cst.TypeAlias, cst.TypeVar,
)  # fmt: skip


def _is_target(node: cst.CSTNode, site: Site) -> bool:
    below, at = node, site.view.parent(node)
    while isinstance(at, cst.Tuple | cst.List | cst.Element | cst.StarredElement):
        below, at = at, site.view.parent(at)
    if isinstance(at, cst.For | cst.CompFor):
        return at.target is below
    return isinstance(at, cst.AssignTarget | cst.Del | cst.AsName)


def _is_called(node: cst.BaseExpression, site: Site) -> bool:
    parent = site.view.parent(node)
    return isinstance(parent, cst.Call) and parent.func is node


def _attributes(node: cst.Attribute, site: Site) -> Iterator[Rewrite]:
    """Other attributes that the class binds on the same object."""
    owner = site.view.owner(node)
    if owner is None or not isinstance(node.value, cst.Name) or node.value.value != "self" or _is_called(node, site):
        return
    others = site.view.vocabulary.own_attributes(owner)
    if node.attr.value in others:
        for other, alike in likeliest(node.attr.value, others, _MOST):
            yield Rewrite.replace(site.view.span(node.attr), other, 0.5 + 0.4 * alike)
