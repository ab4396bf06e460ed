"""How alike two identifiers are, and which of many is likeliest meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@lru_cache(maxsize=1 << 14)
def similarity(a: str, b: str) -> float:
    """0 for strangers, 1 for the same identifier; shared words count as much as shared letters."""
    letters = difflib.SequenceMatcher(None, a.lower(), b.lower(), autojunk=False).ratio()
    mine, theirs = words(a), words(b)
    shared = len(mine & theirs) / max(len(mine | theirs), 1)
    return max(letters, shared)


def words(name: str) -> frozenset[str]:
    """The words of an identifier in lower case, snake and camel case alike."""
    return frozenset(word.lower() for word in _WORDS.findall(name))


def likeliest(name: str, among: Iterable[str], most: int, at_least: float = 0.0) -> tuple[tuple[str, float], ...]:
    """The identifiers most like ``name``, best first, with their similarity."""
    scored = [(other, similarity(name, other)) for other in dict.fromkeys(among) if other != name]
    kept = [pair for pair in scored if pair[1] >= at_least]
    kept.sort(key=lambda pair: -pair[1])
    return tuple(kept[:most])
