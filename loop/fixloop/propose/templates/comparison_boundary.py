"""Template: a comparison that is off at its boundary."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template

_STRICTNESS: dict[type[cst.BaseCompOp], str] = {
    cst.LessThan: "<=",
    cst.LessThanEqual: "<",
    cst.GreaterThan: ">=",
    cst.GreaterThanEqual: ">",
}
_FROM_EQUALITY = ((">=", 0.5), ("<=", 0.5), (">", 0.25), ("<", 0.25))


class ComparisonBoundary(Template):
    """Undoes including or excluding the limit by mistake: ``<`` for ``<=``, or testing only the limit itself."""

    name = "comparison-boundary"
    prior = 1.0
    visits = (cst.ComparisonTarget,)
    examples = (
        Example(
            """
            def is_adult(age):
                return age > 18
            """,
            """
            def is_adult(age):
                return age >= 18
            """,
        ),
        Example(
            """
            def take(items, limit):
                out = []
                while len(out) <= limit and items:
                    out.append(items.pop(0))
                return out
            """,
            """
            def take(items, limit):
                out = []
                while len(out) < limit and items:
                    out.append(items.pop(0))
                return out
            """,
        ),
        Example(
            """
            def exhausted(tries, limit):
                return tries == limit
            """,
            """
            def exhausted(tries, limit):
                return tries >= limit
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The same comparison with its limit taken in or left out."""
        assert isinstance(node, cst.ComparisonTarget)
        span = site.view.span(node.operator)
        other = _STRICTNESS.get(type(node.operator))
        if other:
            yield Rewrite.replace(span, other)
        elif isinstance(node.operator, cst.Equal):
            for text, weight in _FROM_EQUALITY:
                yield Rewrite.replace(span, text, weight)
