"""What ``fixloop doctor`` looks at, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

NEEDED = frozenset({"interpreter", "sandbox"})


@dataclass(frozen=True)
class DoctorItem:
    """One thing that was looked at. ``area`` is ``interpreter``, ``sandbox``, ``layers``, ``model`` or ``editors``.

    ``remedy`` says what to do when ``ok`` is false or better can be had, and is empty otherwise.
    """

    area: str
    name: str
    ok: bool
    detail: str
    remedy: str = ""


def can_repair(items: tuple[DoctorItem, ...]) -> bool:
    """True when everything that a repair cannot do without is there. A model and an editor are choices."""
    return all(item.ok for item in items if item.area in NEEDED)
