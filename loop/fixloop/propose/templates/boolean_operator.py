"""Template: ``and`` and ``or`` mixed up, or a clause too many."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, level, operand, place
from fixloop.records.source import Edit


class BooleanOperator(Template):
    """Undoes ``and`` written for ``or`` and the other way round, and a clause that should not be there."""

    name = "boolean-operator"
    prior = 0.9
    visits = (cst.BooleanOperation,)
    examples = (
        Example(
            """
            def is_leap(year):
                return year % 4 == 0 or year % 100 != 0
            """,
            """
            def is_leap(year):
                return year % 4 == 0 and year % 100 != 0
            """,
        ),
        Example(
            """
            def visible(item, user):
                return (item.public and user.admin) and not item.deleted
            """,
            """
            def visible(item, user):
                return (item.public or user.admin) and not item.deleted
            """,
        ),
        Example(
            """
            def due(task, now):
                if task.open and task.assigned:
                    return task.date < now
                return False
            """,
            """
            def due(task, now):
                if task.open:
                    return task.date < now
                return False
            """,
        ),
        Example(
            """
            def keep(a, b, c):
                return a or b and c
            """,
            """
            def keep(a, b, c):
                return (a or b) and c
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The other operator, the other grouping, then each side alone."""
        assert isinstance(node, cst.BooleanOperation)
        view = site.view
        is_and = isinstance(node.operator, cst.And)
        new, text = (Level.OR, "or") if is_and else (Level.AND, "and")
        yield from _swapped(node, new, text, site)
        if not is_and and isinstance(node.right, cst.BooleanOperation) and not node.right.lpar:
            inner = node.right
            start, end = view.outer(node.left), view.outer(inner.left)
            opened = Edit(type(start)(start.start, start.start), "(")
            yield Rewrite((opened, Edit(type(start)(end.end, end.end), ")")), 0.6)
        for side in (node.left, node.right):
            yield place(view, node, view.text(side), level(side), 0.4)


def _swapped(node: cst.BooleanOperation, new: Level, text: str, site: Site) -> Iterator[Rewrite]:
    sides = (node.left, node.right)
    if all(side.lpar or level(side) > Level.AND or level(side) == new for side in sides):
        swap = Rewrite.replace(site.view.span(node.operator), text)
        needs = not node.lpar and new is Level.OR and isinstance(site.view.parent(node), cst.UnaryOperation)
        if not needs:
            yield swap
            return
    left, right = (operand(site.view, side, new) for side in sides)
    yield place(site.view, node, f"{left} {text} {right}", new)
