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
            "async def fetch(key):\n    return key\n\nasync def both(a, b):\n    return fetch(a), await fetch(b)\n",
            "async def fetch(key):\n    return key\n\nasync def both(a, b):\n    return await fetch(a), await fetch(b)\n",
        ),
        Example(
            "async def size(store):\n    return store.read().length\n",
            "async def size(store):\n    return (await store.read()).length\n",
            "AttributeError",
            "'coroutine' object has no attribute 'length'",
        ),
        Example(
            "def plain(x):\n    return x\n\nasync def twice(x):\n    return await plain(x) * 2\n",
            "def plain(x):\n    return x\n\nasync def twice(x):\n    return plain(x) * 2\n",
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
