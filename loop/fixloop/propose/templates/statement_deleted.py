"""Template: a statement that should not be there."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._statements import is_docstring, only, removed


class StatementDeleted(Template):
    """Undoes a line repeated or left over by mistake. Rare, and judged harshly, so it comes late."""

    name = "statement-deleted"
    prior = 0.2
    visits = (cst.SimpleStatementLine,)
    examples = (
        Example(
            """
            def count(xs):
                n = 0
                for x in xs:
                    n += 1
                    n += 1
                return n
            """,
            """
            def count(xs):
                n = 0
                for x in xs:
                    n += 1
                return n
            """,
        ),
        Example(
            """
            def add(self, item):
                self.items = []
                self.items.append(item)
            """,
            """
            def add(self, item):
                self.items.append(item)
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The block without the statement; sooner when the line next to it says the same."""
        assert isinstance(node, cst.SimpleStatementLine)
        statement = only(node)
        if site.view.function(node) is None or is_docstring(node):
            return
        if not isinstance(statement, cst.Assign | cst.AugAssign | cst.Expr | cst.Break | cst.Continue):
            return
        block = site.view.block(node)
        if len(block) < 2 or node not in block:
            return
        at = block.index(node)
        text = site.view.text(node)
        twice = at > 0 and site.view.text(block[at - 1]) == text
        yield Rewrite((removed(site.view, node),), 1.0 if twice else 0.6)
