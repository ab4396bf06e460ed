"""What a client may set, from its JSON to a frozen value. Nothing here asks the client or reports to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from fixloop.records.settings import Settings

SECTION = "fixloop"


@dataclass(frozen=True)
class Parsed:
    """Settings with what was wrong in the JSON: ``unknown`` names and, as sentences, ``bad`` values."""

    settings: Settings
    unknown: tuple[str, ...] = ()
    bad: tuple[str, ...] = ()


def parse(value: object, base: Settings | None = None) -> Parsed:
    """Read a client's JSON, given as the section itself or as an object that holds it.

    What is missing keeps its value from ``base``; so does a bad value, which is told in ``bad``.
    """
    settings = base or Settings()
    section = _section(value)
    if section is None:
        return Parsed(settings)
    if not isinstance(section, Mapping):
        return Parsed(settings, bad=(f"{SECTION} must be an object, not {section!r}",))
    unknown: list[str] = []
    bad: list[str] = []
    for name, given in cast("Mapping[str, object]", section).items():
        known = _KNOWN.get(name)
        if known is None:
            unknown.append(name)
        elif given is not None:
            accepted, wanted = known
            if accepted(given):
                settings = replace(settings, **cast("dict[str, Any]", {_FIELDS[name]: given}))
            else:
                bad.append(f"{SECTION}.{name} must be {wanted}, not {given!r}")
    return Parsed(settings, tuple(unknown), tuple(bad))


def _section(value: object) -> object:
    if isinstance(value, Mapping):
        return cast("Mapping[str, object]", value).get(SECTION, cast("object", value))
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < float("inf")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_KNOWN: Mapping[str, tuple[Callable[[object], bool], str]] = {
    "interpreter": (_is_text, "the path of a Python interpreter"),
    "model": (_is_text, 'the name of a model or "none"'),
    "budgetSeconds": (_is_seconds, "a number of seconds above 0"),
    "checkSeconds": (_is_seconds, "a number of seconds above 0"),
    "seed": (_is_whole, "a whole number"),
    "testCommand": (_is_text, "a command line"),
}
_FIELDS = {
    "interpreter": "interpreter",
    "model": "model",
    "budgetSeconds": "budget_seconds",
    "checkSeconds": "check_seconds",
    "seed": "seed",
    "testCommand": "test_command",
}
