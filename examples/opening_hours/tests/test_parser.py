from __future__ import annotations

from datetime import date

import pytest

from opening_hours import HoursError, IntervalSet, parse_exceptions, parse_hours, parse_ranges

NINE_TO_FIVE = IntervalSet.of((540, 1020))
CLOSED = IntervalSet()


def open_days(text: str) -> list[int]:
    return [weekday for weekday, hours in enumerate(parse_hours(text).days) if hours]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("09:00-17:00", [(540, 1020)]),
        ("13:30-18:00, 09:00-12:30", [(540, 750), (810, 1080)]),
        ("09:00-13:00,12:00-17:00", [(540, 1020)]),
        ("22:00-02:00", [(1320, 1560)]),
        ("22:00-24:00", [(1320, 1440)]),
        ("22:00-00:00", [(1320, 1440)]),
        ("22:00-26:00", [(1320, 1560)]),
        ("off", []),
        ("Closed", []),
    ],
)
def test_reads_one_day(text: str, pairs: list[tuple[int, int]]) -> None:
    assert parse_ranges(text) == IntervalSet.of(*pairs)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ("Mo", [0]),
        ("Mo-Fr", [0, 1, 2, 3, 4]),
        ("Mo,We-Fr", [0, 2, 3, 4]),
        ("sa, su", [5, 6]),
        ("Sa-Mo", [0, 5, 6]),
        ("Mo-Su", [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_reads_days(days: str, expected: list[int]) -> None:
    assert open_days(f"{days} 09:00-17:00") == expected


def test_a_rule_without_days_is_for_every_day() -> None:
    assert parse_hours("09:00-17:00").days == (NINE_TO_FIVE,) * 7


def test_a_later_rule_replaces_an_earlier_one() -> None:
    week = parse_hours("Mo-Fr 09:00-17:00; We off; Th 10:00-12:00;")
    assert week.on(1) == NINE_TO_FIVE
    assert week.on(2) == CLOSED
    assert week.on(3) == IntervalSet.of((600, 720))
    assert week.on(5) == CLOSED


def test_always_open() -> None:
    assert parse_hours(" 24/7 ").total == 7 * 24 * 60


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no rules"),
        (" ; ", "no rules"),
        ("Mo", "'Mo'"),
        ("Mo-Xx 09:00-17:00", "not a weekday: 'Xx'"),
        ("Mo 09:00", "not a range of times: '09:00'"),
        ("Mo 09:00-25:61", "not a time of day: '25:61'"),
        ("Mo 09:00-09:00", "write 00:00-24:00"),
        ("Mo 25:00-26:00", "must begin before midnight"),
        ("Mo ,", "no hours in"),
    ],
)
def test_says_what_it_cannot_read(text: str, complaint: str) -> None:
    with pytest.raises(HoursError, match=complaint):
        parse_hours(text)


def test_reads_exceptions() -> None:
    lines = ["# Christmas", "2024-12-24 09:00-13:00", "", "2024-12-25 off  # all day"]
    assert parse_exceptions(lines) == {date(2024, 12, 24): IntervalSet.of((540, 780)), date(2024, 12, 25): CLOSED}


@pytest.mark.parametrize(("line", "complaint"), [("tomorrow off", "not a date"), ("2024-12-24", "no hours in")])
def test_refuses_a_bad_exception(line: str, complaint: str) -> None:
    with pytest.raises(HoursError, match=complaint):
        parse_exceptions([line])
