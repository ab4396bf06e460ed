"""Times of day as minutes since midnight, and the names of the weekdays."""

from __future__ import annotations

import re

MINUTES_PER_DAY = 24 * 60

WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
"""Names in the order of ``date.weekday()``."""

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


class HoursError(ValueError):
    """A text that does not describe opening hours; the message quotes the part that is wrong."""


def parse_clock(text: str) -> int:
    """Minutes since midnight for ``"HH:MM"``, up to ``"48:00"``, the end of the following day."""
    match = _CLOCK.fullmatch(text.strip())
    if match is None:
        raise HoursError(f"not a time of day: {text.strip()!r}")
    hour, minute = int(match.group(1)), int(match.group(2))
    total = 60 * hour + minute
    if minute > 59 or total > 2 * MINUTES_PER_DAY:
        raise HoursError(f"not a time of day: {text.strip()!r}")
    return total


def format_clock(minute: int) -> str:
    """``"HH:MM"`` for minutes since midnight; the inverse of ``parse_clock``."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def parse_weekday(text: str) -> int:
    """The number of a weekday, Monday being 0, from its two-letter name in any case."""
    name = text.strip().capitalize()
    if name not in WEEKDAYS:
        raise HoursError(f"not a weekday: {text.strip()!r}")
    return WEEKDAYS.index(name)
