from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from opening_hours import IntervalSet, Schedule, parse_exceptions, parse_hours


def at(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2024-05-{day:02d}T{clock}")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(6, "08:59:59"), False),
        (at(6, "09:00"), True),
        (at(6, "12:29:59"), True),
        (at(6, "12:30"), False),
        (at(6, "13:30"), True),
        (at(6, "18:00"), False),
        (at(11, "12:00"), True),
        (at(12, "12:00"), False),
        (at(9, "10:00"), False),
        (at(10, "09:30"), False),
        (at(10, "12:45"), True),
    ],
)
def test_shop_is_open(shop: Schedule, moment: datetime, expected: bool) -> None:
    assert shop.is_open(moment) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(6, "23:00"), False),
        (at(7, "23:59"), True),
        (at(8, "00:00"), False),
        (at(10, "23:30"), True),
        (at(11, "00:00"), True),
        (at(11, "01:59"), True),
        (at(11, "02:00"), False),
        (at(12, "01:00"), True),
        (at(13, "01:00"), False),
    ],
)
def test_bar_is_open_past_midnight(bar: Schedule, moment: datetime, expected: bool) -> None:
    assert bar.is_open(moment) is expected


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (at(6, "07:00"), at(6, "09:00")),
        (at(6, "09:00"), at(6, "12:30")),
        (at(6, "12:30"), at(6, "13:30")),
        (at(6, "17:59:30"), at(6, "18:00")),
        (at(6, "18:00"), at(7, "09:00")),
        (at(8, "18:00"), at(10, "10:00")),
        (at(11, "14:00"), at(13, "09:00")),
    ],
)
def test_next_change_of_the_shop(shop: Schedule, moment: datetime, expected: datetime) -> None:
    assert shop.next_change(moment) == expected


def test_bar_closes_after_midnight(bar: Schedule) -> None:
    assert bar.next_change(at(10, "19:00")) == at(11, "02:00")
    assert bar.next_change(at(11, "00:30")) == at(11, "02:00")


def test_evening_that_ends_at_midnight(bar: Schedule) -> None:
    assert bar.next_change(at(7, "19:00")) == at(8, "00:00")


def test_hours_of_two_days_that_touch_are_one_stretch() -> None:
    garage = Schedule(parse_hours("Mo 08:00-24:00; Tu 00:00-20:00"))
    assert garage.next_change(at(6, "12:00")) == at(7, "20:00")


def test_what_is_always_open_never_changes() -> None:
    assert Schedule(parse_hours("24/7")).next_change(at(6, "12:00")) is None


def test_what_is_never_open_never_changes() -> None:
    assert Schedule(parse_hours("off")).next_change(at(6, "12:00")) is None


def test_a_change_beyond_the_horizon_is_not_seen(shop: Schedule) -> None:
    assert shop.next_change(at(11, "14:00"), horizon_days=2) is None
    assert shop.next_change(at(11, "14:00"), horizon_days=3) == at(13, "09:00")


def test_next_change_keeps_the_time_zone(shop: Schedule) -> None:
    zone = timezone(timedelta(hours=2))
    assert shop.next_change(at(6, "10:00").replace(tzinfo=zone)) == at(6, "12:30").replace(tzinfo=zone)


def test_changes_alternate(bar: Schedule) -> None:
    weekend = list(bar.changes(at(10, "12:00"), at(12, "16:00")))
    assert weekend == [
        (at(10, "18:00"), True),
        (at(11, "02:00"), False),
        (at(11, "18:00"), True),
        (at(12, "02:00"), False),
        (at(12, "16:00"), True),
    ]


@pytest.mark.parametrize(
    ("first", "last", "minutes"),
    [
        (date(2024, 5, 6), date(2024, 5, 6), 480),
        (date(2024, 5, 9), date(2024, 5, 9), 0),
        (date(2024, 5, 6), date(2024, 5, 12), 3 * 480 + 180 + 240),
        (date(2024, 5, 13), date(2024, 5, 19), 5 * 480 + 240),
    ],
)
def test_open_minutes_of_the_shop(shop: Schedule, first: date, last: date, minutes: int) -> None:
    assert shop.open_minutes(first, last) == minutes


def test_open_minutes_count_last_night(bar: Schedule) -> None:
    saturday = date(2024, 5, 11)
    assert bar.open_minutes(saturday, saturday) == 120 + 360


def test_open_minutes_refuse_a_reversed_range(shop: Schedule, monday: date) -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        shop.open_minutes(monday, monday - timedelta(days=1))


def test_a_regular_week_sums_to_its_total(bar: Schedule, monday: date) -> None:
    assert bar.open_minutes(monday, monday + timedelta(days=6)) == bar.week.total


def test_a_sunday_night_counts_once_in_the_week() -> None:
    assert parse_hours("Su 22:00-02:00; Mo 01:00-03:00").total == 240 + 60


def test_is_open_and_next_change_agree(bar: Schedule) -> None:
    moment, end = at(6, "00:00"), at(13, "00:00")
    while moment < end:
        change = bar.next_change(moment)
        assert change is not None
        assert bar.is_open(change) != bar.is_open(moment)
        moment += timedelta(minutes=95)


def test_an_exception_leaves_last_night_alone() -> None:
    schedule = Schedule(parse_hours("Fr-Sa 22:00-04:00"), parse_exceptions(["2024-05-11 off"]))
    assert schedule.hours_on(date(2024, 5, 11)) == IntervalSet.of((0, 240))
    assert schedule.hours_on(date(2024, 5, 12)) == IntervalSet()
