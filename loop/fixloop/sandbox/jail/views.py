"""Shows what is on the host, to be read and nothing else.

A folder that is merely mounted read-only still joins its readers to the host: a program can connect to the sockets in
it, write into its named pipes and hold locks on its files. Through an overlay without a writable layer each of these
is an object of its own, which nobody on the host has opened.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH103, PTH110, PTH112, PTH113, PTH120
from __future__ import annotations

import os

from . import kernel
from .order import Refused


def make_place(target: str, source: str) -> None:
    """Make an empty file or folder of the kind of ``source``, for something to be mounted on."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))


def show(source: str, target: str, scratch: str) -> str:
    """Show a folder or a file at ``target``, which is there already. Nothing else is shown. Raises Refused.

    ``scratch``: a folder for mounts on the way. Returns a sentence when the host can be reached through it, else "".
    """
    if os.path.isfile(source):
        kernel.bind(source, target)
    elif os.path.isdir(source):
        try:
            _show_folder(source, target, scratch)
        except Refused:  # another file system is mounted inside, or the host's own overlays are stacked too high
            kernel.bind(source, target)
            return f"Sockets, named pipes and locks in {source} are the machine's own: no overlay can lie over it."
    return ""


def _show_folder(source: str, target: str, scratch: str) -> None:
    # Neutral names: the option string cannot carry every path. Without a writable layer two are needed.
    lower, empty = f"{scratch}/shown", f"{scratch}/empty"
    for folder in (lower, empty):
        os.makedirs(folder, exist_ok=True)
    kernel.bind(source, lower)
    try:
        flags = kernel.READ_ONLY | kernel.NO_SUID | kernel.NO_DEV
        kernel.mount("overlay", target, "overlay", flags, f"lowerdir={lower}:{empty},userxattr")
    finally:
        kernel.unmount(lower)
