"""Template: a result thrown away, or the None of a method that works in place."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, operand
from fixloop.records.source import Edit, Span

_MAKES_NEW = frozenset({
    "strip", "lstrip", "rstrip", "lower", "upper", "title", "capitalize", "casefold", "replace", "format",
    "zfill", "ljust", "rjust", "center", "removeprefix", "removesuffix", "translate", "union", "intersection",
    "difference", "symmetric_difference", "copy", "with_suffix", "with_name",
})  # fmt: skip
_IN_PLACE = frozenset({
    "sort", "reverse", "append", "extend", "insert", "remove", "clear", "update", "add", "discard",
    "appendleft",
})  # fmt: skip


class DiscardedResult(Template):
    """Undoes ``s.strip()`` for ``s = s.strip()``, and ``xs = xs.sort()`` for ``xs.sort()``."""

    name = "discarded-result"
    prior = 0.85
    visits = (cst.Expr, cst.Assign, cst.Return)
    examples = (
        Example(
            """
            def clean(line):
                line.strip()
                return line
            """,
            """
            def clean(line):
                line = line.strip()
                return line
            """,
        ),
        Example(
            """
            def ordered(xs):
                xs = xs.sort()
                return xs
            """,
            """
            def ordered(xs):
                xs.sort()
                return xs
            """,
        ),
        Example(
            """
            def ordered(xs):
                return xs.sort()
            """,
            """
            def ordered(xs):
                return sorted(xs)
            """,
        ),
        Example(
            """
            def push(xs, x):
                return xs.append(x)
            """,
            """
            def push(xs, x):
                xs.append(x)
                return xs
            """,
        ),
        Example(
            """
            def top(xs):
                sorted(xs)
                return xs[-1]
            """,
            """
            def top(xs):
                xs = sorted(xs)
                return xs[-1]
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The result kept, or the call left to do its work."""
        match node:
            case cst.Expr(value=cst.Call() as call):
                yield from _kept(node, call, site)
            case cst.Assign(value=cst.Call() as call) | cst.Return(value=cst.Call() as call):
                yield from _in_place(node, call, site)
            case _:
                return


def _kept(node: cst.Expr, call: cst.Call, site: Site) -> Iterator[Rewrite]:
    start = site.view.span(node).start
    match call:
        case cst.Call(func=cst.Attribute(value=receiver, attr=cst.Name(value=method))) if method in _MAKES_NEW:
            if isinstance(receiver, cst.Name | cst.Attribute | cst.Subscript):
                yield Rewrite((Edit(Span(start, start), f"{site.view.text(receiver)} = "),))
        case cst.Call(args=(cst.Arg(value=cst.Name(value=name)), *_)):
            known = isinstance(call.func, cst.Name) and call.func.value in {
                "sorted",
                "reversed",
                "list",
                "set",
                "round",
            }
            if name in site.view.local_names(node):
                yield Rewrite((Edit(Span(start, start), f"{name} = "),), 1.0 if known else 0.2)
        case _:
            return


def _in_place(node: cst.Assign | cst.Return, call: cst.Call, site: Site) -> Iterator[Rewrite]:
    match call.func:
        case cst.Attribute(value=receiver, attr=cst.Name(value=method)) if method in _IN_PLACE:
            pass
        case _:
            return
    view = site.view
    text, owner = view.text(call), view.text(receiver)
    if isinstance(node, cst.Assign):
        yield Rewrite.replace(view.span(node), text)
    else:
        line = view.source.newline + view.indent(node)
        yield Rewrite.replace(view.span(node), f"{text}{line}return {owner}", 0.9)
        yield Rewrite.replace(view.span(node), text, 0.3)
    if method in {"sort", "reverse"}:
        given = "".join(f", {view.text(arg)}" for arg in call.args)
        made = f"sorted({owner}{given})" if method == "sort" else f"{operand(view, receiver, Level.ATOM)}[::-1]"
        yield Rewrite.replace(view.span(call), made, 0.95)
