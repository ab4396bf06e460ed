"""Every attack of the catalogue: held in each tier that must hold it, for root and for an ordinary user, and doing
damage where there is no sandbox.
"""

from __future__ import annotations

import os

import pytest

from boxes import NOT_LINUX
from fixloop.sandbox.run import Tier, choose_tier
from hostile.sandbox.attacks.catalogue import ATTACKS, THEMES
from hostile.sandbox.attacks.other import OTHER, as_other
from hostile.sandbox.attacks.record import Attack
from hostile.sandbox.attacks.scene import bare, inside, outcome

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="the attacks are Linux's")


def _conceded(name: str, tier: Tier) -> bool:
    """True while the tier itself says that it does not prevent this."""
    report, gap = choose_tier(), ATTACKS[name].gap
    return bool(gap) and report.tier is tier and any(gap in sentence for sentence in report.gaps)


@pytest.mark.parametrize(
    ("tier", "name"),
    [(tier, name) for tier in Tier for name, attack in ATTACKS.items() if tier.value in attack.holds_in],
)
def test_an_attack_is_held(tier: Tier, name: str) -> None:
    if _conceded(name, tier):
        pytest.skip(f"a gap that the tier states: {ATTACKS[name].gap}")
    damage, trouble = outcome(ATTACKS[name], inside(tier))
    assert (damage, trouble) == ([], "")


@pytest.mark.parametrize("name", [name for name, attack in ATTACKS.items() if not attack.unsafe])
def test_an_attack_does_damage_without_a_sandbox(name: str) -> None:
    damage, trouble = outcome(ATTACKS[name], bare)
    assert damage or ATTACKS[name].unless, trouble


as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be or serve another user")


def _expected(theme: str, tier: Tier) -> dict[str, Attack]:
    return {
        name: attack
        for name, attack in ATTACKS.items()
        if name.startswith(f"{theme}:") and tier.value in attack.holds_in and not _conceded(name, tier)
    }


@as_root
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tier", Tier)
def test_the_attacks_of_an_ordinary_user_are_held(tier: Tier, theme: str) -> None:
    codes = {name: (attack.code, attack.victim) for name, attack in _expected(theme, tier).items()}
    assert {name: found for name, found in as_other(tier.value, codes).items() if found != [[], ""]} == {}


@as_root
@pytest.mark.parametrize("theme", ["files", "processes", "secrets"])
def test_the_attacks_are_held_where_the_workspace_is_another_users(theme: str) -> None:
    runner = inside(Tier.FULL)
    found = {name: outcome(attack, runner, OTHER)[0] for name, attack in _expected(theme, Tier.FULL).items()}
    assert {name: damage for name, damage in found.items() if damage} == {}
