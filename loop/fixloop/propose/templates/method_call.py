"""Template: a method call that is missing, or one too many."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._precedence import Level, level, operand, place

_ADDED = ((".strip()", 0.8), (".lower()", 0.8), (".copy()", 0.8), (".items()", 0.6), (".upper()", 0.4),
          (".values()", 0.5), (".keys()", 0.3), (".split()", 0.4), (".title()", 0.2))  # fmt: skip
_VALUES = (cst.Name, cst.Attribute, cst.Subscript, cst.Call)


class MethodCall(Template):
    """Undoes a forgotten ``.strip()``, ``.lower()``, ``.copy()`` or ``.items()``, and one that was not wanted."""

    name = "method-call"
    prior = 0.5
    visits = _VALUES
    examples = (
        Example(
            """
            def parse(line):
                key, value = line.split('=')
                return key, value
            """,
            """
            def parse(line):
                key, value = line.split('=')
                return key.strip(), value
            """,
        ),
        Example(
            """
            def same(a, b):
                return a == b.lower()
            """,
            """
            def same(a, b):
                return a.lower() == b.lower()
            """,
        ),
        Example(
            """
            def pairs(table):
                return [(k, v) for k, v in table]
            """,
            """
            def pairs(table):
                return [(k, v) for k, v in table.items()]
            """,
            "ValueError",
        ),
        Example(
            """
            def defaults(base):
                merged = base
                merged['x'] = 1
                return merged
            """,
            """
            def defaults(base):
                merged = base.copy()
                merged['x'] = 1
                return merged
            """,
        ),
        Example(
            """
            def slug(title):
                return title.lower().strip()
            """,
            """
            def slug(title):
                return title.strip()
            """,
        ),
        Example(
            """
            class T:
                def size(self): return 1
                def big(self):
                    return self.size > 3
            """,
            """
            class T:
                def size(self): return 1
                def big(self):
                    return self.size() > 3
            """,
            "TypeError",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The receiver without its call, and the value with one more."""
        if not isinstance(node, _VALUES):
            return
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            receiver = node.func.value
            if not (
                isinstance(receiver, cst.Name) and receiver.value in {"self", "cls", *site.view.vocabulary.imported}
            ):
                weight = 0.8 if not node.args else 0.3
                yield place(site.view, node, site.view.text(receiver), level(receiver), weight)
        if (
            isinstance(node, cst.Attribute)
            and node.attr.value in site.view.vocabulary.methods
            and _is_value(node, site)
        ):
            yield Rewrite.replace(site.view.span(node), f"{site.view.text(node)}()", 1.0)
        scale = _place(node, site)
        if scale:
            text = operand(site.view, node, Level.ATOM)
            for call, weight in _ADDED:
                if not text.endswith(call):
                    yield place(site.view, node, text + call, Level.ATOM, scale * weight)


def _is_value(node: cst.Attribute, site: Site) -> bool:
    return _place(node, site) > 0 or isinstance(site.view.parent(node), cst.BooleanOperation | cst.If | cst.CompIf)


def _place(node: cst.BaseExpression, site: Site) -> float:
    if isinstance(node, cst.Name) and node.value in {"self", "cls", "None", "True", "False"}:
        return 0.0
    match site.view.parent(node):
        case cst.Return() | cst.For() | cst.CompFor() | cst.Assign() as parent:
            wanted = parent.iter if isinstance(parent, cst.For | cst.CompFor) else parent.value
            return 0.8 if wanted is node else 0.0
        case cst.Comparison() | cst.ComparisonTarget() | cst.Index():
            return 0.7
        case cst.Arg(keyword=keyword):
            return 0.0 if keyword is node else 0.5
        case cst.Element() | cst.ListComp() | cst.SetComp() | cst.GeneratorExp() | cst.DictComp():
            return 0.5
        case _:
            return 0.0
