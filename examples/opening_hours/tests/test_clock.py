from __future__ import annotations

import pytest

from opening_hours.clock import HoursError, format_clock, parse_clock, parse_weekday


@pytest.mark.parametrize(
    ("text", "minutes"),
    [("00:00", 0), ("9:05", 545), ("12:30", 750), (" 18:00 ", 1080), ("24:00", 1440), ("48:00", 2880)],
)
def test_reads_a_time_of_day(text: str, minutes: int) -> None:
    assert parse_clock(text) == minutes


@pytest.mark.parametrize("text", ["", "noon", "12", "12:60", "1230", "12:3", "48:01", "-1:00", "12:30:00"])
def test_refuses_what_is_not_a_time(text: str) -> None:
    with pytest.raises(HoursError, match="not a time of day"):
        parse_clock(text)


def test_writing_a_time_undoes_reading_it() -> None:
    assert all(parse_clock(format_clock(minute)) == minute for minute in range(0, 2881, 7))


@pytest.mark.parametrize(("text", "weekday"), [("Mo", 0), ("sa", 5), (" SU ", 6)])
def test_reads_a_weekday(text: str, weekday: int) -> None:
    assert parse_weekday(text) == weekday


def test_refuses_an_unknown_weekday() -> None:
    with pytest.raises(HoursError, match="'Xx'"):
        parse_weekday("Xx")
