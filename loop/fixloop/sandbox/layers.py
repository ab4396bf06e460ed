"""The walls of a tier by name, which of them a refusal is about, and what makes it work. Pure, but ``Machine``."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from fixloop.sandbox.job import Tier


class State(StrEnum):
    """What the start-up probes found out about a layer."""

    WORKS = "works"
    REFUSED = "refused"
    NOT_USED = "not used"


@dataclass(frozen=True)
class Layer:
    """One wall on this machine; ``why`` is a sentence, empty for one that works."""

    name: str
    state: State
    why: str = ""


NAMESPACES, OVERLAY, PROC, USER, COPY = "namespaces", "overlay", "fresh /proc", "throw-away user", "private copy"
LANDLOCK, SECCOMP, CAPABILITIES, LIMITS, NETWORK = "Landlock", "seccomp", "capabilities", "limits", "network"
SEATBELT = "sandbox-exec"

_EVERYWHERE = (LANDLOCK, SECCOMP, CAPABILITIES, LIMITS, NETWORK)
LAYERS: Mapping[Tier, tuple[str, ...]] = {
    Tier.FULL: (NAMESPACES, OVERLAY, PROC, *_EVERYWHERE),
    Tier.ROOT: (USER, COPY, *_EVERYWHERE),
    Tier.REDUCED: (COPY, *_EVERYWHERE),
    Tier.SANDBOX_EXEC: (SEATBELT, COPY),
    Tier.REFUSE: (),
}
"""The walls that a tier is made of."""

ALL = tuple(dict.fromkeys(name for names in LAYERS.values() for name in names if name != SEATBELT))

# What the launcher's own words begin with, longest first where one begins another.
_WORDS = (
    ("new namespaces", NAMESPACES),
    ("write uid_map", NAMESPACES),
    ("write gid_map", NAMESPACES),
    ("write setgroups", NAMESPACES),
    ("map every user", NAMESPACES),
    ("mount overlay", OVERLAY),
    ("mount proc", PROC),
    ("set user/max_user_namespaces", PROC),
    ("set kernel/pid_max", LIMITS),
    ("make /proc", PROC),
    ("mount", NAMESPACES),
    ("make", NAMESPACES),
    ("pivot_root", NAMESPACES),
    ("unmount", NAMESPACES),
    ("host name", NAMESPACES),
    ("loopback interface", NETWORK),
    ("socket", NETWORK),
    ("Landlock", LANDLOCK),
    ("filter system calls", SECCOMP),
    ("drop capabilities", CAPABILITIES),
    ("no_new_privs", CAPABILITIES),
    ("limit", LIMITS),
    ("throw-away user", USER),
    ("copy", COPY),
    ("sandbox-exec", SEATBELT),
)
_OPENING = "The sandbox could not be set up: "


def reason(detail: str) -> str:
    """A refusal of the launcher without what all of them begin with."""
    return detail.removeprefix(_OPENING)


def layer_of(detail: str) -> str | None:
    """The layer that a refusal of the launcher is about; None when it is about something else."""
    words = reason(detail).partition(" could not be started: ")
    said = words[2] or words[0]
    return next((layer for start, layer in _WORDS if said.startswith(start)), None)


_SETTINGS = (
    "kernel/unprivileged_userns_clone",
    "kernel/apparmor_restrict_unprivileged_userns",
    "user/max_user_namespaces",
)


@dataclass(frozen=True)
class Machine:
    """What a remedy depends on: ``settings`` are kernel settings by their path below /proc/sys."""

    uid: int
    release: str
    container: bool
    settings: Mapping[str, str] = field(default_factory=dict[str, str])

    @staticmethod
    def look() -> Machine:
        """This one."""
        settings: dict[str, str] = {}
        for name in _SETTINGS:
            try:
                settings[name] = (Path("/proc/sys") / name).read_text().strip()
            except OSError:
                continue
        marks = ("/.dockerenv", "/run/.containerenv")
        container = any(Path(mark).exists() for mark in marks) or "container" in os.environ
        return Machine(os.getuid(), os.uname().release, container, settings)


def remedy(layer: str | None, machine: Machine) -> str:
    """What to do so that a layer works here."""
    if layer == NAMESPACES:
        return _allow_namespaces(machine)
    if layer == PROC and machine.container:
        return "Start the container with: docker run --security-opt systempaths=unconfined."
    return _REMEDIES.get(layer or "", "Run `fixloop doctor` again after mending what it says.")


_REMEDIES = {
    PROC: "Start fixloop where nothing is mounted over parts of /proc.",
    OVERLAY: "Use Linux 5.11 or later with the overlay module (sudo modprobe overlay).",
    LANDLOCK: (
        "Use Linux 6.12 or later (5.19 where namespaces work, 6.7 for root) with Landlock switched on: add landlock to"
        " lsm= on the kernel's command line. A container needs Docker 23 or later, or --security-opt"
        " seccomp=unconfined."
    ),
    SECCOMP: "Use a 64-bit Python on x86_64 or aarch64, and a kernel with CONFIG_SECCOMP_FILTER.",
    CAPABILITIES: (
        "Start the container without --cap-drop, or add back: docker run --cap-add SETUID --cap-add SETGID"
        " --cap-add SETPCAP --cap-add CHOWN --cap-add DAC_OVERRIDE --cap-add KILL."
    ),
    LIMITS: "Start fixloop where resource limits can be lowered (ulimit -a shows them).",
    NETWORK: "Use a kernel with network namespaces (CONFIG_NET_NS).",
    COPY: "Free some space for temporary files, or set TMPDIR to a place that has it.",
    USER: "",  # its own words say what to do
}


def _allow_namespaces(machine: Machine) -> str:
    if machine.container:
        return (
            "Start the container with: docker run --security-opt seccomp=unconfined --security-opt"
            " apparmor=unconfined --security-opt systempaths=unconfined."
        )
    steps: list[str] = []
    if machine.settings.get("kernel/unprivileged_userns_clone") == "0":
        steps.append("sudo sysctl kernel.unprivileged_userns_clone=1")
    if machine.settings.get("user/max_user_namespaces") == "0":
        steps.append("sudo sysctl user.max_user_namespaces=15000")
    if steps:
        return f"Allow user namespaces: {' and '.join(steps)}."
    if machine.settings.get("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            f"Let AppArmor allow user namespaces: add a profile for {sys.executable} that says `userns,`, or: sudo"
            " sysctl kernel.apparmor_restrict_unprivileged_userns=0."
        )
    return "Allow user namespaces: they need Linux 5.11 or later, CONFIG_USER_NS, and no seccomp profile against them."
