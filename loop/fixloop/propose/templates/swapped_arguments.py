"""Template: call arguments in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import raised
from fixloop.records.source import Edit

_MOST = 5


class SwappedArguments(Template):
    """Undoes two positional arguments, or two parameters, given in the wrong order."""

    name = "swapped-arguments"
    prior = 0.7
    visits = (cst.Call, cst.Parameters)
    examples = (
        Example(
            """
            def check(value, kind):
                return isinstance(kind, value)
            """,
            """
            def check(value, kind):
                return isinstance(value, kind)
            """,
            "TypeError",
        ),
        Example(
            """
            def clamp(x, low, high):
                return max(low, min(x, high))

            def unit(x):
                return clamp(0, x, 1)
            """,
            """
            def clamp(x, low, high):
                return max(low, min(x, high))

            def unit(x):
                return clamp(x, 0, 1)
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """Each pair swapped, neighbours first."""
        items: list[cst.Arg] | list[cst.Param] = []
        if isinstance(node, cst.Call):
            items = [item for item in node.args if item.keyword is None and not item.star][:_MOST]
        elif isinstance(node, cst.Parameters):
            items = [item for item in node.params if item.default is None and item.name.value not in {"self", "cls"}]
        base = 0.25 if isinstance(node, cst.Parameters) else 1.0 if raised(site, "TypeError", "ValueError") else 0.85
        for (i, first), (j, second) in combinations(enumerate(items[:_MOST]), 2):
            one, other = site.view.span(first), site.view.span(second)
            if site.view.slice(one) != site.view.slice(other):
                swap = (Edit(one, site.view.slice(other)), Edit(other, site.view.slice(one)))
                yield Rewrite(swap, base if j == i + 1 else base * 0.4)
