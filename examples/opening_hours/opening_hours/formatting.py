"""From hours back to text, in one canonical spelling: ``parse_hours(format_hours(week)) == week``."""

from __future__ import annotations

from .clock import MINUTES_PER_DAY, WEEKDAYS, format_clock
from .intervals import Interval, IntervalSet
from .week import ALL_DAY, WeeklyHours


def format_hours(week: WeeklyHours) -> str:
    """Days with the same hours share a rule; rules stand in the order of their first day."""
    if all(hours == ALL_DAY for hours in week.days):
        return "24/7"
    rules: dict[IntervalSet, list[int]] = {}
    for weekday, hours in enumerate(week.days):
        rules.setdefault(hours, []).append(weekday)
    return "; ".join(f"{format_weekdays(days)} {format_ranges(hours)}" for hours, days in rules.items())


def format_ranges(hours: IntervalSet) -> str:
    """One day's hours: ``"09:00-12:30,13:30-18:00"``, or ``"off"``."""
    return ",".join(_format_range(span) for span in hours) or "off"


def format_weekdays(weekdays: list[int]) -> str:
    """Ascending weekdays with consecutive ones joined: ``"Mo-We,Fr"``."""
    runs: list[list[int]] = []
    for weekday in weekdays:
        if runs and weekday == runs[-1][-1] + 1:
            runs[-1].append(weekday)
        else:
            runs.append([weekday])
    return ",".join("-".join(WEEKDAYS[day] for day in sorted({run[0], run[-1]})) for run in runs)


def _format_range(span: Interval) -> str:
    end = span.end
    # An interval of a day or more keeps its long form, 00:00-26:00: the short one would lose a day.
    if end > MINUTES_PER_DAY and span.length < MINUTES_PER_DAY:
        end -= MINUTES_PER_DAY
    return f"{format_clock(span.start)}-{format_clock(end)}"
