"""Every attack of the catalogue: held in each tier that must hold it, for root and for an ordinary user, and doing
damage where there is no sandbox.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from boxes import NOT_LINUX, PACKAGES, SYSTEM_PYTHON, system_python_serves_others
from fixloop.sandbox.run import Tier, choose_tier
from hostile.sandbox.attacks.catalogue import ATTACKS, THEMES
from hostile.sandbox.attacks.scene import bare, inside, outcome

pytestmark = pytest.mark.skipif(NOT_LINUX, reason="the attacks are Linux's")

TESTS = Path(__file__).parents[2]
OTHER = 54321


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


@pytest.mark.skipif(os.getuid() != 0, reason="every other test already runs as an ordinary user")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("tier", Tier)
def test_the_attacks_of_an_ordinary_user_are_held(tier: Tier, theme: str) -> None:
    if not Path(SYSTEM_PYTHON).exists() or not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    names = [
        name
        for name, attack in ATTACKS.items()
        if name.startswith(f"{theme}:") and tier.value in attack.holds_in and not _conceded(name, tier)
    ]
    done = subprocess.run(
        [SYSTEM_PYTHON, "-m", "hostile.sandbox.attacks.drive", tier.value, *names],
        user=OTHER,
        group=OTHER,
        extra_groups=[],
        cwd="/",
        env={"PYTHONPATH": f"{PACKAGES}:{TESTS}", "PATH": os.defpath, "TMPDIR": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    outcomes = dict(zip(names, map(json.loads, done.stdout.splitlines()), strict=True))
    assert {name: outcome for name, outcome in outcomes.items() if outcome != [[], ""]} == {}
