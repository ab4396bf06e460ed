"""Template: a function's sibling, called by mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._names import likeliest

_METHODS = (
    ("lower", "upper", "capitalize", "title", "casefold", "swapcase"), ("append", "extend", "insert"),
    ("append", "appendleft"), ("append", "add"), ("pop", "popleft", "popitem"), ("strip", "lstrip", "rstrip"),
    ("strip", "removeprefix", "removesuffix"), ("startswith", "endswith"),
    ("find", "rfind", "index", "rindex", "count"),
    ("split", "rsplit", "splitlines", "partition", "rpartition"), ("partition", "rpartition"),
    ("keys", "values", "items"), ("add", "discard", "remove"), ("remove", "pop"), ("update", "setdefault"),
    ("get", "pop", "setdefault"), ("union", "intersection", "difference", "symmetric_difference"),
    ("issubset", "issuperset", "isdisjoint"), ("isdigit", "isalpha", "isalnum", "isspace", "isnumeric", "isdecimal"),
    ("isupper", "islower", "istitle"), ("ljust", "rjust", "center", "zfill"), ("sort", "reverse"),
    ("read", "readline", "readlines"), ("write", "writelines"), ("match", "search", "fullmatch"),
    ("findall", "finditer"), ("floor", "ceil", "trunc"), ("sin", "cos", "tan"), ("log", "log2", "log10"),
    ("seconds", "total_seconds", "days"), ("dumps", "dump"), ("loads", "load"), ("mean", "median", "mode"),
    ("heappush", "heappop", "heappushpop", "heapreplace"), ("nlargest", "nsmallest"),
    ("bisect_left", "bisect_right", "bisect"), ("insort_left", "insort_right"), ("permutations", "combinations"),
    ("combinations", "combinations_with_replacement"), ("zip_longest", "zip"), ("takewhile", "dropwhile"),
    ("encode", "decode"), ("put", "get"), ("chain", "from_iterable"),
)  # fmt: skip
_FUNCTIONS = (
    ("min", "max"), ("any", "all"), ("sum", "len", "max"), ("sorted", "reversed", "list"),
    ("list", "set", "tuple", "frozenset"),
    ("int", "float", "round"), ("str", "repr"), ("floor", "ceil", "trunc", "round"), ("abs", "round"), ("chr", "ord"),
    ("map", "filter"), ("isinstance", "issubclass"), ("zip", "enumerate"), ("divmod", "pow"), ("getattr", "hasattr"),
    ("bin", "hex", "oct"), ("iter", "next"), ("bool", "int"), ("dict", "list", "set"),
    ("deepcopy", "copy"), ("lru_cache", "cache"), *_METHODS[-18:],
)  # fmt: skip
_OWN_MOST = 4
_OWN_ALIKE = 0.45


def _siblings(families: tuple[tuple[str, ...], ...]) -> Mapping[str, tuple[str, ...]]:
    table: dict[str, dict[str, None]] = {}
    for family in families:
        for member in family:
            table.setdefault(member, {}).update((other, None) for other in family if other != member)
    return {member: tuple(others) for member, others in table.items()}


_METHOD_SIBLINGS = _siblings(_METHODS)
_FUNCTION_SIBLINGS = _siblings(_FUNCTIONS)


class SiblingFunction(Template):
    """Undoes calling a function's sibling: ``lower`` for ``upper``, ``append`` for ``extend``, ``min`` for ``max``."""

    name = "sibling-function"
    prior = 0.75
    visits = (cst.Attribute, cst.Name)
    examples = (
        Example(
            """
            def flatten(lists):
                out = []
                for items in lists:
                    out.append(items)
                return out
            """,
            """
            def flatten(lists):
                out = []
                for items in lists:
                    out.extend(items)
                return out
            """,
        ),
        Example(
            """
            def ready(tasks):
                return any(task.done for task in tasks)
            """,
            """
            def ready(tasks):
                return all(task.done for task in tasks)
            """,
        ),
        Example(
            """
            def is_test(path):
                return path.startswith('_test.py')
            """,
            """
            def is_test(path):
                return path.endswith('_test.py')
            """,
        ),
        Example(
            """
            import math

            def boxes(n, size):
                return math.floor(n / size)
            """,
            """
            import math

            def boxes(n, size):
                return math.ceil(n / size)
            """,
        ),
        Example(
            """
            def load_json(p): ...
            def load_toml(p): ...
            def read(path):
                return load_json(path)
            """,
            """
            def load_json(p): ...
            def load_toml(p): ...
            def read(path):
                return load_toml(path)
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The siblings of a method or function, then similar ones of the file's own."""
        view = site.view
        if isinstance(node, cst.Attribute):
            called = _is_called(node, site)
            for order, other in enumerate(_METHOD_SIBLINGS.get(node.attr.value, ()) if called else ()):
                yield Rewrite.replace(view.span(node.attr), other, max(0.4, 1.0 - 0.12 * order))
            if called:
                yield from _own(node.attr, view.vocabulary.methods, site)
        elif isinstance(node, cst.Name) and _is_used(node, site):
            for order, other in enumerate(_FUNCTION_SIBLINGS.get(node.value, ())):
                yield Rewrite.replace(view.span(node), other, max(0.4, 1.0 - 0.12 * order))
            if _is_called(node, site) and node.value in view.module_names:
                yield from _own(node, view.vocabulary.callables, site)


def _own(name: cst.Name, names: tuple[str, ...], site: Site) -> Iterator[Rewrite]:
    if name.value in names:
        for other, alike in likeliest(name.value, names, _OWN_MOST, _OWN_ALIKE):
            yield Rewrite.replace(site.view.span(name), other, 0.7 * alike)


def _is_called(node: cst.BaseExpression, site: Site) -> bool:
    parent = site.view.parent(node)
    return isinstance(parent, cst.Call) and parent.func is node


def _is_used(node: cst.Name, site: Site) -> bool:
    """Called, or passed on as a function."""
    if node.value not in _FUNCTION_SIBLINGS and node.value not in site.view.vocabulary.callables:
        return False
    parent = site.view.parent(node)
    return _is_called(node, site) or (isinstance(parent, cst.Arg) and parent.value is node)
