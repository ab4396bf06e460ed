"""Template: a coroutine that is not awaited, or an awaited value that is none."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._bounds import called_name
from fixloop.propose.templates._failure import messages
from fixloop.propose.templates._precedence import Level, level, place


class MissingAwait(Template):
    """Undoes calling an ``async`` function without ``await``."""

    name = "missing-await"
    prior = 0.8
    visits = (cst.Call, cst.Await)
    examples = (
        Example(
            """
            async def fetch(key):
                return key

            async def both(a, b):
                return fetch(a), await fetch(b)
            """,
            """
            async def fetch(key):
                return key

            async def both(a, b):
                return await fetch(a), await fetch(b)
            """,
        ),
        Example(
            """
            async def size(store):
                return store.read().length
            """,
            """
            async def size(store):
                return (await store.read()).length
            """,
            "AttributeError",
            "'coroutine' object has no attribute 'length'",
        ),
        Example(
            """
            def plain(x):
                return x

            async def twice(x):
                return await plain(x) * 2
            """,
            """
            def plain(x):
                return x

            async def twice(x):
                return plain(x) * 2
            """,
            "TypeError",
            "object int can't be used in 'await' expression",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The call awaited, or the awaited value as it is."""
        function = site.view.function(node)
        if function is None or function.asynchronous is None:
            return
        said = " ".join(messages(site, "TypeError", "AttributeError", "AssertionError"))
        if isinstance(node, cst.Await):
            weight = 1.0 if "'await' expression" in said else 0.1
            yield place(site.view, node, site.view.text(node.expression), level(node.expression), weight)
        elif isinstance(node, cst.Call) and not isinstance(site.view.parent(node), cst.Await):
            known = called_name(node) in site.view.vocabulary.coroutines
            if known or "coroutine" in said:
                yield place(site.view, node, f"await {site.view.text(node)}", Level.AWAIT, 1.0 if known else 0.6)
