"""Template: a special case that is not handled before it does harm."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.scopes import walk
from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import about_none, first_groups, raised
from fixloop.propose.templates._results import EMPTY, likely_empty
from fixloop.propose.templates._statements import before, body_of, loop_around

_MOST = 3


class MissingGuard(Template):
    """Undoes forgetting None, the empty collection or zero: returns early, skips, or raises what was expected."""

    name = "missing-guard"
    prior = 0.55
    visits = (cst.SimpleStatementLine, cst.For, cst.While, cst.If, cst.With)
    examples = (
        Example(
            """
            def mean(values):
                return sum(values) / len(values)
            """,
            """
            def mean(values):
                if not values:
                    return 0
                return sum(values) / len(values)
            """,
            "ZeroDivisionError",
            "division by zero",
        ),
        Example(
            '''
            def shout(text):
                """Loud."""
                return text.upper()
            ''',
            '''
            def shout(text):
                """Loud."""
                if text is None:
                    return ""
                return text.upper()
            ''',
            "AttributeError",
            "'NoneType' object has no attribute 'upper'",
        ),
        Example(
            """
            def names(users):
                out = []
                for user in users:
                    out.append(user.name)
                return out
            """,
            """
            def names(users):
                out = []
                for user in users:
                    if user is None:
                        continue
                    out.append(user.name)
                return out
            """,
            "AttributeError",
            "'NoneType' object has no attribute 'name'",
        ),
        Example(
            """
            def root(x):
                return x ** 0.5
            """,
            """
            def root(x):
                if x < 0:
                    raise ValueError("x must not be negative")
                return x ** 0.5
            """,
            "Failed",
            "DID NOT RAISE <class 'ValueError'>",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """A test of each name that the statement uses, with each way out."""
        function = site.view.function(node)
        if function is None or not isinstance(node, cst.BaseStatement):
            return
        body = body_of(function)
        at_start = bool(body) and body[0] is node
        names = _names_in(node, function, site, at_start=at_start)
        outs = tuple(_ways_out(node, function, site))
        for order, name in enumerate(names[:_MOST]):
            for condition, sure in _conditions(name, site):
                for out, weight in outs:
                    yield _guard(node, condition, out, site, weight * sure * 0.8**order * (1.0 if at_start else 0.6))
            for exception, condition, says in _refusals(name, site):
                out = f'raise {exception}("{name} must not be {says}")'
                yield _guard(node, condition, out, site, 0.8**order * (1.0 if at_start else 0.4))


def _guard(node: cst.BaseStatement, condition: str, out: str, site: Site, weight: float) -> Rewrite:
    indent, newline = site.view.indent(node), site.view.source.newline
    text = f"{indent}if {condition}:{newline}{indent}{site.view.default_indent}{out}{newline}"
    return Rewrite((before(site.view, node, text),), weight)


def _names_in(node: cst.BaseStatement, function: cst.FunctionDef, site: Site, *, at_start: bool) -> list[str]:
    """Names worth testing: those that the statement uses, then at the start every parameter."""
    header = node if isinstance(node, cst.SimpleStatementLine) else _header(node)
    held = [name for name in site.view.own_names(function) if name not in {"self", "cls"}]
    used = [at.value for at in walk(header) if isinstance(at, cst.Name) and at.value in held]
    parameters = [name for name in held if name in _parameters(function)]
    if at_start:
        return [*dict.fromkeys(name for name in used if name in parameters), *(n for n in parameters if n not in used)]
    targets = {at.value for target in walk(header) if isinstance(target, cst.AssignTarget) for at in walk(target)
               if isinstance(at, cst.Name)}  # fmt: skip
    return list(dict.fromkeys(name for name in used if name not in targets))


def _header(node: cst.BaseStatement) -> cst.CSTNode:
    match node:
        case cst.For(iter=part) | cst.While(test=part) | cst.If(test=part):
            return part
        case _:
            return cst.Pass()


def _parameters(function: cst.FunctionDef) -> frozenset[str]:
    params = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
    return frozenset(param.name.value for param in params)


def _conditions(name: str, site: Site) -> Iterator[tuple[str, float]]:
    none, zero = about_none(site), raised(site, "ZeroDivisionError")
    empty = raised(site, "IndexError", "ValueError", "StopIteration", "KeyError")
    yield f"not {name}", 1.0 if zero or empty else 0.6
    yield f"{name} is None", 1.0 if none else 0.4
    if zero:
        yield f"{name} == 0", 0.9
    if raised(site, "RecursionError"):
        yield f"{name} <= 0", 0.9
        yield f"{name} <= 1", 0.7
    elif not (none or zero or empty):
        yield f"{name} <= 0", 0.3
        yield f"{name} < 0", 0.3


def _ways_out(node: cst.BaseStatement, function: cst.FunctionDef, site: Site) -> Iterator[tuple[str, float]]:
    if loop_around(site.view, node):
        yield "continue", 1.0
    likely = likely_empty(function)
    for value in EMPTY:
        yield f"return {value}", 1.0 if value in likely else 0.35 if likely else 0.5
    for name in [name for name in site.view.own_names(function) if name not in {"self", "cls"}][:_MOST]:
        yield f"return {name}", 0.35
    if likely & {"0"} or raised(site, "RecursionError"):
        yield "return 1", 0.4
    if "False" in likely:
        yield "return True", 0.6


def _refusals(name: str, site: Site) -> Iterator[tuple[str, str, str]]:
    """Exceptions that a test waited for in vain, with the conditions that may call for them."""
    for (dotted,) in first_groups(site, r"DID NOT RAISE <class '([\w.]+)'>", "Failed"):
        exception = dotted.rpartition(".")[2]
        if exception in site.view.module_names or "." not in dotted:
            yield exception, f"{name} < 0", "negative"
            yield exception, f"not {name}", "empty"
            yield exception, f"{name} is None", "None"
            yield exception, f"{name} <= 0", "zero or negative"
