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
            "def fizz(n):\n    out = ''\n    if n % 3 == 0:\n        out += 'Fizz'\n    elif n % 5 == 0:\n        out += 'Buzz'\n"
            "    return out\n",
            "def fizz(n):\n    out = ''\n    if n % 3 == 0:\n        out += 'Fizz'\n    if n % 5 == 0:\n        out += 'Buzz'\n"
            "    return out\n",
        ),
        Example(
            "def size(n):\n    word = 'big'\n    if n < 2:\n        word = 'tiny'\n    if n < 9:\n        word = 'small'\n"
            "    return word\n",
            "def size(n):\n    word = 'big'\n    if n < 2:\n        word = 'tiny'\n    elif n < 9:\n        word = 'small'\n"
            "    return word\n",
        ),
        Example(
            "def trim(stack, limit):\n    if len(stack) > limit:\n        stack.pop()\n    return stack\n",
            "def trim(stack, limit):\n    while len(stack) > limit:\n        stack.pop()\n    return stack\n",
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
