from __future__ import annotations

from datetime import date, datetime

import pytest

from opening_hours import Schedule, parse_hours
from opening_hours.report import format_duration, main, status_line, week_table

WEEK = "Mo-Fr 09:00-18:00; Sa-Su off"


@pytest.mark.parametrize(
    ("minutes", "text"), [(0, "0 min"), (45, "45 min"), (60, "1 h"), (135, "2 h 15 min"), (6000, "100 h")]
)
def test_durations(minutes: int, text: str) -> None:
    assert format_duration(minutes) == text


@pytest.mark.parametrize(
    ("moment", "line"),
    [
        (datetime(2024, 5, 6, 10, 15), "Open until Mo 12:30 (in 2 h 15 min)."),
        (datetime(2024, 5, 6, 12, 30), "Closed until Mo 13:30 (in 1 h)."),
        (datetime(2024, 5, 8, 18, 0), "Closed until Fr 10:00 (in 40 h)."),
    ],
)
def test_status_of_the_shop(shop: Schedule, moment: datetime, line: str) -> None:
    assert status_line(shop, moment) == line


def test_status_of_the_bar_at_night(bar: Schedule) -> None:
    assert status_line(bar, datetime(2024, 5, 10, 23, 15)) == "Open until Sa 02:00 (in 2 h 45 min)."


@pytest.mark.parametrize(("hours", "state"), [("24/7", "Open"), ("off", "Closed")])
def test_status_that_never_changes(hours: str, state: str) -> None:
    assert status_line(Schedule(parse_hours(hours)), datetime(2024, 5, 6)) == f"{state} until further notice."


def test_week_table(shop: Schedule, monday: date) -> None:
    assert week_table(shop, monday).splitlines() == [
        "Mo 2024-05-06  09:00-12:30,13:30-18:00",
        "Tu 2024-05-07  09:00-12:30,13:30-18:00",
        "We 2024-05-08  09:00-12:30,13:30-18:00",
        "Th 2024-05-09* off",
        "Fr 2024-05-10* 10:00-13:00",
        "Sa 2024-05-11  10:00-14:00",
        "Su 2024-05-12  off",
        "Total: 31 h",
    ]


def test_command_line_of_an_open_shop(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([WEEK, "--at", "2024-05-06T17:30"]) == 0
    assert capsys.readouterr().out == f"{WEEK}\nOpen until Mo 18:00 (in 30 min).\n"


def test_command_line_of_a_closed_shop_with_its_week(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([WEEK, "--at", "2024-05-06T08:00", "--on", "2024-05-06 off", "--week"]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "Closed until Tu 09:00 (in 25 h)."
    assert printed[-1] == "Total: 36 h"


@pytest.mark.parametrize(("arguments", "word"), [(["Mo 9-5"], "'9'"), ([WEEK, "--at", "noon"], "'noon'")])
def test_command_line_names_what_it_cannot_read(
    arguments: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert word in capsys.readouterr().err
