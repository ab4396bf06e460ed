"""Every attack of the catalogue: held in each tier that must hold it, for root and for an ordinary user, and doing
damage where there is no sandbox.
"""

from __future__ import annotations

import os
import sys

import pytest

from boxes import NOT_LINUX, SYSTEM_PYTHON, all_tiers
from fixloop.sandbox.gaps import GAPS
from fixloop.sandbox.run import Tier
from hostile.sandbox.attacks.catalogue import ATTACKS, THEMES
from hostile.sandbox.attacks.other import OTHER, as_other
from hostile.sandbox.attacks.record import Attack
from hostile.sandbox.attacks.scene import bare, inside, outcome, outcomes

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="the attacks are Linux's")
themes = pytest.mark.parametrize("theme", THEMES)


def _expected(theme: str, tier: Tier) -> dict[str, Attack]:
    """The attacks of a theme that a tier has to hold: all but those that it says it does not prevent."""
    return {
        name: attack
        for name, attack in ATTACKS.items()
        if name.startswith(f"{theme}:")
        and tier.value in attack.holds_in
        and not (attack.gap and any(attack.gap in sentence for sentence in GAPS[tier]))
    }


@all_tiers
@themes
def test_the_attacks_are_held(tier: Tier, theme: str) -> None:
    assert _not_held(outcomes(_expected(theme, tier), inside(tier))) == {}


@pytest.mark.skipif(os.getuid() != 0 or sys.executable == SYSTEM_PYTHON, reason="only root has another user's tier")
@pytest.mark.parametrize("theme", ["files", "processes", "kernel", "secrets"])
def test_the_attacks_are_held_by_modes_alone(theme: str) -> None:
    """Of the throw-away user, under a Python for which it needs no capability."""
    attacks = {name: attack for name, attack in _expected(theme, Tier.ROOT).items() if attack.may_share}
    assert _not_held(outcomes(attacks, inside(Tier.ROOT, SYSTEM_PYTHON))) == {}


def test_full_holds_all_and_every_gap_is_one_that_a_tier_states() -> None:
    assert all("full" in attack.holds_in for attack in ATTACKS.values())
    assert GAPS[Tier.FULL] == ()
    stated = "".join(sentence for gaps in GAPS.values() for sentence in gaps)
    assert [attack.name for attack in ATTACKS.values() if attack.gap not in stated] == []


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if not attack.unsafe])
def test_an_attack_does_damage_without_a_sandbox(name: str) -> None:
    damage, trouble = outcome(ATTACKS[name], bare)
    assert damage or ATTACKS[name].unless, trouble


as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be or serve another user")


def _not_held(found: dict[str, tuple[list[str], str]]) -> dict[str, tuple[list[str], str]]:
    return {name: what for name, what in found.items() if what != ([], "")}


@as_root
@themes
@pytest.mark.parametrize("tier", [Tier.FULL, Tier.REDUCED])
def test_the_attacks_of_an_ordinary_user_are_held(tier: Tier, theme: str) -> None:
    codes = {name: (attack.code, attack.victim, attack.unsafe) for name, attack in _expected(theme, tier).items()}
    assert {name: found for name, found in as_other(tier.value, codes).items() if found != [[], ""]} == {}


@as_root
@pytest.mark.parametrize("theme", ["files", "processes", "secrets"])
def test_the_attacks_are_held_where_the_workspace_is_another_users(theme: str) -> None:
    found = outcomes(_expected(theme, Tier.FULL), inside(Tier.FULL), OTHER)
    assert {name: damage for name, (damage, _) in found.items() if damage} == {}
