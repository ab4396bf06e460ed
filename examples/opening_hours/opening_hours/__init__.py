"""Opening hours of shops, bars and libraries: parse them, ask about them, write them back.

>>> from datetime import datetime
>>> shop = Schedule(parse_hours("Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-14:00; Su off"))
>>> shop.is_open(datetime(2024, 5, 6, 12, 45))
False
>>> shop.next_change(datetime(2024, 5, 6, 12, 45))
datetime.datetime(2024, 5, 6, 13, 30)

All times are wall-clock times of the place itself; time zones are left to the caller.
"""

from .clock import HoursError
from .formatting import format_hours, format_ranges
from .intervals import Interval, IntervalSet
from .parser import parse_exceptions, parse_hours, parse_ranges
from .schedule import Schedule
from .week import WeeklyHours

__all__ = [
    "HoursError",
    "Interval",
    "IntervalSet",
    "Schedule",
    "WeeklyHours",
    "format_hours",
    "format_ranges",
    "parse_exceptions",
    "parse_hours",
    "parse_ranges",
]
