"""Template: a statement at the wrong depth."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._statements import after, at_indent, before, only, removed
from fixloop.records.source import Edit

_OWNERS = (cst.If, cst.For, cst.While, cst.With, cst.Try)


class StatementNesting(Template):
    """Undoes one indentation too many or too few: a return inside the loop, a reset outside it."""

    name = "statement-nesting"
    prior = 0.7
    visits = (cst.SimpleStatementLine, cst.If, cst.For, cst.While, cst.With)
    examples = (
        Example(
            """
            def total(xs):
                t = 0
                for x in xs:
                    t += x
                    return t
            """,
            """
            def total(xs):
                t = 0
                for x in xs:
                    t += x
                return t
            """,
        ),
        Example(
            """
            def squares(xs):
                out = []
                for x in xs:
                    y = x * x
                out.append(y)
                return out
            """,
            """
            def squares(xs):
                out = []
                for x in xs:
                    y = x * x
                    out.append(y)
                return out
            """,
        ),
        Example(
            """
            def sums(rows):
                out = []
                t = 0
                for row in rows:
                    for x in row:
                        t += x
                    out.append(t)
                return out
            """,
            """
            def sums(rows):
                out = []
                for row in rows:
                    t = 0
                    for x in row:
                        t += x
                    out.append(t)
                return out
            """,
        ),
        Example(
            """
            def count(xs):
                for x in xs:
                    n = 0
                    n += x
                return n
            """,
            """
            def count(xs):
                n = 0
                for x in xs:
                    n += x
                return n
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The statement moved out of its block's end or start, or into the block next to it."""
        if isinstance(node, cst.BaseStatement):
            block = site.view.block(node)
            if node in block:
                yield from _out(node, block, site)
                yield from _in(node, block, site)


def _out(node: cst.BaseStatement, block: tuple[cst.BaseStatement, ...], site: Site) -> Iterator[Rewrite]:
    view, owner = site.view, _owner(node, site)
    if owner is None or len(block) == 1:
        return
    text = at_indent(view, node, view.indent(owner))
    if text is None:
        return
    if block[-1] is node:
        if view.lines(owner)[-1] == view.lines(node)[-1]:
            yield Rewrite((_reindented(node, text, site),))
        else:
            yield Rewrite((removed(view, node), after(view, owner, text)), 0.5)
    first_of_loop = block[0] is node and isinstance(owner, cst.For | cst.While)
    if first_of_loop and isinstance(only(node), cst.Assign):
        yield Rewrite((before(view, owner, text), removed(view, node)), 0.8)


def _in(node: cst.BaseStatement, block: tuple[cst.BaseStatement, ...], site: Site) -> Iterator[Rewrite]:
    view, at = site.view, block.index(node)
    if at > 0:
        body = _last_block(block[at - 1])
        text = at_indent(view, node, view.indent(body.body[-1])) if body else None
        if text is not None:
            yield Rewrite((_reindented(node, text, site),), 0.8)
    if at + 1 < len(block) and isinstance(block[at + 1], cst.For | cst.While) and isinstance(only(node), cst.Assign):
        loop = block[at + 1]
        body = loop.body if isinstance(loop, cst.For | cst.While) else None
        if isinstance(body, cst.IndentedBlock):
            text = at_indent(view, node, view.indent(body.body[0]))
            if text is not None:
                yield Rewrite((removed(view, node), before(view, body.body[0], text)), 0.5)


def _reindented(node: cst.BaseStatement, text: str, site: Site) -> Edit:
    span = site.view.statement_lines(node)
    ended = site.view.slice(span).endswith(("\n", "\r"))
    return Edit(span, text if ended else text.rstrip("\r\n"))


def _owner(node: cst.BaseStatement, site: Site) -> cst.BaseCompoundStatement | None:
    """The compound statement whose block holds a statement; the whole of an if/elif/else chain counts as one."""
    at = site.view.parent(node)
    while at is not None:
        below, at = at, site.view.parent(at)
        if isinstance(at, cst.FunctionDef | cst.ClassDef):
            return None
        chained = isinstance(at, cst.If) and isinstance(up := site.view.parent(at), cst.If) and up.orelse is at
        if isinstance(at, _OWNERS) and not chained and below is not at:
            return at
    return None


def _last_block(statement: cst.BaseStatement) -> cst.IndentedBlock | None:
    """The block that a following line would join by one more indentation."""
    if not isinstance(statement, _OWNERS):
        return None
    part: cst.CSTNode = statement
    while isinstance(part, cst.If) and part.orelse is not None:
        part = part.orelse
    if isinstance(part, cst.For | cst.While) and part.orelse is not None:
        part = part.orelse
    if isinstance(part, cst.Try):
        part = part.finalbody or part.orelse or (part.handlers[-1] if part.handlers else part)
    body: object = getattr(part, "body", None)
    return body if isinstance(body, cst.IndentedBlock) else None
