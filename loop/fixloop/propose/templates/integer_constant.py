"""Template: an integer that is one off."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, place

_DIGITS = 12


class IntegerConstant(Template):
    """Undoes a number that is one too large or too small, or has lost its sign."""

    name = "integer-constant"
    prior = 0.95
    visits = (cst.Integer, cst.UnaryOperation)
    examples = (
        Example(
            """
            def last(items):
                return items[-2]
            """,
            """
            def last(items):
                return items[-1]
            """,
        ),
        Example(
            """
            def evens(n):
                return list(range(1, n, 2))
            """,
            """
            def evens(n):
                return list(range(0, n, 2))
            """,
        ),
        Example(
            """
            MONTHS = 11

            def quarter(month):
                return month * 4 // MONTHS
            """,
            """
            MONTHS = 12

            def quarter(month):
                return month * 4 // MONTHS
            """,
        ),
        Example(
            """
            def mean(values):
                return sum(values) / len(values) + 1
            """,
            """
            def mean(values):
                return sum(values) / len(values)
            """,
        ),
        Example(
            """
            def newest(log):
                return log[1]
            """,
            """
            def newest(log):
                return log[-1]
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The neighbours of the number, then its negative."""
        if isinstance(node, cst.UnaryOperation):
            if isinstance(node.operator, cst.Minus) and isinstance(node.expression, cst.Integer):
                yield from _around(node, "-", node.expression, site)
        elif isinstance(node, cst.Integer) and not _is_signed(node, site):
            yield from _around(node, "", node, site)


def _is_signed(node: cst.Integer, site: Site) -> bool:
    parent = site.view.parent(node)
    return isinstance(parent, cst.UnaryOperation) and isinstance(parent.operator, cst.Minus)


def _is_addend(node: cst.BaseExpression, site: Site) -> bool:
    parent = site.view.parent(node)
    return (
        isinstance(parent, cst.BinaryOperation)
        and isinstance(parent.operator, cst.Add | cst.Subtract)
        and parent.right is node
        and not parent.lpar
    )


def _around(node: cst.BaseExpression, sign: str, digits: cst.Integer, site: Site) -> Iterator[Rewrite]:
    if not digits.value.isdecimal() or len(digits.value) > _DIGITS:
        return  # hexadecimal, grouped and huge numbers are rarely off by one
    value = int(sign + digits.value)
    subtracts = isinstance(site.view.parent(node), cst.BinaryOperation)
    choices = [(value + 1, 1.0), (value - 1, 1.0 if value > 0 else 0.8), (-value, 0.3)]
    if abs(value) > 1:
        choices.append((0 if abs(value) == 2 else 1, 0.25))
    for other, weight in choices:
        if other == 0 and _is_addend(node, site):
            sum_ = site.view.parent(node)
            assert isinstance(sum_, cst.BinaryOperation)
            yield Rewrite.replace(site.view.span(sum_), site.view.text(sum_.left), weight)  # nobody writes `n + 0`
        elif other != value and not (other < 0 and subtracts):
            yield place(site.view, node, str(other), Level.UNARY if other < 0 else Level.ATOM, weight)
