"""All attacks, by theme."""

from __future__ import annotations

from . import bait, files, kernel, leftovers, neighbours, network, processes, resources
from .record import Attack

THEMES: dict[str, tuple[Attack, ...]] = {
    "network": network.ATTACKS,
    "files": files.ATTACKS,
    "processes": processes.ATTACKS,
    "kernel": kernel.ATTACKS,
    "resources": resources.ATTACKS,
    "leftovers": leftovers.ATTACKS,
    "secrets": bait.ATTACKS,
    "neighbours": neighbours.ATTACKS,
}
ATTACKS = {f"{theme}: {attack.name}": attack for theme, attacks in THEMES.items() for attack in attacks}
