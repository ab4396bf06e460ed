"""Template: an accumulator that starts from the wrong value."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template

_OTHER = {
    "0": ("1", "None", 'float("-inf")', 'float("inf")', "[]", "0.0"),
    "1": ("0", "None"),
    "-1": ("0", "None"),
    "0.0": ("1.0", "None", 'float("-inf")', 'float("inf")'),
    '""': ("[]", "None"),
    "''": ("[]", "None"),
    "[]": ("{}", "set()", '""', "None"),
    "{}": ("[]", "set()", "None"),
    "set()": ("[]", "{}"),
    "None": ("0", "[]", "{}", '""', "False"),
    "True": ("None",),
    "False": ("None", "0"),
    'float("inf")': ('float("-inf")', "0"),
    "float('inf')": ("float('-inf')", "0"),
    'float("-inf")': ('float("inf")', "0"),
    "float('-inf')": ("float('inf')", "0"),
}
_EXTREMES = frozenset({"0", "1", "-1", "None", "0.0"})
_MOST = 2


class InitialValue(Template):
    """Undoes starting a sum, product, search or collection from the wrong value."""

    name = "initial-value"
    prior = 0.6
    visits = (cst.Assign, cst.AnnAssign)
    examples = (
        Example(
            """
            def product(xs):
                out = 0
                for x in xs:
                    out *= x
                return out
            """,
            """
            def product(xs):
                out = 1
                for x in xs:
                    out *= x
                return out
            """,
        ),
        Example(
            """
            def largest(xs):
                best = 0
                for x in xs:
                    if x > best:
                        best = x
                return best
            """,
            """
            def largest(xs):
                best = xs[0]
                for x in xs:
                    if x > best:
                        best = x
                return best
            """,
        ),
        Example(
            """
            def index(rows):
                table = []
                for row in rows:
                    table[row.id] = row
                return table
            """,
            """
            def index(rows):
                table = {}
                for row in rows:
                    table[row.id] = row
                return table
            """,
            "TypeError",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """Other starts of the same or a related kind, then the first element of a parameter."""
        assert isinstance(node, cst.Assign | cst.AnnAssign)
        if node.value is None:
            return
        text = site.view.text(node.value)
        function = site.view.function(node)
        scale = 1.0 if function else 0.4
        for order, other in enumerate(_OTHER.get(text, ())):
            yield Rewrite.replace(site.view.span(node.value), other, scale * 0.85**order)
        if function and text in _EXTREMES:
            names = [param.name.value for param in function.params.params if param.name.value not in {"self", "cls"}]
            for name in names[:_MOST]:
                yield Rewrite.replace(site.view.span(node.value), f"{name}[0]", 0.5)
