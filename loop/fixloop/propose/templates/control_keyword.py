"""Template: the wrong one of ``if``, ``elif`` and ``while``."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.records.source import Span


class ControlKeyword(Template):
    """Undoes ``elif`` where cases may overlap, ``if`` where they may not, and ``if`` where repetition is needed."""

    name = "control-keyword"
    prior = 0.5
    visits = (cst.If, cst.While)
    examples = (
        Example(
            """
            def fizz(n):
                out = ''
                if n % 3 == 0:
                    out += 'Fizz'
                elif n % 5 == 0:
                    out += 'Buzz'
                return out
            """,
            """
            def fizz(n):
                out = ''
                if n % 3 == 0:
                    out += 'Fizz'
                if n % 5 == 0:
                    out += 'Buzz'
                return out
            """,
        ),
        Example(
            """
            def size(n):
                word = 'big'
                if n < 2:
                    word = 'tiny'
                if n < 9:
                    word = 'small'
                return word
            """,
            """
            def size(n):
                word = 'big'
                if n < 2:
                    word = 'tiny'
                elif n < 9:
                    word = 'small'
                return word
            """,
        ),
        Example(
            """
            def trim(stack, limit):
                if len(stack) > limit:
                    stack.pop()
                return stack
            """,
            """
            def trim(stack, limit):
                while len(stack) > limit:
                    stack.pop()
                return stack
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The same test under another keyword."""
        if not isinstance(node, cst.If | cst.While):
            return
        start = site.view.span(node).start
        if isinstance(node, cst.While):
            if node.orelse is None:
                yield Rewrite.replace(Span(start, start + len("while")), "if", 0.5)
            return
        parent = site.view.parent(node)
        if isinstance(parent, cst.If) and parent.orelse is node:
            yield Rewrite.replace(Span(start, start + len("elif")), "if")
            return
        word = Span(start, start + len("if"))
        if node.orelse is None:
            yield Rewrite.replace(word, "while", 0.6)
        block = site.view.block(node)
        at = block.index(node) if node in block else 0
        if at > 0 and isinstance(previous := block[at - 1], cst.If) and not _ends_in_else(previous):
            yield Rewrite.replace(word, "elif")


def _ends_in_else(node: cst.If) -> bool:
    part: cst.If | cst.Else | None = node
    while isinstance(part, cst.If):
        part = part.orelse
    return part is not None
