"""The calendar: a regular week plus the dates that differ from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from .clock import MINUTES_PER_DAY
from .intervals import IntervalSet
from .week import ALL_DAY, WeeklyHours


@dataclass(frozen=True)
class Schedule:
    """Answers when a place is open.

    An exception replaces the hours that *begin* on its date. What began the evening before still runs to its end.
    """

    week: WeeklyHours
    exceptions: Mapping[date, IntervalSet] = field(default_factory=dict[date, IntervalSet])

    def hours_from(self, day: date) -> IntervalSet:
        """The hours that begin on ``day``; they may end on the next."""
        return self.exceptions.get(day, self.week.on(day.weekday()))

    def hours_on(self, day: date) -> IntervalSet:
        """The minutes of the calendar day at which the place is open, the end of last night's hours included."""
        last_night = self.hours_from(day - timedelta(days=1)).shift(-MINUTES_PER_DAY)
        return (self.hours_from(day) | last_night) & ALL_DAY

    def is_open(self, moment: datetime) -> bool:
        """Whether the place is open at ``moment``. It is at the minute of opening, and no longer at that of closing."""
        return _minute_of_day(moment) in self.hours_on(moment.date())

    def next_change(self, moment: datetime, horizon_days: int = 60) -> datetime | None:
        """When the place next opens or closes, strictly after ``moment``; None if it does not within the horizon."""
        timeline = self._timeline(moment.date(), horizon_days)
        boundary = timeline.next_boundary(_minute_of_day(moment))
        if boundary is None or boundary == horizon_days * MINUTES_PER_DAY:
            return None
        return _moment(moment, boundary)

    def changes(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, bool]]:
        """Each opening (True) and closing (False) after ``start`` and up to ``end``."""
        # One day more than asked for, so that the end of the timeline is no closing.
        days = (end.date() - start.date()).days + 2
        for span in self._timeline(start.date(), days):
            for boundary, opens in ((span.start, True), (span.end, False)):
                moment = _moment(start, boundary)
                if start < moment <= end:
                    yield moment, opens

    def open_minutes(self, first: date, last: date) -> int:
        """Minutes open on the dates from ``first`` to ``last``, both included."""
        if last < first:
            raise ValueError(f"the range ends before it starts: {first} to {last}")
        return self._timeline(first, (last - first).days + 1).total

    def _timeline(self, first: date, days: int) -> IntervalSet:
        """The open minutes of some days in a row, counted from the first one's midnight."""
        return IntervalSet(
            span.shift(number * MINUTES_PER_DAY)
            for number in range(days)
            for span in self.hours_on(first + timedelta(days=number))
        )


def _minute_of_day(moment: datetime) -> int:
    return 60 * moment.hour + moment.minute


def _moment(day: datetime, minute: int) -> datetime:
    """The moment that many minutes after the midnight at which ``day`` began."""
    return datetime.combine(day.date(), time(), day.tzinfo) + timedelta(minutes=minute)
