"""Template: emptiness tested where absence was meant."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, operand, place

_VALUES = (cst.Name, cst.Attribute, cst.Subscript)


class NoneCheck(Template):
    """Undoes treating 0, "" and [] as if nothing had been given, and the other way round."""

    name = "none-check"
    prior = 0.6
    visits = (*_VALUES, cst.BooleanOperation, cst.Comparison)
    examples = (
        Example(
            """
            def limit(n=None):
                if n:
                    return n
                return 10
            """,
            """
            def limit(n=None):
                if n is not None:
                    return n
                return 10
            """,
        ),
        Example(
            """
            def limit(n=None):
                return n or 10
            """,
            """
            def limit(n=None):
                return n if n is not None else 10
            """,
        ),
        Example(
            """
            def ready(queue):
                if not queue.limit:
                    return True
                return False
            """,
            """
            def ready(queue):
                if queue.limit is None:
                    return True
                return False
            """,
        ),
        Example(
            """
            def first(xs):
                if xs is not None:
                    return xs[0]
            """,
            """
            def first(xs):
                if xs:
                    return xs[0]
            """,
            "IndexError",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The value compared with None instead of judged true or false, or the reverse."""
        match node:
            case cst.BooleanOperation(operator=cst.Or(), left=left, right=right) if isinstance(left, _VALUES):
                name = site.view.text(left)
                rest = operand(site.view, right, Level.TERNARY)
                yield place(site.view, node, f"{name} if {name} is not None else {rest}", Level.TERNARY, 0.8)
            case cst.Comparison(
                left=left,
                comparisons=(cst.ComparisonTarget(operator=cst.IsNot() | cst.Is(), comparator=cst.Name(value="None")),),
            ):
                negated = isinstance(node.comparisons[0].operator, cst.Is)
                text = operand(site.view, left, Level.NOT if negated else Level.COMPARISON)
                yield place(
                    site.view, node, f"not {text}" if negated else text, Level.NOT if negated else Level.COMPARISON
                )
            case cst.Name() | cst.Attribute() | cst.Subscript() if _is_tested(node, site):
                yield from _against_none(node, site)
            case _:
                return


def _against_none(node: cst.BaseExpression, site: Site) -> Iterator[Rewrite]:
    name, parent = site.view.text(node), site.view.parent(node)
    if isinstance(parent, cst.UnaryOperation):
        yield place(site.view, parent, f"{name} is None", Level.COMPARISON)
    else:
        yield place(site.view, node, f"{name} is not None", Level.COMPARISON)


def _is_tested(node: cst.BaseExpression, site: Site) -> bool:
    if isinstance(node, cst.Name) and node.value in {"True", "False", "None"}:
        return False
    match site.view.parent(node):
        case cst.If(test=test) | cst.While(test=test) | cst.IfExp(test=test) | cst.CompIf(test=test):
            return test is node
        case cst.UnaryOperation(operator=cst.Not()) | cst.BooleanOperation(operator=cst.And()):
            return True
        case _:
            return False
