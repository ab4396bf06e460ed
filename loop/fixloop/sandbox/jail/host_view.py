"""Which of the machine's own files a command may use in the tiers that build no root of their own."""

# Strings, as pathlib would double the launcher's start-up.
from __future__ import annotations

import os

from . import command, root
from .order import Order

_KERNEL_FACTS = tuple(
    f"/proc/{name}" for name in ("cpuinfo", "filesystems", "loadavg", "meminfo", "stat", "uptime", "version")
)
_OWN_PROCESS = "/proc/self"  # the command's own; of processes that it starts the kernel tells nothing
_USERS = "/etc/passwd"


def reading(order: Order, place: command.Place) -> list[str]:
    """What may be read and executed: the same as in the full tier, and the workspace's own place for its packages."""
    asked = (*root.PROGRAMS, *root.SETTINGS, _USERS, *order.visible, order.root)
    real = (os.path.realpath(path) for path in asked)
    shown = [path for path in real if path != "/" and not root.in_kernel_tree(path)]
    return [*shown, place.tools, *_KERNEL_FACTS, _OWN_PROCESS]


def writing(place: command.Place) -> list[str]:
    """What may be written: the private folders, and devices that keep nothing."""
    return [place.cwd, place.home, place.temporary, *root.DEVICES]
