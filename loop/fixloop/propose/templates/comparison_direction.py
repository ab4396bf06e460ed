"""Template: a comparison that is the wrong way round."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template

_OTHER: dict[type[cst.BaseCompOp], tuple[tuple[str, float], ...]] = {
    cst.LessThan: ((">", 1.0), (">=", 0.8), ("!=", 0.3)),
    cst.LessThanEqual: ((">=", 1.0), (">", 0.8), ("==", 0.3)),
    cst.GreaterThan: (("<", 1.0), ("<=", 0.8), ("!=", 0.3)),
    cst.GreaterThanEqual: (("<=", 1.0), ("<", 0.8), ("==", 0.3)),
    cst.Equal: (("!=", 1.0),),
    cst.NotEqual: (("==", 1.0), (">", 0.3), ("<", 0.3)),
}


class ComparisonDirection(Template):
    """Undoes a comparison that points the wrong way or says the opposite: ``<`` for ``>``, ``==`` for ``!=``."""

    name = "comparison-direction"
    prior = 0.8
    visits = (cst.ComparisonTarget,)
    examples = (
        Example(
            """
            def largest(values):
                best = values[0]
                for value in values:
                    if value < best:
                        best = value
                return best
            """,
            """
            def largest(values):
                best = values[0]
                for value in values:
                    if value > best:
                        best = value
                return best
            """,
        ),
        Example(
            """
            def changed(old, new):
                return old == new
            """,
            """
            def changed(old, new):
                return old != new
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The comparison mirrored, then negated."""
        assert isinstance(node, cst.ComparisonTarget)
        for text, weight in _OTHER.get(type(node.operator), ()):
            yield Rewrite.replace(site.view.span(node.operator), text, weight)
