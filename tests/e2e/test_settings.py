"""A client's JSON as settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixloop.records.settings import Grants
from fixloop_lsp.settings import Parsed, Settings, parse

LIST_OF = "fixloop.sandbox."
BUDGET = "fixloop.budgetSeconds must be a number of seconds above 0, not "


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        (None, Parsed(Settings())),
        ({}, Parsed(Settings())),
        ({"seed": 4}, Parsed(Settings(seed=4))),
        ({"sandbox": {"tier": "reduced"}}, Parsed(Settings(sandbox="reduced"))),
        (
            {"sandbox": {"tier": "off"}},
            Parsed(Settings(), bad=('fixloop.sandbox.tier must be "auto" or "reduced", not \'off\'',)),
        ),
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
        (
            {"sandbox": {"allowRead": ["/data"], "allowPorts": [5432], "allowEnv": ["DATABASE_URL"]}},
            Parsed(Settings(grants=Grants((Path("/data"),), (5432,), ("DATABASE_URL",)))),
        ),
        ({"sandbox": {"allowRead": ["~/data"]}}, Parsed(Settings(grants=Grants((Path.home() / "data",))))),
        ({"sandbox": {"network": True}}, Parsed(Settings(), ("sandbox.network",))),
        ({"sandbox": None}, Parsed(Settings())),
        ({"sandbox": []}, Parsed(Settings(), bad=("fixloop.sandbox must be an object",))),
        (
            {"sandbox": {"allowRead": ["data"]}},
            Parsed(Settings(), bad=(LIST_OF + "allowRead must be a list of whole paths",)),
        ),
        (
            {"sandbox": {"allowPorts": [0]}},
            Parsed(Settings(), bad=(LIST_OF + "allowPorts must be a list of port numbers",)),
        ),
        (
            {"sandbox": {"allowPorts": [True]}},
            Parsed(Settings(), bad=(LIST_OF + "allowPorts must be a list of port numbers",)),
        ),
    ],
)
def test_settings(value: object, parsed: Parsed) -> None:
    assert parse(value) == parsed


def test_a_value_given_with_a_variable_is_not_repeated() -> None:
    (said,) = parse({"sandbox": {"allowEnv": ["TOKEN=s3cret"]}}).bad
    assert said == LIST_OF + "allowEnv must be a list of names of variables, without values"


def test_grants_that_are_not_given_stay() -> None:
    base = Settings(grants=Grants(ports=(1,), env=("A",)))
    assert parse({"sandbox": {"allowPorts": []}}, base).settings.grants == Grants(env=("A",))


def test_what_is_missing_keeps_its_value() -> None:
    assert parse({"seed": 2}, Settings(model="m", seed=1)).settings == Settings(model="m", seed=2)
