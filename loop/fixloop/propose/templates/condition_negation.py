"""Template: a ``not`` too many or too few."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, level, operand, place

_VALUES = (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.BooleanOperation)
_CALLS_THAT_JUDGE = ("is", "has", "can", "should", "any", "all", "contains", "startswith", "endswith", "isinstance")


class ConditionNegation(Template):
    """Undoes a condition that was written the wrong way round by one ``not``."""

    name = "condition-negation"
    prior = 0.8
    visits = (cst.UnaryOperation, *_VALUES)
    examples = (
        Example(
            """
            def first(items):
                if items:
                    return None
                return items[0]
            """,
            """
            def first(items):
                if not items:
                    return None
                return items[0]
            """,
        ),
        Example(
            """
            def active(users):
                return [user for user in users if not user.active]
            """,
            """
            def active(users):
                return [user for user in users if user.active]
            """,
        ),
        Example(
            """
            def clean(rows):
                return [row for row in rows if row.empty and row.valid]
            """,
            """
            def clean(rows):
                return [row for row in rows if not row.empty and row.valid]
            """,
        ),
        Example(
            """
            def rejects(a, b):
                return not (a or b)
            """,
            """
            def rejects(a, b):
                return a or b
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The condition without its ``not``, or with one."""
        view = site.view
        if isinstance(node, cst.UnaryOperation):
            if isinstance(node.operator, cst.Not):
                yield place(view, node, view.text(node.expression), level(node.expression))
            return
        assert isinstance(node, _VALUES)
        weight = _weight(node, site)
        if weight:
            yield place(view, node, f"not {operand(view, node, Level.NOT)}", Level.NOT, weight)


def _weight(node: cst.BaseExpression, site: Site) -> float:
    match site.view.parent(node):
        case cst.If(test=test) | cst.While(test=test) | cst.IfExp(test=test) | cst.CompIf(test=test):
            return 1.0 if test is node else 0.0
        case cst.BooleanOperation():
            return 0.7
        case cst.Return():
            return 0.6 if _judges(node) else 0.3
        case cst.Assign(value=value):
            return (0.5 if _judges(node) else 0.15) if value is node else 0.0
        case _:
            return 0.0


def _judges(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.BooleanOperation):
        return True
    called = node.func if isinstance(node, cst.Call) else node
    name = called.attr.value if isinstance(called, cst.Attribute) else getattr(called, "value", "")
    return isinstance(name, str) and name.lstrip("_").startswith(_CALLS_THAT_JUDGE)
