"""Template: the wrong assignment operator."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.records.source import Span

_OTHER: dict[type[cst.BaseAugOp], tuple[tuple[str, float], ...]] = {
    cst.AddAssign: (("-=", 1.0), ("=", 0.6), ("*=", 0.5), ("|=", 0.1)),
    cst.SubtractAssign: (("+=", 1.0), ("=", 0.5), ("/=", 0.2)),
    cst.MultiplyAssign: (("+=", 1.0), ("=", 0.4), ("/=", 0.4), ("//=", 0.4), ("**=", 0.3)),
    cst.DivideAssign: (("//=", 1.0), ("*=", 0.6)),
    cst.FloorDivideAssign: (("/=", 1.0), ("%=", 0.6), ("*=", 0.4)),
    cst.ModuloAssign: (("//=", 1.0), ("=", 0.3)),
    cst.BitAndAssign: (("|=", 1.0), ("^=", 0.5)),
    cst.BitOrAssign: (("&=", 1.0), ("^=", 0.5), ("=", 0.3)),
    cst.BitXorAssign: (("|=", 1.0), ("&=", 0.7)),
    cst.LeftShiftAssign: ((">>=", 1.0),),
    cst.RightShiftAssign: (("<<=", 1.0),),
}
_FROM_PLAIN = (("+=", 0.7), ("-=", 0.25), ("*=", 0.2), ("|=", 0.15))


class AugmentedOperator(Template):
    """Undoes ``-=`` for ``+=``, and forgetting to accumulate at all: ``=`` for ``+=``."""

    name = "augmented-operator"
    prior = 0.8
    visits = (cst.AugAssign, cst.Assign)
    examples = (
        Example(
            """
            def total(prices):
                amount = 0
                for price in prices:
                    amount -= price
                return amount
            """,
            """
            def total(prices):
                amount = 0
                for price in prices:
                    amount += price
                return amount
            """,
        ),
        Example(
            """
            def count(words):
                n = 0
                for _ in words:
                    n = 1
                return n
            """,
            """
            def count(words):
                n = 0
                for _ in words:
                    n += 1
                return n
            """,
        ),
        Example(
            """
            def reset(self):
                self.level += 0
            """,
            """
            def reset(self):
                self.level = 0
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The same target and value with another operator."""
        if isinstance(node, cst.AugAssign):
            for text, weight in _OTHER.get(type(node.operator), ()):
                yield Rewrite.replace(site.view.span(node.operator), text, weight)
        elif isinstance(node, cst.Assign) and len(node.targets) == 1:
            target = node.targets[0].target
            if isinstance(target, cst.Tuple | cst.List) or isinstance(node.value, cst.SimpleString):
                return
            equals = _equals_sign(node, site)
            inside_loop = any(isinstance(at, cst.For | cst.While) for at in site.view.ancestors(node))
            for text, weight in _FROM_PLAIN:
                yield Rewrite.replace(equals, text, weight if inside_loop else weight * 0.5)


def _equals_sign(node: cst.Assign, site: Site) -> Span:
    between = Span(site.view.outer(node.targets[0].target).end, site.view.outer(node.value).start)
    at = site.view.slice(between).index("=")
    return Span(between.start + at, between.start + at + 1)
