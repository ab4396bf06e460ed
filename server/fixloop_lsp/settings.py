"""What a client may set, from its JSON to a frozen value. Nothing here asks the client or reports to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from fixloop.records.settings import SANDBOXES, Settings

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
        if name == _SANDBOX:
            settings, more_unknown, more_bad = _confinement(given, settings)
            unknown += more_unknown
            bad += more_bad
        elif known is None:
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


def _confinement(value: object, base: Settings) -> tuple[Settings, list[str], list[str]]:
    """Which tiers may be used and what is let through; each list that is given replaces the one before."""
    if value is None:
        return base, [], []
    if not isinstance(value, Mapping):
        return base, [], [f"{SECTION}.{_SANDBOX} must be an object"]
    unknown: list[str] = []
    bad: list[str] = []
    for name, given in cast("Mapping[str, object]", value).items():
        known = _GRANTS.get(name)
        items = cast("list[object]", given) if isinstance(given, list) else None
        if name == _TIER and given in SANDBOXES:
            base = replace(base, sandbox=given)
        elif name == _TIER and given is not None:
            bad.append(f'{SECTION}.{_SANDBOX}.{_TIER} must be "auto" or "reduced", not {given!r}')
        elif name == _TIER:
            continue
        elif known is None:
            unknown.append(f"{_SANDBOX}.{name}")
        elif items is not None and all(map(known.accepts, items)):
            base = replace(base, grants=replace(base.grants, **{known.field: tuple(map(known.made, items))}))
        elif given is not None:
            # What was given is not repeated: it may hold a secret.
            bad.append(f"{SECTION}.{_SANDBOX}.{name} must be a list of {known.wanted}")
    return base, unknown, bad


@dataclass(frozen=True)
class _Grant:
    field: str
    accepts: Callable[[object], bool]
    made: Callable[[Any], object]
    wanted: str


def _is_path(value: object) -> bool:
    return isinstance(value, str) and _path(value).is_absolute()


def _path(text: str) -> Path:
    return Path.home() / text[2:] if text.startswith("~/") else Path(text)


def _is_port(value: object) -> bool:
    return _is_whole(value) and 0 < cast("int", value) < 1 << 16


def _is_variable(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value) is not None


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
_SANDBOX, _TIER = "sandbox", "tier"
_GRANTS = {
    "allowRead": _Grant("read", _is_path, _path, "whole paths"),
    "allowPorts": _Grant("ports", _is_port, int, "port numbers"),
    "allowEnv": _Grant("env", _is_variable, str, "names of variables, without values"),
}
_FIELDS = {
    "interpreter": "interpreter",
    "model": "model",
    "budgetSeconds": "budget_seconds",
    "checkSeconds": "check_seconds",
    "seed": "seed",
    "testCommand": "test_command",
}
