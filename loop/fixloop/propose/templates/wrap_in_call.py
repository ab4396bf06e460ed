"""Template: a conversion that is missing."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._bounds import called_name
from fixloop.propose.templates._failure import messages, raised

_WRAPPERS = (("list", 0.8), ("sorted", 0.7), ("len", 0.5), ("set", 0.5), ("abs", 0.6), ("int", 0.6), ("str", 0.6),
             ("tuple", 0.4), ("reversed", 0.4), ("float", 0.3), ("round", 0.4), ("dict", 0.3), ("bool", 0.3),
             ("sum", 0.3), ("max", 0.2), ("min", 0.2))  # fmt: skip
_CONVERSIONS = frozenset({"str", "int", "float", "list", "tuple"})
_VALUES = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BinaryOperation, cst.GeneratorExp)


class WrapInCall(Template):
    """Undoes a forgotten conversion or copy: ``sorted(...)``, ``list(...)``, ``abs(...)``, ``str(...)``."""

    name = "wrap-in-call"
    prior = 0.5
    visits = _VALUES
    examples = (
        Example(
            """
            def unique(names):
                return set(names)
            """,
            """
            def unique(names):
                return sorted(set(names))
            """,
        ),
        Example(
            """
            def distance(a, b):
                return a - b
            """,
            """
            def distance(a, b):
                return abs(a - b)
            """,
        ),
        Example(
            """
            def label(n):
                return 'item ' + n
            """,
            """
            def label(n):
                return 'item ' + str(n)
            """,
            "TypeError",
            'can only concatenate str (not "int") to str',
        ),
        Example(
            """
            class Bag:
                def __init__(self, items):
                    self.items = items
            """,
            """
            class Bag:
                def __init__(self, items):
                    self.items = list(items)
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The value passed through each conversion that its place allows."""
        if not isinstance(node, _VALUES) or (isinstance(node, cst.Name) and node.value in _NOT_VALUES):
            return
        place = _place(node, site)
        if not place:
            return
        text, span = site.view.text(node), site.view.outer(node)
        if isinstance(node, cst.GeneratorExp):
            span = site.view.span(node) if not node.lpar else span
        already = called_name(node) if isinstance(node, cst.Call) else ""
        types = raised(site, "TypeError")
        named = " ".join(messages(site, "TypeError"))
        for wrapper, weight in _WRAPPERS:
            if wrapper == already or (place < _ANY and wrapper not in _CONVERSIONS):
                continue
            fits = types and wrapper in _CONVERSIONS and wrapper in named
            yield Rewrite.replace(span, f"{wrapper}({text})", 1.0 if fits else weight * place)


_ANY = 0.5
_NOT_VALUES = frozenset({"self", "cls", "None", "True", "False"})


def _place(node: cst.BaseExpression, site: Site) -> float:
    match site.view.parent(node):
        case cst.Return():
            return 1.0
        case cst.Assign(value=value) | cst.AnnAssign(value=value):
            return 0.8 if value is node else 0.0
        case cst.For(iter=iterable) | cst.CompFor(iter=iterable):
            return 0.7 if iterable is node else 0.0
        case cst.Arg(keyword=keyword, star=star):
            return 0.0 if keyword is node or star else 0.5
        case cst.ComparisonTarget() | cst.Comparison():
            return 0.5
        case cst.BinaryOperation() | cst.Index() | cst.Element() | cst.AugAssign():
            return 0.0 if isinstance(node, cst.BinaryOperation) else 0.4
        case _:
            return 0.0
