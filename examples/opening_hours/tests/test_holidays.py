"""A library over the end of the year, from the regular week to the exceptions and back."""

from __future__ import annotations

import unittest
from datetime import date, datetime

from opening_hours import Schedule, parse_exceptions, parse_hours


class LibraryAtNewYear(unittest.TestCase):
    def setUp(self) -> None:
        self.library = Schedule(
            parse_hours("Mo-Fr 08:00-20:00; Sa 09:00-13:00"),
            parse_exceptions(
                [
                    "2024-12-24 08:00-12:00",
                    "2024-12-25 off",
                    "2024-12-26 off",
                    "2024-12-31 20:00-24:00  # a night of reading",
                    "2025-01-01 00:00-06:00",
                ]
            ),
        )

    def test_closes_early_on_christmas_eve(self) -> None:
        self.assertTrue(self.library.is_open(datetime(2024, 12, 24, 11, 59)))
        self.assertFalse(self.library.is_open(datetime(2024, 12, 24, 12, 0)))

    def test_opens_again_after_the_holidays(self) -> None:
        self.assertEqual(self.library.next_change(datetime(2024, 12, 24, 12, 0)), datetime(2024, 12, 27, 8, 0))

    def test_reads_through_the_night(self) -> None:
        self.assertEqual(self.library.next_change(datetime(2024, 12, 31, 21, 0)), datetime(2025, 1, 1, 6, 0))

    def test_the_week_of_christmas_is_short(self) -> None:
        minutes = self.library.open_minutes(date(2024, 12, 23), date(2024, 12, 29))
        self.assertEqual(minutes, 60 * (12 + 4 + 12 + 4))

    def test_the_regular_week_knows_no_exceptions(self) -> None:
        self.assertEqual(self.library.week.total, 60 * (5 * 12 + 4))
