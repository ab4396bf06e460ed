"""Small pieces of prose that every report shares."""

from __future__ import annotations

import unicodedata

_HARMLESS = frozenset("\n\t")
_TURNS_TEXT = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 test``, ``2 tests``, ``3 patches``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """``0.8 s``, ``12 s``, ``3 min 5 s``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"


def printable(text: str) -> str:
    """``text`` with what could steer a terminal or reorder what is read spelt out: code under test may have made it."""
    return "".join(char if _is_harmless(char) else _spelt(char) for char in text)


def _is_harmless(char: str) -> bool:
    return char in _HARMLESS or (char not in _TURNS_TEXT and unicodedata.category(char) not in {"Cc", "Cs"})


def _spelt(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def one_line(text: str, limit: int = 240) -> str:
    """The text on one line, cut off where it grows long."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= limit else f"{flat[: limit - 1]}…"
