"""Template: two things in the wrong order, other than call arguments."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import libcst as cst

from fixloop.propose.syntax import SyntaxView
from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, binary_level, operand
from fixloop.records.source import Edit

_ONE_WAY = (cst.Subtract, cst.Divide, cst.FloorDivide, cst.Modulo, cst.Power)
_TEXT = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


class SwappedOperands(Template):
    """Undoes the two arms of a conditional, two elements, two targets or two operands that changed places."""

    name = "swapped-operands"
    prior = 0.65
    visits = (cst.IfExp, cst.Tuple, cst.List, cst.DictComp, cst.BinaryOperation)
    examples = (
        Example(
            """
            def larger(a, b):
                return b if a > b else a
            """,
            """
            def larger(a, b):
                return a if a > b else b
            """,
        ),
        Example(
            """
            def divide(a, b):
                return a % b, a // b
            """,
            """
            def divide(a, b):
                return a // b, a % b
            """,
        ),
        Example(
            """
            def elapsed(start, end):
                return start - end
            """,
            """
            def elapsed(start, end):
                return end - start
            """,
        ),
        Example(
            """
            def invert(table):
                return {key: value for key, value in table.items()}
            """,
            """
            def invert(table):
                return {value: key for key, value in table.items()}
            """,
        ),
        Example(
            """
            def split(pairs):
                return [(y, x) for x, y in pairs]
            """,
            """
            def split(pairs):
                return [(x, y) for x, y in pairs]
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The pair in the other order."""
        match node:
            case cst.IfExp(body=body, orelse=orelse):
                yield _swap(site.view, body, orelse, Level.OR, 1.0)
            case cst.DictComp(key=key, value=value):
                yield _swap(site.view, key, value, Level.TERNARY, 0.8)
            case cst.Tuple(elements=elements) | cst.List(elements=elements) if len(elements) in _FEW:
                values = [element.value for element in elements if isinstance(element, cst.Element)]
                for first, second in pairwise(values):
                    yield _swap(site.view, first, second, Level.TERNARY, 0.7 if len(elements) == min(_FEW) else 0.4)
            case cst.BinaryOperation(operator=operator, left=left, right=right):
                plus = isinstance(operator, cst.Add)  # order matters to sequences only
                if (isinstance(operator, _ONE_WAY) or plus) and not (
                    isinstance(operator, cst.Modulo) and isinstance(left, _TEXT)
                ):
                    tight = Level.AWAIT if isinstance(operator, cst.Power) else Level(binary_level(operator) + 1)
                    yield _swap(site.view, left, right, tight, 0.3 if plus else 0.9)
            case _:
                return


_FEW = (2, 3)


def _swap(
    view: SyntaxView, first: cst.BaseExpression, second: cst.BaseExpression, tight: Level, weight: float
) -> Rewrite:
    edits = (
        Edit(view.outer(first), operand(view, second, tight)),
        Edit(view.outer(second), operand(view, first, tight)),
    )
    return Rewrite(edits, weight)
