"""A repair as the front end leaves it: what was found, and what became of the user's files."""

from __future__ import annotations

from dataclasses import dataclass

from fixloop.assembly import Place
from fixloop.cli.texts import Texts
from fixloop.records.events import RepairResult


@dataclass(frozen=True)
class Repaired:
    """A repair that is over. ``ending`` says what became of the user's files; ``status`` is for the shell."""

    result: RepairResult
    texts: Texts
    place: Place
    ending: str
    status: int
