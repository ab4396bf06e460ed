"""Template: a default value that calls share."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._statements import before, body_of
from fixloop.records.source import Edit, Span


class MutableDefault(Template):
    """Undoes a list, dictionary or set as a default, which every call then changes for the next one."""

    name = "mutable-default"
    prior = 0.9
    visits = (cst.Param, cst.Name)
    examples = (
        Example(
            """
            def add(item, basket=[]):
                basket.append(item)
                return basket
            """,
            """
            def add(item, basket=None):
                if basket is None:
                    basket = []
                basket.append(item)
                return basket
            """,
        ),
        Example(
            '''
            def tag(name, *, seen: dict[str, int] = {}):
                """Count."""
                seen[name] = 1
                return seen
            ''',
            '''
            def tag(name, *, seen: dict[str, int] | None = None):
                """Count."""
                if seen is None:
                    seen = {}
                seen[name] = 1
                return seen
            ''',
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """None as the default, and the value made anew inside."""
        function = site.view.function(node)
        if function is None:
            return
        for param in (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params):
            named = node is param or (isinstance(node, cst.Name) and node.value == param.name.value)
            body = body_of(function)
            if named and body and param.default is not None and _is_shared(param.default):
                yield _made_anew(param, param.default, body[0], site)


def _is_shared(default: cst.BaseExpression) -> bool:
    match default:
        case cst.List() | cst.Dict() | cst.Set() | cst.ListComp() | cst.DictComp() | cst.SetComp():
            return True
        case cst.Call(func=cst.Name(value="list" | "dict" | "set" | "defaultdict" | "Counter" | "deque")):
            return True
        case _:
            return False


def _made_anew(param: cst.Param, default: cst.BaseExpression, first: cst.BaseStatement, site: Site) -> Rewrite:
    view, name, newline = site.view, param.name.value, site.view.source.newline
    indent = view.indent(first)
    guard = f"{indent}if {name} is None:{newline}{indent}{view.default_indent}{name} = {view.text(default)}{newline}"
    edits = [Edit(view.outer(default), "None"), before(view, first, guard)]
    if param.annotation is not None:
        hint = view.text(param.annotation.annotation)
        if "None" not in hint and "Optional" not in hint:
            end = view.outer(param.annotation.annotation).end
            edits.insert(0, Edit(Span(end, end), " | None"))
    return Rewrite(tuple(edits))
