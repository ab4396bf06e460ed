"""Template: two statements in the wrong order."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._statements import is_docstring, only, whole
from fixloop.records.source import Edit

_FIXED = (cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal, cst.Return, cst.Raise, cst.Break, cst.Continue)


class StatementOrder(Template):
    """Undoes two neighbouring statements that changed places."""

    name = "statement-order"
    prior = 0.55
    visits = (cst.SimpleStatementLine, cst.If, cst.For, cst.While, cst.With)
    examples = (
        Example(
            """
            def fib(n):
                a, b = 0, 1
                out = []
                for _ in range(n):
                    a, b = b, a + b
                    out.append(a)
                return out
            """,
            """
            def fib(n):
                a, b = 0, 1
                out = []
                for _ in range(n):
                    out.append(a)
                    a, b = b, a + b
                return out
            """,
        ),
        Example(
            """
            def grade(score):
                if score > 50:
                    return 'C'
                if score > 90:
                    return 'A'
                return 'F'
            """,
            """
            def grade(score):
                if score > 90:
                    return 'A'
                if score > 50:
                    return 'C'
                return 'F'
            """,
        ),
        Example(
            "def pop(self):\n    self.items.pop()\n    self.size -= 1",
            "def pop(self):\n    self.size -= 1\n    self.items.pop()",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The statement and the next, then the one before and the statement, exchanged."""
        if not isinstance(node, cst.BaseStatement) or not _moves(node):
            return
        block = site.view.block(node)
        at = block.index(node) if node in block else 0
        if at + 1 < len(block) and _moves(block[at + 1]):
            yield _exchanged(node, block[at + 1], site, 1.0)
        if at > 0 and _moves(block[at - 1]):
            yield _exchanged(block[at - 1], node, site, 0.9)


def _moves(statement: cst.BaseStatement) -> bool:
    if isinstance(statement, cst.FunctionDef | cst.ClassDef) or is_docstring(statement):
        return False
    return not isinstance(only(statement), _FIXED)


def _exchanged(first: cst.BaseStatement, second: cst.BaseStatement, site: Site, weight: float) -> Rewrite:
    view = site.view
    one, other = view.statement_lines(first), view.statement_lines(second)
    ended = view.slice(other).endswith(("\n", "\r"))
    text = whole(view, first)
    return Rewrite((Edit(one, whole(view, second)), Edit(other, text if ended else text.rstrip("\r\n"))), weight)
