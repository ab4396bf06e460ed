"""From text to hours. The notation is the common core of OpenStreetMap's ``opening_hours``.

A week is a list of rules with semicolons between them. Where two rules name a day, the later one holds::

    Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-14:00; Su off

A range that ends before it starts runs into the next day (``22:00-02:00``). ``24/7`` is always open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from .clock import MINUTES_PER_DAY, WEEKDAYS, HoursError, parse_clock, parse_weekday
from .intervals import Interval, IntervalSet
from .week import ALL_DAY, CLOSED, WeeklyHours

_RULE = re.compile(r"(?:(?P<days>[A-Za-z]{2}(?:\s*[-,]\s*[A-Za-z]{2})*)\s+)?(?P<hours>.+)")
_CLOSED_WORDS = frozenset({"off", "closed"})


def parse_hours(text: str) -> WeeklyHours:
    """The week that ``text`` describes. Raises HoursError."""
    if text.strip() == "24/7":
        return WeeklyHours((ALL_DAY,) * len(WEEKDAYS))
    hours: dict[int, IntervalSet] = {}
    for rule in _parts(text, ";"):
        match = _RULE.fullmatch(rule)
        if match is None:
            raise HoursError(f"not a rule: {rule!r}")
        ranges = parse_ranges(match["hours"])
        for weekday in _weekdays(match["days"] or "Mo-Su"):
            hours[weekday] = ranges
    if not hours:
        raise HoursError("no rules: write 'off' for a place that never opens")
    return WeeklyHours.from_mapping(hours)


def parse_ranges(text: str) -> IntervalSet:
    """One day's hours, such as ``"09:00-12:30,13:30-18:00"`` or ``"off"``. Raises HoursError."""
    if text.strip().lower() in _CLOSED_WORDS:
        return CLOSED
    ranges = [_range(part) for part in _parts(text, ",")]
    if not ranges:
        raise HoursError(f"no hours in {text!r}")
    return IntervalSet(ranges)


def parse_exceptions(lines: Iterable[str]) -> dict[date, IntervalSet]:
    """Dates with hours of their own, one a line: ``"2024-12-24 09:00-13:00"``.

    Blank lines, and whatever follows a ``#``, are skipped. Raises HoursError.
    """
    exceptions: dict[date, IntervalSet] = {}
    for line in lines:
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        day, _, ranges = entry.partition(" ")
        exceptions[_date(day)] = parse_ranges(ranges)
    return exceptions


def _parts(text: str, separator: str) -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise HoursError(f"not a date: {text!r}") from None


def _range(text: str) -> Interval:
    opens, dash, closes = text.partition("-")
    if not dash:
        raise HoursError(f"not a range of times: {text!r}")
    start, end = parse_clock(opens), parse_clock(closes)
    if start >= MINUTES_PER_DAY:
        raise HoursError(f"hours must begin before midnight: {text!r}")
    if start == end:
        raise HoursError(f"write 00:00-24:00 for a whole day, not {text!r}")
    if end < start:
        end += MINUTES_PER_DAY
    return Interval(start, end)


def _weekdays(text: str) -> list[int]:
    """The days of ``"Mo,We-Fr"``; a range may run over the weekend, as in ``"Sa-Mo"``."""
    days: list[int] = []
    for part in _parts(text, ","):
        first, dash, last = part.partition("-")
        start = parse_weekday(first)
        end = parse_weekday(last) if dash else start
        count = (end - start) % len(WEEKDAYS) + 1
        days.extend((start + step) % len(WEEKDAYS) for step in range(count))
    return days
