"""What a repair template is, and what it may look at.

A template looks at one syntax node of a suspect line and names rewrites of it. It never runs anything and never
judges: it only has to be quick and to guess well. Each one lives in a file of its own under ``templates`` and carries
the examples that are both its documentation and its tests.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import libcst as cst

from fixloop.propose.syntax import SyntaxView
from fixloop.records.execution import CheckResult
from fixloop.records.source import Edit, Span


@dataclass(frozen=True)
class Example:
    """A faulty text and the text that the template must be able to make of it.

    A text may start on a line of its own and be indented with the code around it. ``exception`` and ``message`` set
    the failure that templates driven by an error message react to.
    """

    before: str
    after: str
    exception: str = "AssertionError"
    message: str = ""

    def __post_init__(self) -> None:
        for name in ("before", "after"):
            text: str = getattr(self, name)
            if text.startswith("\n"):
                object.__setattr__(self, name, textwrap.dedent(text[1:]))


@dataclass(frozen=True)
class Rewrite:
    """Disjoint edits that together are one candidate. ``weight`` in (0, 1] scales the template's prior."""

    edits: tuple[Edit, ...]
    weight: float = 1.0

    @classmethod
    def replace(cls, span: Span, text: str, weight: float = 1.0) -> Rewrite:
        """Replace one span."""
        return cls((Edit(span, text),), weight)


def _nowhere() -> Mapping[str, tuple[str, ...]]:
    return {}


@dataclass(frozen=True)
class Site:
    """Where a template looks: the parsed file, and the failures that made the line a suspect.

    ``elsewhere`` maps names that other files of the project define to the dotted modules they can be imported from.
    """

    view: SyntaxView
    failures: Sequence[CheckResult]
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=_nowhere)


class Template(Protocol):
    """One kind of small repair. Classes, not instances, are registered; they hold no state."""

    name: ClassVar[str]
    """Stable identifier, kebab-case: shown to users and stored in history."""
    prior: ClassVar[float]
    """How often this kind of repair is the right one, relative to the others, in (0, 1]."""
    visits: ClassVar[tuple[type[cst.CSTNode], ...]]
    """Node types that ``rewrites`` wants to see."""
    examples: ClassVar[tuple[Example, ...]]

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """Candidate rewrites around ``node``, likeliest first."""
        ...
