"""Schedules that several test files ask about. The dates lie in May 2024; Monday is the 6th."""

from __future__ import annotations

from datetime import date

import pytest

from opening_hours import Schedule, parse_exceptions, parse_hours


@pytest.fixture
def monday() -> date:
    return date(2024, 5, 6)


@pytest.fixture
def shop() -> Schedule:
    return Schedule(
        parse_hours("Mo-Fr 09:00-12:30,13:30-18:00; Sa 10:00-14:00; Su off"),
        parse_exceptions(["2024-05-09 off  # Ascension Day", "2024-05-10 10:00-13:00"]),
    )


@pytest.fixture
def bar() -> Schedule:
    return Schedule(parse_hours("Mo off; Tu-Th 18:00-24:00; Fr-Sa 18:00-02:00; Su 16:00-22:00"))
