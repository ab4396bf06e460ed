"""Template: a key that may be missing, or must not be."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import about_none, raised
from fixloop.propose.templates._precedence import Level, operand

_DEFAULTS = ("", "0", "[]", '""', "{}", "False")


class DictionaryAccess(Template):
    """Undoes ``d[k]`` where the key may be missing, and ``d.get(k)`` where it may not or needs a default."""

    name = "dictionary-access"
    prior = 0.7
    visits = (cst.Subscript, cst.Call, cst.AugAssign)
    examples = (
        Example(
            """
            def port(config):
                return config['port']
            """,
            """
            def port(config):
                return config.get('port')
            """,
            "KeyError",
            "'port'",
        ),
        Example(
            """
            def count(words):
                seen = {}
                for word in words:
                    seen[word] += 1
                return seen
            """,
            """
            def count(words):
                seen = {}
                for word in words:
                    seen[word] = seen.get(word, 0) + 1
                return seen
            """,
            "KeyError",
            "'a'",
        ),
        Example(
            """
            def stock(items, name):
                return items.get(name) + 1
            """,
            """
            def stock(items, name):
                return items.get(name, 0) + 1
            """,
            "TypeError",
            "unsupported operand type(s) for +: 'NoneType' and 'int'",
        ),
        Example(
            """
            def price(table, name):
                return table.get(name)
            """,
            """
            def price(table, name):
                return table[name]
            """,
            "Failed",
            "DID NOT RAISE <class 'KeyError'>",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The other way to look the key up."""
        if isinstance(node, cst.AugAssign):
            yield from _accumulated(node, site)
        elif isinstance(node, cst.Subscript):
            yield from _softened(node, site)
        elif isinstance(node, cst.Call):
            yield from _get(node, site)


def _softened(node: cst.Subscript, site: Site) -> Iterator[Rewrite]:
    key = _key(node)
    if key is None or isinstance(site.view.parent(node), cst.AssignTarget | cst.AugAssign | cst.Del | cst.Annotation):
        return
    scale = 1.0 if raised(site, "KeyError") else 0.15 if isinstance(key, cst.Integer | cst.UnaryOperation) else 0.3
    for default in _DEFAULTS:
        yield Rewrite.replace(site.view.span(node), _lookup(node.value, key, default, site), scale * _weight(default))


def _get(node: cst.Call, site: Site) -> Iterator[Rewrite]:
    match node:
        case cst.Call(func=cst.Attribute(value=table, attr=cst.Name(value="get")), args=(cst.Arg(value=key), *rest)):
            strict = f"{operand(site.view, table, Level.ATOM)}[{site.view.text(key)}]"
            yield Rewrite.replace(site.view.span(node), strict, 0.5)
            if not rest:
                scale = 1.0 if about_none(site) else 0.6
                for default in _DEFAULTS[1:]:
                    yield Rewrite.replace(
                        site.view.span(node), _lookup(table, key, default, site), scale * _weight(default)
                    )
        case _:
            return


def _accumulated(node: cst.AugAssign, site: Site) -> Iterator[Rewrite]:
    if not isinstance(node.target, cst.Subscript) or not isinstance(node.operator, cst.AddAssign):
        return
    key = _key(node.target)
    if key is None:
        return
    scale = 1.0 if raised(site, "KeyError") else 0.2
    target, value = site.view.text(node.target), operand(site.view, node.value, Level.TERM)
    for default in ("0", "[]", '""'):
        text = f"{target} = {_lookup(node.target.value, key, default, site)} + {value}"
        yield Rewrite.replace(site.view.span(node), text, scale * _weight(default))


def _key(node: cst.Subscript) -> cst.BaseExpression | None:
    match node.slice:
        case (cst.SubscriptElement(slice=cst.Index(star=star, value=value)),) if not star:
            return None if isinstance(value, cst.Tuple) and not value.lpar else value
        case _:
            return None


def _lookup(table: cst.BaseExpression, key: cst.BaseExpression, default: str, site: Site) -> str:
    found = operand(site.view, key, Level.TERNARY) if not isinstance(key, cst.Tuple) else f"({site.view.text(key)})"
    return f"{operand(site.view, table, Level.ATOM)}.get({found}{', ' if default else ''}{default})"


def _weight(default: str) -> float:
    return max(0.4, 1.0 - 0.12 * _DEFAULTS.index(default))
