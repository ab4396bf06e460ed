"""Template: a counting loop that starts, stops or steps wrongly."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._bounds import called_name
from fixloop.propose.templates._precedence import Level, operand


class RangeBound(Template):
    """Undoes a missing or unwanted start, stop or step of ``range``, and the start of ``enumerate``."""

    name = "range-bound"
    prior = 0.75
    visits = (cst.Call,)
    examples = (
        Example(
            """
            def numbers(n):
                return list(range(n))
            """,
            """
            def numbers(n):
                return list(range(1, n + 1))
            """,
        ),
        Example(
            """
            def later(xs, i):
                return [xs[j] for j in range(len(xs))]
            """,
            """
            def later(xs, i):
                return [xs[j] for j in range(i, len(xs))]
            """,
        ),
        Example(
            """
            def countdown(n):
                return list(range(n, 0))
            """,
            """
            def countdown(n):
                return list(range(n, 0, -1))
            """,
        ),
        Example(
            """
            def numbered(lines):
                return [f'{i} {line}' for i, line in enumerate(lines)]
            """,
            """
            def numbered(lines):
                return [f'{i} {line}' for i, line in enumerate(lines, start=1)]
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """Other arguments for the same call."""
        assert isinstance(node, cst.Call)
        if not node.args or any(arg.star for arg in node.args):
            return
        given = [site.view.text(arg) for arg in node.args]
        first, last = site.view.span(node.args[0]), site.view.span(node.args[-1])
        whole = type(first)(first.start, last.end)
        name = called_name(node)
        choices = _range(node, given, site) if name == "range" else _enumerate(given) if name == "enumerate" else ()
        for arguments, weight in choices:
            if arguments != site.view.slice(whole):
                yield Rewrite.replace(whole, arguments, weight)


def _range(node: cst.Call, given: list[str], site: Site) -> Iterator[tuple[str, float]]:
    match given:
        case [stop]:
            less = f"{operand(site.view, node.args[0].value, Level.SUM)} - 1"
            more = f"{operand(site.view, node.args[0].value, Level.SUM)} + 1"
            yield f"1, {stop}", 1.0
            yield f"1, {more}", 1.0
            yield f"{less}, -1, -1", 0.6
            yield f"0, {stop}, 2", 0.2
            for order, name in enumerate(_counters(node, site)):
                yield f"{name}, {stop}", 0.7 * 0.8**order
                yield f"{name} + 1, {stop}", 0.7 * 0.8**order
        case [start, stop]:
            yield stop, 0.7
            yield f"{start}, {stop}, -1", 0.6
            yield f"{start}, {stop}, 2", 0.2
            yield f"{stop}, {start}, -1", 0.4
            for order, name in enumerate(_counters(node, site)):
                yield f"{name}, {stop}", 0.6 * 0.8**order
                yield f"{name} + 1, {stop}", 0.6 * 0.8**order
                yield f"{start}, {stop}, {name}", 0.4 * 0.8**order
        case [start, stop, step]:
            yield f"{start}, {stop}", 0.7
            yield f"{start}, {stop}, {step[1:] if step.startswith('-') else '-' + step}", 0.6
            yield f"{stop}, {start}, {step}", 0.3
        case _:
            return


def _counters(node: cst.Call, site: Site) -> tuple[str, ...]:
    """Names that may be where a count begins: those of the loops around, then parameters."""
    loops = [at for at in site.view.ancestors(node) if isinstance(at, cst.For | cst.CompFor)]
    around = [at.target.value for at in loops if isinstance(at.target, cst.Name) and at.iter is not node]
    function = site.view.function(node)
    parameters = [param.name.value for param in function.params.params] if function else []
    used = site.view.text(node)
    names = dict.fromkeys([*around, *parameters])
    return tuple(name for name in names if name not in {"self", "cls"} and name not in used)[:3]


def _enumerate(given: list[str]) -> Iterator[tuple[str, float]]:
    match given:
        case [items]:
            yield f"{items}, start=1", 0.6
            yield f"{items}, 1", 0.3
        case [items, _]:
            yield items, 0.7
        case _:
            return
