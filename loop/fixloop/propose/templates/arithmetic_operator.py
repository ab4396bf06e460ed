"""Template: the wrong arithmetic operator."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, level, operand, slot

_OTHER: dict[type[cst.BaseBinaryOp], tuple[tuple[str, float], ...]] = {
    cst.Add: (("-", 1.0), ("*", 0.6)),
    cst.Subtract: (("+", 1.0), ("*", 0.3), ("/", 0.2)),
    cst.Multiply: (("+", 0.8), ("/", 0.6), ("//", 0.5), ("**", 0.5), ("-", 0.3)),
    cst.Divide: (("//", 1.0), ("*", 0.7), ("%", 0.3)),
    cst.FloorDivide: (("/", 1.0), ("%", 0.7), ("*", 0.5)),
    cst.Modulo: (("//", 1.0), ("/", 0.3), ("*", 0.3)),
    cst.Power: (("*", 1.0),),
    cst.BitAnd: (("|", 1.0), ("^", 0.6)),
    cst.BitOr: (("&", 1.0), ("^", 0.6), ("+", 0.2)),
    cst.BitXor: (("&", 0.9), ("|", 0.9), ("**", 0.7)),
    cst.LeftShift: ((">>", 1.0),),
    cst.RightShift: (("<<", 1.0),),
}
_LEVELS = {
    "+": Level.SUM, "-": Level.SUM, "*": Level.TERM, "/": Level.TERM, "//": Level.TERM, "%": Level.TERM,
    "**": Level.POWER, "&": Level.BIT_AND, "|": Level.BIT_OR, "^": Level.BIT_XOR, "<<": Level.SHIFT, ">>": Level.SHIFT,
}  # fmt: skip
_TEXT = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


class ArithmeticOperator(Template):
    """Undoes one arithmetic or bitwise operator written for another, ``/`` and ``//`` among them."""

    name = "arithmetic-operator"
    prior = 0.9
    visits = (cst.BinaryOperation,)
    examples = (
        Example(
            """
            def midpoint(low, high):
                return low + (high + low) // 2
            """,
            """
            def midpoint(low, high):
                return low + (high - low) // 2
            """,
        ),
        Example(
            """
            def pages(total, size):
                return total / size
            """,
            """
            def pages(total, size):
                return total // size
            """,
        ),
        Example(
            """
            def area(width, height):
                return width + height
            """,
            """
            def area(width, height):
                return width * height
            """,
        ),
        Example(
            """
            def scaled(a, b, c):
                return c * (a + b)
            """,
            """
            def scaled(a, b, c):
                return c * (a - b)
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The same operands with another operator, where that leaves their grouping as it is."""
        assert isinstance(node, cst.BinaryOperation)
        if isinstance(node.left, _TEXT) or isinstance(node.right, _TEXT):
            return
        for text, weight in _OTHER.get(type(node.operator), ()):
            if _keeps_grouping(node, _LEVELS[text], site):
                yield Rewrite.replace(site.view.span(node.operator), text, weight)
            else:
                yield Rewrite.replace(site.view.span(node), _regrouped(node, text, site), weight)


def _keeps_grouping(node: cst.BinaryOperation, new: Level, site: Site) -> bool:
    left = Level.ATOM if node.left.lpar else level(node.left)
    right = Level.ATOM if node.right.lpar else level(node.right)
    outside = Level.TUPLE if node.lpar else slot(site.view, node)
    power = new is Level.POWER
    fits_left = left > Level.POWER if power else left >= new
    fits_right = right >= Level.UNARY if power else right > new
    return new >= outside and fits_left and fits_right


def _regrouped(node: cst.BinaryOperation, operator: str, site: Site) -> str:
    new = _LEVELS[operator]
    left, right = (Level.AWAIT, Level.UNARY) if new is Level.POWER else (new, Level(new + 1))
    inside = f"{_side(node.left, left, site)} {operator} {_side(node.right, right, site)}"
    return f"({inside})" if not node.lpar and new < slot(site.view, node) else inside


def _side(node: cst.BaseExpression, at_least: Level, site: Site) -> str:
    return f"({site.view.text(node)})" if node.lpar else operand(site.view, node, at_least)
