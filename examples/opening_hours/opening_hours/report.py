"""Sentences and tables about a schedule, and the command line that prints them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from .clock import WEEKDAYS, HoursError
from .formatting import format_hours, format_ranges
from .parser import parse_exceptions, parse_hours
from .schedule import Schedule


def status_line(schedule: Schedule, moment: datetime) -> str:
    """One sentence: ``"Open until Fr 18:00 (in 2 h 15 min)."``"""
    state = "Open" if schedule.is_open(moment) else "Closed"
    change = schedule.next_change(moment)
    if change is None:
        return f"{state} until further notice."
    wait = format_duration(int((change - moment).total_seconds()) // 60)
    return f"{state} until {WEEKDAYS[change.weekday()]} {change:%H:%M} (in {wait})."


def week_table(schedule: Schedule, first: date) -> str:
    """Seven lines from ``first`` on, a mark on the dates that are exceptions, and the sum of the hours."""
    lines: list[str] = []
    for number in range(len(WEEKDAYS)):
        day = first + timedelta(days=number)
        mark = "*" if day in schedule.exceptions else " "
        lines.append(f"{WEEKDAYS[day.weekday()]} {day}{mark} {format_ranges(schedule.hours_from(day))}")
    total = schedule.open_minutes(first, first + timedelta(days=len(WEEKDAYS) - 1))
    return "\n".join([*lines, f"Total: {format_duration(total)}"])


def format_duration(minutes: int) -> str:
    """``"2 h 15 min"``, leaving out what is zero."""
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h"] if hours else []
    if rest or not hours:
        parts.append(f"{rest} min")
    return " ".join(parts)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status: 0 open, 1 closed, 2 for hours that cannot be read."""
    parser = argparse.ArgumentParser(prog="opening-hours", description="Say whether a place is open.")
    parser.add_argument("hours", help="such as 'Mo-Fr 09:00-18:00; Sa 10:00-14:00'")
    parser.add_argument("--at", metavar="TIME", help="a moment as 2024-05-06T10:00 (default: now)")
    parser.add_argument("--on", metavar="RULE", action="append", default=[], help="such as '2024-12-24 09:00-13:00'")
    parser.add_argument("--week", action="store_true", help="also print the seven days from that moment on")
    options = parser.parse_args(argv)
    try:
        schedule = Schedule(parse_hours(options.hours), parse_exceptions(options.on))
        moment = datetime.fromisoformat(options.at) if options.at else datetime.now()
    except HoursError as error:
        print(f"opening-hours: {error}", file=sys.stderr)
        return 2
    except ValueError:
        print(f"opening-hours: not a moment: {options.at!r}", file=sys.stderr)
        return 2
    print(format_hours(schedule.week))
    print(status_line(schedule, moment))
    if options.week:
        print(week_table(schedule, moment.date()))
    return 0 if schedule.is_open(moment) else 1
