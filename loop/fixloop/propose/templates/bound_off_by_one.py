"""Template: an expression used as a bound that is one off."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._bounds import as_bound, as_number
from fixloop.propose.templates._failure import raised
from fixloop.propose.templates._precedence import Level, level, operand, place


class BoundOffByOne(Template):
    """Undoes stopping one short of, or one beyond, a limit: ``n`` for ``n - 1``, ``len(x)`` for ``len(x) + 1``."""

    name = "bound-off-by-one"
    prior = 0.85
    visits = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BinaryOperation)
    examples = (
        Example(
            """
            def pairs(xs):
                return [(xs[i], xs[i + 1]) for i in range(len(xs))]
            """,
            """
            def pairs(xs):
                return [(xs[i], xs[i + 1]) for i in range(len(xs) - 1)]
            """,
            "IndexError",
            "list index out of range",
        ),
        Example(
            """
            def up_to(n):
                return list(range(1, n))
            """,
            """
            def up_to(n):
                return list(range(1, n + 1))
            """,
        ),
        Example(
            """
            def head(text, size):
                return text[:size - 1]
            """,
            """
            def head(text, size):
                return text[:size]
            """,
        ),
        Example(
            """
            def half(low, high):
                return (low + high) // 2
            """,
            """
            def half(low, high):
                return (low + high + 1) // 2
            """,
        ),
        Example(
            """
            def fact(n):
                return 1 if n < 2 else n * fact(n)
            """,
            """
            def fact(n):
                return 1 if n < 2 else n * fact(n - 1)
            """,
            "RecursionError",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The expression plus one and minus one; one step back first where it already adds or takes one."""
        if not isinstance(node, cst.Name | cst.Attribute | cst.Call | cst.Subscript | cst.BinaryOperation):
            return
        weight = as_bound(node, site) * as_number(node)
        if not weight:
            return
        weight *= 1.0 if raised(site, "IndexError", "RecursionError", "AssertionError") else 0.8
        step = _step(node)
        if step and isinstance(node, cst.BinaryOperation):
            left = operand(site.view, node.left, Level.SUM)
            yield place(site.view, node, left, max(Level.SUM, level(node.left)), weight)
            yield place(site.view, node, f"{left} {step} 2", Level.SUM, weight * 0.5)
            yield place(site.view, node, f"{left} {'+' if step == '-' else '-'} 1", Level.SUM, weight * 0.5)
            return
        inner = operand(site.view, node, Level.SUM)
        for sign in "-+":
            yield place(site.view, node, f"{inner} {sign} 1", Level.SUM, weight)


def _step(node: cst.BaseExpression) -> str:
    """The sign with which an expression adds or takes one, empty when it does not."""
    match node:
        case cst.BinaryOperation(operator=cst.Add(), right=cst.Integer(value="1")):
            return "+"
        case cst.BinaryOperation(operator=cst.Subtract(), right=cst.Integer(value="1")):
            return "-"
        case _:
            return ""
