"""The regular week: for each weekday, the hours that begin on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .clock import MINUTES_PER_DAY, WEEKDAYS
from .intervals import IntervalSet

CLOSED = IntervalSet()
ALL_DAY = IntervalSet.of((0, MINUTES_PER_DAY))


@dataclass(frozen=True)
class WeeklyHours:
    """Seven sets of minutes since that day's midnight, Monday first.

    Hours belong to the day on which they begin: 22:00 to 02:00 on Friday is one interval of Friday's, (1320, 1560),
    and Saturday does not mention it.
    """

    days: tuple[IntervalSet, ...]

    def __post_init__(self) -> None:
        if len(self.days) != len(WEEKDAYS):
            raise ValueError(f"a week has {len(WEEKDAYS)} days, not {len(self.days)}")

    @classmethod
    def from_mapping(cls, hours: Mapping[int, IntervalSet]) -> WeeklyHours:
        """A week from the hours of some weekdays; the others are closed."""
        return cls(tuple(hours.get(weekday, CLOSED) for weekday in range(len(WEEKDAYS))))

    def on(self, weekday: int) -> IntervalSet:
        """The hours that begin on a weekday, Monday being 0."""
        return self.days[weekday]

    @property
    def total(self) -> int:
        """Minutes open in a regular week; what two days share counts once."""
        week = IntervalSet()
        for weekday, hours in enumerate(self.days):
            week |= hours.shift(weekday * MINUTES_PER_DAY)
        length = len(WEEKDAYS) * MINUTES_PER_DAY
        inside = IntervalSet.of((0, length))
        into_next_monday = (week - inside).shift(-length)
        return ((week & inside) | into_next_monday).total
