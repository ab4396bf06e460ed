"""Template: a result that is computed and never returned."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._bounds import called_name
from fixloop.propose.templates._statements import after, body_of, only
from fixloop.records.source import Edit, Span

_MOST = 5


class MissingReturn(Template):
    """Undoes forgetting ``return``, before an expression or at the end of a function."""

    name = "missing-return"
    prior = 0.75
    visits = (cst.SimpleStatementLine, cst.For, cst.While, cst.If, cst.With, cst.Try)
    examples = (
        Example(
            """
            def double(x):
                x * 2
            """,
            """
            def double(x):
                return x * 2
            """,
        ),
        Example(
            """
            def collect(rows):
                out = []
                for row in rows:
                    out.append(row.id)
            """,
            """
            def collect(rows):
                out = []
                for row in rows:
                    out.append(row.id)
                return out
            """,
        ),
        Example(
            """
            def depth(node, level):
                if node.parent:
                    depth(node.parent, level + 1)
                return level
            """,
            """
            def depth(node, level):
                if node.parent:
                    return depth(node.parent, level + 1)
                return level
            """,
        ),
        Example(
            "def plus(a, b):\n    total = a + b",
            "def plus(a, b):\n    total = a + b\n    return total",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """``return`` before an expression statement; a local's value at the end."""
        function = site.view.function(node)
        if function is None or not isinstance(node, cst.BaseStatement):
            return
        statement = only(node)
        body = body_of(function)
        is_last = bool(body) and body[-1] is node
        if isinstance(statement, cst.Expr) and not isinstance(statement.value, _NO_RESULT):
            start = site.view.span(statement).start
            calls_itself = isinstance(statement.value, cst.Call) and called_name(statement.value) == function.name.value
            plain = not isinstance(statement.value, cst.Call)
            weight = 1.0 if calls_itself or plain else 0.7 if is_last else 0.25
            yield Rewrite((Edit(Span(start, start), "return "),), weight)
        if is_last and not isinstance(statement, cst.Return | cst.Raise):
            yield from _returned_after(node, function, site)


_NO_RESULT = (cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis, cst.Yield)


def _returned_after(node: cst.BaseStatement, function: cst.FunctionDef, site: Site) -> Iterator[Rewrite]:
    names = [name for name in site.view.own_names(function) if name not in {"self", "cls"}]
    parameters = {param.name.value for param in function.params.params}
    bound = [name for name in names if name not in parameters]
    indent, newline = site.view.indent(node), site.view.source.newline
    for order, name in enumerate([*bound, *(name for name in names if name in parameters)][:_MOST]):
        line = f"{indent}return {name}{newline}"
        yield Rewrite((after(site.view, node, line),), (0.8 if name in bound else 0.4) * 0.85**order)
