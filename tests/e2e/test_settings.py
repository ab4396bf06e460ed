"""A client's JSON as settings."""

from __future__ import annotations

import pytest

from fixloop_lsp.settings import Parsed, Settings, parse

BUDGET = "fixloop.budgetSeconds must be a number of seconds above 0, not "


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        (None, Parsed(Settings())),
        ({}, Parsed(Settings())),
        ({"seed": 4}, Parsed(Settings(seed=4))),
        ({"fixloop": {"interpreter": "/p"}}, Parsed(Settings(interpreter="/p"))),
        ({"testCommand": "make test"}, Parsed(Settings(test_command="make test"))),
        ({"testCommand": " "}, Parsed(Settings(), bad=("fixloop.testCommand must be a command line, not ' '",))),
        ({"fixloop": None}, Parsed(Settings())),
        ({"fixloop": {"interpreter": None}}, Parsed(Settings())),
        ({"fixloop": 3}, Parsed(Settings(), bad=("fixloop must be an object, not 3",))),
        ({"budgetSeconds": 9.5, "colour": "red"}, Parsed(Settings(budget_seconds=9.5), ("colour",))),
        ({"budgetSeconds": 0, "seed": 1}, Parsed(Settings(seed=1), bad=(BUDGET + "0",))),
        ({"budgetSeconds": True}, Parsed(Settings(), bad=(BUDGET + "True",))),
        ({"seed": 1.5}, Parsed(Settings(), bad=("fixloop.seed must be a whole number, not 1.5",))),
    ],
)
def test_settings(value: object, parsed: Parsed) -> None:
    assert parse(value) == parsed


def test_what_is_missing_keeps_its_value() -> None:
    assert parse({"seed": 2}, Settings(model="m", seed=1)).settings == Settings(model="m", seed=2)
