"""Template: a name that does not exist, where a similar one does."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import first_groups
from fixloop.propose.templates._names import likeliest

_ALIKE = 0.5
_MOST = 6
_HINT = r"(?:.*Did you mean:? '?(?:\w+\.)*(\w+)'?)?"


class MisspeltName(Template):
    """Undoes a misspelt variable, attribute, keyword or key, as the error message names it."""

    name = "misspelt-name"
    prior = 1.0
    visits = (cst.Name, cst.SimpleString)
    examples = (
        Example(
            """
            def mean(values):
                return sum(values) / len(vaules)
            """,
            """
            def mean(values):
                return sum(values) / len(values)
            """,
            "NameError",
            "name 'vaules' is not defined. Did you mean: 'values'?",
        ),
        Example(
            """
            def shout(text):
                return text.uper()
            """,
            """
            def shout(text):
                return text.upper()
            """,
            "AttributeError",
            "'str' object has no attribute 'uper'. Did you mean: 'upper'?",
        ),
        Example(
            """
            def newest(rows):
                return sorted(rows, reversed=True)
            """,
            """
            def newest(rows):
                return sorted(rows, reverse=True)
            """,
            "TypeError",
            "sort() got an unexpected keyword argument 'reversed'",
        ),
        Example(
            """
            def full(user):
                return user['frist'] + ' ' + user['last']

            def first(user):
                return user['first']
            """,
            """
            def full(user):
                return user['first'] + ' ' + user['last']

            def first(user):
                return user['first']
            """,
            "KeyError",
            "'frist'",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """What the message suggests, then the likest names in reach."""
        if isinstance(node, cst.SimpleString):
            yield from _keys(node, site)
        elif isinstance(node, cst.Name):
            for missing, hints, reach in _complaints(node, site):
                if missing != node.value:
                    continue
                span = site.view.span(node)
                for hint in hints:
                    yield Rewrite.replace(span, hint)
                for other, alike in likeliest(missing, reach, _MOST, _ALIKE):
                    yield Rewrite.replace(span, other, alike)


def _complaints(node: cst.Name, site: Site) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """What is missing, what Python suggests, and what there is, if a failure is about this kind of name."""
    parent = site.view.parent(node)
    if isinstance(parent, cst.Attribute) and parent.attr is node:
        found = first_groups(site, rf"has no attribute '(\w+)'{_HINT}", "AttributeError")
        reach = tuple(dict.fromkeys([*site.view.vocabulary.attributes, *_METHODS]))
    elif isinstance(parent, cst.Arg) and parent.keyword is node:
        found = first_groups(site, rf"unexpected keyword argument '(\w+)'{_HINT}", "TypeError")
        reach = tuple(dict.fromkeys([*site.view.vocabulary.keywords, *_KEYWORDS]))
    elif isinstance(parent, cst.ImportAlias | cst.ImportFrom):
        found = first_groups(site, rf"cannot import name '(\w+)'{_HINT}", "ImportError")
        reach = tuple(site.elsewhere)
    else:
        pattern = rf"(?:name|variable) '(\w+)' is (?:not defined|not associated){_HINT}"
        found = first_groups(site, pattern, "NameError", "UnboundLocalError")
        reach = site.view.reachable_names(node)
    for missing, hint in found:
        yield missing, (hint,) if hint and hint != missing else (), reach


def _keys(node: cst.SimpleString, site: Site) -> Iterator[Rewrite]:
    missing = node.raw_value
    if any(key == missing for (key,) in first_groups(site, r"^'(.*)'$", "KeyError")):
        start = len(node.prefix) + len(node.quote)
        for other, alike in likeliest(missing, site.view.vocabulary.keys, _MOST, _ALIKE):
            text = node.value[:start] + other + node.quote
            yield Rewrite.replace(site.view.span(node), text, alike)


_METHODS = tuple(
    dict.fromkeys(
        name
        for kind in (str, list, dict, set, tuple, int, float, bytes)
        for name in dir(kind)
        if not name.startswith("_")
    )
)
_KEYWORDS = ("key", "reverse", "default", "sep", "end", "start", "maxsplit", "encoding", "errors", "strict", "indent")
