"""Template: the wrong way out of a loop."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._statements import loop_around

_OTHER: dict[type[cst.BaseSmallStatement], tuple[tuple[str, float], ...]] = {
    cst.Break: (("continue", 1.0), ("return", 0.3)),
    cst.Continue: (("break", 1.0), ("return", 0.3), ("pass", 0.3)),
    cst.Pass: (("continue", 0.7), ("break", 0.7)),
    cst.Return: (("continue", 0.5), ("break", 0.5)),
}


class LoopExit(Template):
    """Undoes ``break`` for ``continue``, and leaving the function where only the loop or the turn should end."""

    name = "loop-exit"
    prior = 0.7
    visits = (cst.Break, cst.Continue, cst.Pass, cst.Return)
    examples = (
        Example(
            """
            def evens(xs):
                out = []
                for x in xs:
                    if x % 2:
                        break
                    out.append(x)
                return out
            """,
            """
            def evens(xs):
                out = []
                for x in xs:
                    if x % 2:
                        continue
                    out.append(x)
                return out
            """,
        ),
        Example(
            """
            def header(lines):
                out = []
                for line in lines:
                    if not line:
                        return
                    out.append(line)
                return out
            """,
            """
            def header(lines):
                out = []
                for line in lines:
                    if not line:
                        break
                    out.append(line)
                return out
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The other ways out."""
        if not loop_around(site.view, node):
            return
        for kind, others in _OTHER.items():
            if isinstance(node, kind):
                for text, weight in others:
                    yield Rewrite.replace(site.view.span(node), text, weight)
