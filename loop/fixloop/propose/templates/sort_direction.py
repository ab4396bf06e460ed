"""Template: sorted the wrong way round, or by the wrong thing."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._bounds import called_name
from fixloop.records.source import Edit, Span

_KEYS = (("len", 0.4), ("str.lower", 0.3), ("abs", 0.2))


class SortDirection(Template):
    """Undoes a missing or unwanted ``reverse=True`` or ``key=`` of a sort, ``min`` or ``max``."""

    name = "sort-direction"
    prior = 0.6
    visits = (cst.Call,)
    examples = (
        Example(
            """
            def top(scores, n):
                return sorted(scores)[:n]
            """,
            """
            def top(scores, n):
                return sorted(scores, reverse=True)[:n]
            """,
        ),
        Example(
            """
            def by_age(users):
                users.sort(key=lambda user: user.age, reverse=True)
                return users
            """,
            """
            def by_age(users):
                users.sort(key=lambda user: user.age)
                return users
            """,
        ),
        Example(
            """
            def longest(words):
                return max(words)
            """,
            """
            def longest(words):
                return max(words, key=len)
            """,
        ),
        Example(
            """
            def ranked(rows):
                return sorted(rows, key=lambda row: row.score)
            """,
            """
            def ranked(rows):
                return sorted(rows, key=lambda row: -row.score)
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The call with a keyword more or less."""
        assert isinstance(node, cst.Call)
        name = called_name(node)
        if name not in {"sorted", "sort", "min", "max"}:
            return
        keywords = {arg.keyword.value: at for at, arg in enumerate(node.args) if arg.keyword}
        sorts = name in {"sorted", "sort"}
        if sorts and "reverse" not in keywords:
            yield _added(node, "reverse=True", site, 1.0)
        for keyword, at in keywords.items():
            if keyword in {"reverse", "key"}:
                yield _dropped(node, at, site, 1.0 if keyword == "reverse" else 0.4)
        if "key" not in keywords:
            for key, weight in _KEYS:
                yield _added(node, f"key={key}", site, weight)
        else:
            yield from _negated(node.args[keywords["key"]], site)


def _added(node: cst.Call, text: str, site: Site, weight: float) -> Rewrite:
    if node.args:
        last = node.args[-1].value
        end = site.view.outer(last).end
        if isinstance(last, cst.GeneratorExp) and not last.lpar:
            span = site.view.span(last)
            return Rewrite((Edit(span, f"({site.view.slice(span)}), {text}"),), weight)
        return Rewrite((Edit(Span(end, end), f", {text}"),), weight)
    inside = site.view.source.text.index("(", site.view.outer(node.func).end) + 1
    return Rewrite((Edit(Span(inside, inside), text),), weight)


def _dropped(node: cst.Call, at: int, site: Site, weight: float) -> Rewrite:
    span = site.view.span(node.args[at])
    if at > 0:
        return Rewrite.replace(Span(site.view.span(node.args[at - 1]).end, span.end), "", weight)
    end = site.view.span(node.args[1]).start if len(node.args) > 1 else span.end
    return Rewrite.replace(Span(span.start, end), "", weight)


def _negated(arg: cst.Arg, site: Site) -> Iterator[Rewrite]:
    match arg.value:
        case cst.Lambda(body=cst.UnaryOperation(operator=cst.Minus(), expression=inner) as body):
            yield Rewrite.replace(site.view.span(body), site.view.text(inner), 0.6)
        case cst.Lambda(body=cst.Name() | cst.Attribute() | cst.Subscript() | cst.Call() as body):
            start = site.view.span(body).start
            yield Rewrite((Edit(Span(start, start), "-"),), 0.6)
        case _:
            return
