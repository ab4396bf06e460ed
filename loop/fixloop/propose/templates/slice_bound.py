"""Template: a slice with the wrong bounds, or none at all."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, operand

_WHOLE = (("[1:]", 0.7), ("[:-1]", 0.7), ("[::-1]", 0.8), ("[:]", 0.5), ("[0]", 0.4), ("[-1]", 0.4))


class SliceBound(Template):
    """Undoes a slice that starts, stops or steps wrongly, and a slice that was forgotten."""

    name = "slice-bound"
    prior = 0.6
    visits = (cst.Slice, cst.Name, cst.Attribute, cst.Subscript)
    examples = (
        Example(
            """
            def tail(xs, n):
                return xs[:n]
            """,
            """
            def tail(xs, n):
                return xs[n:]
            """,
        ),
        Example(
            """
            def rest(xs):
                return xs
            """,
            """
            def rest(xs):
                return xs[1:]
            """,
        ),
        Example(
            """
            def backwards(text):
                return text[::1]
            """,
            """
            def backwards(text):
                return text[::-1]
            """,
        ),
        Example(
            """
            def last(xs, n):
                return xs[n:]
            """,
            """
            def last(xs, n):
                return xs[-n:]
            """,
        ),
        Example(
            """
            def inner(xs):
                return xs[1:]
            """,
            """
            def inner(xs):
                return xs[1:-1]
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The slice with a bound less, more or moved; the value cut."""
        if isinstance(node, cst.Slice):
            for text, weight in _variants(node, site):
                if text != site.view.text(node):
                    yield Rewrite.replace(site.view.span(node), text, weight)
        elif isinstance(node, cst.Name | cst.Attribute | cst.Subscript):
            scale = _place(node, site)
            text = operand(site.view, node, Level.ATOM)
            for cut, weight in _WHOLE if scale else ():
                yield Rewrite.replace(site.view.span(node), text + cut, scale * weight)


def _variants(node: cst.Slice, site: Site) -> Iterator[tuple[str, float]]:
    lower = site.view.text(node.lower) if node.lower else ""
    upper = site.view.text(node.upper) if node.upper else ""
    step = site.view.text(node.step) if node.step else ""
    end = f":{step}" if step else ""
    if bool(lower) != bool(upper):
        yield f"{upper}:{lower}{end}", 1.0
        yield (f"{lower}:-1{end}", 0.6) if lower else (f"1:{upper}{end}", 0.6)
        bound = node.lower or node.upper
        if isinstance(bound, cst.Name | cst.Attribute | cst.Call):
            negative = f"-{lower or upper}"
            yield f"{negative}:{end}" if lower else f":{negative}{end}", 0.8
            yield f":{negative}{end}" if lower else f"{negative}:{end}", 0.5
    if lower and upper:
        yield f"{lower}:{end}", 0.7
        yield f":{upper}{end}", 0.7
        yield f"{upper}:{lower}{end}", 0.3
    if step:
        yield f"{lower}:{upper}", 0.7
        other = step[1:] if step.startswith("-") else f"-{step}"
        if not isinstance(node.step, cst.BinaryOperation):
            yield f"{lower}:{upper}:{other}", 1.0
    else:
        yield f"{lower}:{upper}:-1", 0.4
        yield f"{lower}:{upper}:2", 0.15


def _place(node: cst.BaseExpression, site: Site) -> float:
    if isinstance(node, cst.Name) and node.value in {"self", "cls", "None", "True", "False"}:
        return 0.0
    match site.view.parent(node):
        case cst.Return() | cst.Assign() as parent:
            return 0.7 if parent.value is node else 0.0
        case cst.For(iter=iterable) | cst.CompFor(iter=iterable):
            return 1.0 if iterable is node else 0.0
        case cst.Arg(keyword=keyword, star=star):
            return 0.0 if keyword is node or star else 0.6
        case cst.ComparisonTarget():
            return 0.5
        case _:
            return 0.0
