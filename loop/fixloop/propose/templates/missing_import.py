"""Template: a name that is used and never imported."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.syntax import STDLIB_NAMES
from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import first_groups
from fixloop.propose.templates._statements import after, before, is_docstring
from fixloop.records.source import Edit, Span

_HOMES = {
    "collections": "Counter OrderedDict defaultdict deque namedtuple ChainMap",
    "collections.abc": "Callable Iterable Iterator Mapping MutableMapping Sequence Generator Hashable",
    "contextlib": "contextmanager suppress closing ExitStack asynccontextmanager",
    "copy": "deepcopy copy",
    "dataclasses": "dataclass field replace asdict astuple",
    "datetime": "datetime date timedelta timezone",
    "decimal": "Decimal ROUND_HALF_UP ROUND_HALF_EVEN ROUND_DOWN",
    "enum": "Enum IntEnum StrEnum Flag auto",
    "abc": "ABC abstractmethod",
    "fractions": "Fraction",
    "functools": "cache cached_property lru_cache partial reduce wraps total_ordering singledispatch",
    "heapq": "heappush heappop heapify nlargest nsmallest",
    "bisect": "bisect_left bisect_right insort",
    "itertools": "accumulate chain combinations count cycle groupby islice pairwise permutations product repeat "
    "takewhile dropwhile zip_longest starmap tee",
    "math": "ceil floor gcd inf isclose pi prod sqrt hypot isnan log log2 log10 factorial",
    "operator": "attrgetter itemgetter mul add",
    "pathlib": "Path PurePath",
    "random": "choice randint shuffle",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits punctuation Template",
    "typing": "Any Optional Union NamedTuple TypedDict Protocol TypeVar Literal ClassVar cast overload",
    "urllib.parse": "urlencode urljoin urlparse quote unquote parse_qs",
    "uuid": "uuid4 UUID",
}
_HOME_OF: dict[str, str] = {}
for _module, _names in _HOMES.items():
    for _name in _names.split():
        _HOME_OF.setdefault(_name, _module)


class MissingImport(Template):
    """Undoes using a name of the standard library, or of another file of the project, without importing it."""

    name = "missing-import"
    prior = 1.0
    visits = (cst.Name,)
    examples = (
        Example(
            '''
            """Shapes."""

            def circle(r):
                return math.pi * r ** 2
            ''',
            '''
            """Shapes."""

            import math

            def circle(r):
                return math.pi * r ** 2
            ''',
            "NameError",
            "name 'math' is not defined. Did you forget to import 'math'?",
        ),
        Example(
            """
            from collections import deque

            def tally(words):
                return Counter(words), deque()
            """,
            """
            from collections import deque, Counter

            def tally(words):
                return Counter(words), deque()
            """,
            "NameError",
            "name 'Counter' is not defined",
        ),
        Example(
            """
            import re

            def here():
                return Path('.')
            """,
            """
            import re
            from pathlib import Path

            def here():
                return Path('.')
            """,
            "NameError",
            "name 'Path' is not defined",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """An import of the name from each place that is known to have it."""
        assert isinstance(node, cst.Name)
        missing = first_groups(site, r"name '(\w+)' is not defined", "NameError")
        if (node.value,) not in missing:
            return
        if node.value in STDLIB_NAMES:
            yield _new_line(f"import {node.value}", site)
        homes = [*site.elsewhere.get(node.value, ())]
        if node.value in _HOME_OF:
            homes.append(_HOME_OF[node.value])
        for module in homes:
            yield _from(module, node.value, site)


def _from(module: str, name: str, site: Site) -> Rewrite:
    for line in site.view.module.body:
        for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            match statement:
                case cst.ImportFrom(module=cst.Name() | cst.Attribute() as home, names=[*_, cst.ImportAlias() as last]):
                    if site.view.text(home) == module and not statement.relative:
                        end = site.view.span(last.asname.name if last.asname else last.name).end
                        return Rewrite((Edit(Span(end, end), f", {name}"),))
                case _:
                    pass
    return _new_line(f"from {module} import {name}", site)


def _new_line(text: str, site: Site) -> Rewrite:
    view, newline = site.view, site.view.source.newline
    body = view.module.body
    opening = 1 if body and is_docstring(body[0]) else 0
    last = opening - 1
    for at, line in enumerate(body):
        if isinstance(line, cst.SimpleStatementLine) and isinstance(line.body[0], cst.Import | cst.ImportFrom):
            last = at
        elif at >= opening:
            break
    if last >= opening:
        return Rewrite((after(view, body[last], text + newline),))
    if opening:
        return Rewrite((after(view, body[0], newline + text + newline),))
    return Rewrite((before(view, body[0], text + newline + newline),))
