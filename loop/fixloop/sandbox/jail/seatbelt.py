"""The tier of macOS: a private copy, and the system's own ``sandbox-exec`` with a profile made for the run.

Written from Apple's profiles and never run by fixloop's own tests, which every report of this tier says.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH113
from __future__ import annotations

import os
from collections.abc import Iterable

from . import command, private_copy, signals
from .order import Order, Refused

PROGRAM = "/usr/bin/sandbox-exec"
_SYSTEM = ("/bin", "/sbin", "/usr", "/System", "/Library", "/opt/homebrew", "/opt/local", "/private/var/db/timezone")
_FILES = ("/private/etc/hosts", "/private/etc/passwd", "/private/etc/group", "/private/etc/services")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/fd", "/dev/ptmx")


def profile(reading: Iterable[str], writing: Iterable[str]) -> str:
    """The text for ``sandbox-exec -p``: all denied but what is named. Paths are resolved. Raises Refused."""
    readable = [*_SYSTEM, *_FILES, *_DEVICES, *reading]
    written = [*writing, *_DEVICES]
    lines = [
        "(version 1)",
        "(deny default)",
        "(allow process-fork)",
        "(allow process-exec)",
        "(allow signal (target same-sandbox))",
        "(allow process-info* (target same-sandbox))",
        "(allow sysctl-read)",
        "(allow ipc-posix-sem)",
        '(allow mach-lookup (global-name "com.apple.system.opendirectoryd.libinfo"))',
        "(allow file-read-metadata)",
        '(allow file-read* (literal "/"))',
        *(f"(allow file-read* file-map-executable {_below(path)})" for path in readable),
        *(f"(allow file-write* {_below(path)})" for path in written),
    ]
    return "\n".join(lines) + "\n"


def _below(path: str) -> str:
    if any(ord(character) < ord(" ") for character in path):
        raise Refused(f"sandbox-exec: {path!r} cannot be named in a profile")
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'(subpath "{quoted}")'


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused."""
    if signals.LINUX or not os.path.isfile(PROGRAM):
        raise Refused(f"sandbox-exec: {PROGRAM} is not on this machine")

    def confine(place: command.Place, _: int) -> None:
        reading = [os.path.realpath(path) for path in (*order.visible, order.root, place.tools)]
        writing = [os.path.realpath(path) for path in (place.cwd, place.home, place.temporary)]
        text = profile([path for path in (*reading, *writing) if path != "/"], writing)
        order.argv[:0] = [PROGRAM, "-p", text]

    private_copy.run(order, private_copy.Owner(), confine, count_processes=False)
