from __future__ import annotations

import random

import pytest

from opening_hours import Interval, IntervalSet, WeeklyHours, format_hours, parse_hours
from opening_hours.formatting import format_weekdays

CANONICAL = [
    "24/7",
    "Mo-Su off",
    "Mo-Su 09:00-17:00",
    "Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-14:00; Su off",
    "Mo,We,Fr 08:00-12:00; Tu,Th,Sa-Su off",
    "Mo-Th,Su off; Fr-Sa 22:00-04:00",
    "Mo 06:00-30:00; Tu-Su off",
    "Mo 00:00-26:00; Tu-Su off",
]


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_stays_as_it_is(text: str) -> None:
    assert format_hours(parse_hours(text)) == text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("mo-fr 9:00-17:00", "Mo-Fr 09:00-17:00; Sa-Su off"),
        ("Su off; Mo-Sa 13:00-18:00, 08:00-12:00", "Mo-Sa 08:00-12:00,13:00-18:00; Su off"),
        ("09:00-12:00,12:00-17:00", "Mo-Su 09:00-17:00"),
        ("00:00-24:00", "24/7"),
        ("Sa-Mo 20:00-00:00", "Mo,Sa-Su 20:00-24:00; Tu-Fr off"),
    ],
)
def test_other_spellings_become_canonical(text: str, canonical: str) -> None:
    assert format_hours(parse_hours(text)) == canonical


@pytest.mark.parametrize(
    ("weekdays", "text"), [([0], "Mo"), ([0, 1], "Mo-Tu"), ([0, 2, 3, 4, 6], "Mo,We-Fr,Su"), ([5, 6], "Sa-Su")]
)
def test_joins_consecutive_days(weekdays: list[int], text: str) -> None:
    assert format_weekdays(weekdays) == text


@pytest.mark.parametrize("seed", range(8))
def test_reading_undoes_writing(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(10):
        week = random_week(source)
        assert parse_hours(format_hours(week)) == week


def random_week(source: random.Random) -> WeeklyHours:
    choices = [random_day(source) for _ in range(3)]
    return WeeklyHours(tuple(source.choice(choices) for _ in range(7)))


def random_day(source: random.Random) -> IntervalSet:
    starts = [15 * source.randrange(96) for _ in range(source.randrange(4))]
    return IntervalSet(Interval(start, start + 15 * source.randrange(1, 40)) for start in starts)
