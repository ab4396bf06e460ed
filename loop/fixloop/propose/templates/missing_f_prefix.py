"""Template: a string that was meant to be formatted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.records.source import Edit, Span

_FIELD = re.compile(r"\{([A-Za-z_]\w*)[^{}]*\}")


class MissingFPrefix(Template):
    """Undoes forgetting the ``f`` before a string with fields in it."""

    name = "missing-f-prefix"
    prior = 0.8
    visits = (cst.SimpleString,)
    examples = (
        Example(
            """
            def greet(name):
                return 'Hello, {name}!'
            """,
            """
            def greet(name):
                return f'Hello, {name}!'
            """,
        ),
        Example(
            """
            def url(host, port):
                return f'http://{host}' ':{port}'
            """,
            """
            def url(host, port):
                return f'http://{host}' f':{port}'
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The string with the prefix, when every field is a name in reach."""
        assert isinstance(node, cst.SimpleString)
        fields = [str(name) for name in _FIELD.findall(node.value)]
        parent = site.view.parent(node)
        formatted = isinstance(parent, cst.Attribute) and parent.attr.value in {"format", "format_map"}
        if not fields or node.prefix not in {"", "r", "R"} or formatted:
            return
        names = {*site.view.local_names(node), *site.view.module_names}
        if all(name in names for name in fields):
            start = site.view.span(node).start
            yield Rewrite((Edit(Span(start, start), "f"),))
