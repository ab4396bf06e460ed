"""Template: the wrong exception is caught or raised."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import first_groups

_TOO_WIDE = frozenset(
    {"Exception", "BaseException", "AssertionError", "SystemExit", "KeyboardInterrupt", "GeneratorExit"}
)
_RELATED = {
    "ValueError": ("TypeError", "KeyError", "IndexError"),
    "TypeError": ("ValueError", "AttributeError"),
    "KeyError": ("IndexError", "ValueError", "LookupError", "AttributeError"),
    "IndexError": ("KeyError", "ValueError", "LookupError"),
    "AttributeError": ("KeyError", "TypeError"),
    "RuntimeError": ("ValueError", "NotImplementedError"),
    "OSError": ("FileNotFoundError", "ValueError"),
    "FileNotFoundError": ("OSError", "ValueError"),
    "ArithmeticError": ("ZeroDivisionError", "ValueError"),
    "StopIteration": ("IndexError", "StopAsyncIteration"),
    "ZeroDivisionError": ("ValueError", "ArithmeticError"),
}


class ExceptionType(Template):
    """Undoes catching another exception than the one that comes, and raising another than is documented."""

    name = "exception-type"
    prior = 0.65
    visits = (cst.ExceptHandler, cst.Raise)
    examples = (
        Example(
            """
            def lookup(table, key):
                try:
                    return table[key]
                except IndexError:
                    return None
            """,
            """
            def lookup(table, key):
                try:
                    return table[key]
                except KeyError:
                    return None
            """,
            "KeyError",
            "'a'",
        ),
        Example(
            """
            def number(text):
                try:
                    return int(text)
                except ValueError:
                    return 0
            """,
            """
            def number(text):
                try:
                    return int(text)
                except (ValueError, TypeError):
                    return 0
            """,
            "TypeError",
            "int() argument must be a string",
        ),
        Example(
            """
            def check(age):
                if age < 0:
                    raise TypeError('negative age')
            """,
            """
            def check(age):
                if age < 0:
                    raise ValueError('negative age')
            """,
            "TypeError",
            "negative age",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """What was raised instead of, or besides, what is caught; a relative of what is raised."""
        if isinstance(node, cst.ExceptHandler):
            yield from _caught(node, site)
        elif isinstance(node, cst.Raise):
            called = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
            if isinstance(called, cst.Name):
                others = [*_awaited(site), *_RELATED.get(called.value, ()), *_own(site)]
                for order, other in enumerate(name for name in dict.fromkeys(others) if name != called.value):
                    yield Rewrite.replace(site.view.span(called), other, 0.85**order)


def _caught(node: cst.ExceptHandler, site: Site) -> Iterator[Rewrite]:
    if node.type is None:
        return
    caught, span = site.view.text(node.type), site.view.outer(node.type)
    held = caught.replace(",", " ").split()
    came = dict.fromkeys(name for name in _raised(site) if name not in held)
    for name in came:
        yield Rewrite.replace(span, name)
        yield Rewrite.replace(span, f"({caught.rstrip(', ')}, {name})", 0.9)
    for name in _RELATED.get(caught, ()) if not came else ():
        yield Rewrite.replace(span, name, 0.3)


def _raised(site: Site) -> Iterator[str]:
    for result in site.failures:
        name = result.failure.exception.rpartition(".")[2] if result.failure else ""
        known = isinstance(getattr(builtins, name, None), type) or name in site.view.module_names
        if known and name.isidentifier() and name not in _TOO_WIDE:
            yield name


def _awaited(site: Site) -> Iterator[str]:
    for (dotted,) in first_groups(site, r"DID NOT RAISE <class '([\w.]+)'>", "Failed"):
        name = dotted.rpartition(".")[2]
        if "." not in dotted or name in site.view.module_names:
            yield name


def _own(site: Site) -> Iterator[str]:
    ends = ("Error", "Exception", "Warning")
    return (name for name in site.view.module_names if name.endswith(ends) and name not in _TOO_WIDE)
