"""Template: a conversion too many."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import level, place

_CONVERSIONS = frozenset({
    "list", "sorted", "set", "tuple", "frozenset", "dict", "len", "abs", "int", "str", "float", "bool", "round",
    "reversed", "sum", "min", "max", "iter", "copy", "deepcopy", "repr", "enumerate", "any", "all",
})  # fmt: skip


class UnwrapCall(Template):
    """Undoes a call around a value that was meant as it is: ``set(xs)`` for ``xs``."""

    name = "unwrap-call"
    prior = 0.6
    visits = (cst.Call,)
    examples = (
        Example(
            """
            def latest(events):
                return sorted(events)[-1]
            """,
            """
            def latest(events):
                return events[-1]
            """,
        ),
        Example(
            """
            def ratio(a, b):
                return int(a / b)
            """,
            """
            def ratio(a, b):
                return a / b
            """,
        ),
        Example(
            """
            def half(a, b):
                return abs(a - b) / 2
            """,
            """
            def half(a, b):
                return (a - b) / 2
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The only argument in the place of the call."""
        assert isinstance(node, cst.Call)
        match node:
            case cst.Call(func=cst.Name(value=name), args=(cst.Arg(star="", keyword=None, value=value),)):
                if not isinstance(value, cst.GeneratorExp):
                    weight = 1.0 if name in _CONVERSIONS else 0.3
                    yield place(site.view, node, site.view.text(value), level(value), weight)
            case _:
                return
