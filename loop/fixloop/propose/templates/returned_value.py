"""Template: the wrong thing is returned."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.records.source import Edit, Span

_MOST = 6


class ReturnedValue(Template):
    """Undoes returning a constant, nothing, or an intermediate value where a local variable was meant."""

    name = "returned-value"
    prior = 0.45
    visits = (cst.Return,)
    examples = (
        Example(
            """
            def longest(words):
                best = ''
                for word in words:
                    if len(word) > len(best):
                        best = word
                return
            """,
            """
            def longest(words):
                best = ''
                for word in words:
                    if len(word) > len(best):
                        best = word
                return best
            """,
        ),
        Example(
            """
            def find(items, wanted):
                for index, item in enumerate(items):
                    if item == wanted:
                        return True
                return None
            """,
            """
            def find(items, wanted):
                for index, item in enumerate(items):
                    if item == wanted:
                        return index
                return None
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """A local in the place of what is returned, those bound last first."""
        assert isinstance(node, cst.Return)
        function = site.view.function(node)
        if function is None or (isinstance(node.value, cst.Name) and node.value.value in site.view.own_names(function)):
            return  # one variable for another is another template's
        names = [name for name in reversed(site.view.own_names(function)) if name not in {"self", "cls"}]
        simple = node.value is None or isinstance(node.value, cst.Name | cst.Integer | cst.SimpleString | cst.List)
        for order, name in enumerate(names[:_MOST]):
            weight = (1.0 if simple else 0.4) * 0.9**order
            if node.value is None:
                end = site.view.span(node).end
                yield Rewrite((Edit(Span(end, end), f" {name}"),), weight)
            else:
                yield Rewrite.replace(site.view.span(node.value), name, weight)
