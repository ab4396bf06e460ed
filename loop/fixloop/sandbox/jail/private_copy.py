"""Runs the command in a copy of the workspace, in the machine's own view, and ends all that it started.

What confines the command is for the tier to say; a copy alone keeps nothing from it.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH102, PTH112, PTH119, PTH123, PTH208
from __future__ import annotations

import contextlib
import os
from collections.abc import Callable

from . import command, overlay, scratch, signals, tree
from .order import EXITED, PROBE_PACKAGE, Order


class Owner:
    """Whom the copy belongs to. The base class stands for the user that this process is."""

    def let_through(self, folder: str) -> None:
        """Let them enter a folder that stays ours."""

    def give(self, path: str) -> None:
        """Make a tree theirs."""

    def end(self) -> None:
        """End all processes that are theirs alone, and remove what they left."""


def run(order: Order, owner: Owner, confine: Callable[[command.Place], None], *, count_processes: bool) -> None:
    """Run the order to its end and remove the copy. Raises Refused."""
    lock = scratch.make(order.scratch)
    try:
        place = _prepare(order, owner)
        if signals.LINUX:
            from . import kernel

            kernel.adopt_orphans()
            kernel.forbid_new_privileges()
            kernel.hide_from_equals()
        child = command.start(order, place, lambda: confine(place), count_processes=count_processes)
        status = signals.wait_for(child, order.parent)
        _end_descendants(child, owner)
        if status is not None:
            os.write(order.report, EXITED + b"%d\n" % status)
    except tree.Stopped:
        pass  # nothing was started
    finally:
        tree.remove(order.scratch)
        os.close(lock)


def _prepare(order: Order, owner: Owner) -> command.Place:
    tools, home, temporary = (f"{order.scratch}/{name}" for name in ("tools", "home", "tmp"))
    for folder in (tools, home, temporary, f"{order.scratch}/{scratch.COPY}"):
        os.mkdir(folder)
    workspace = f"{order.scratch}/{scratch.COPY}/{os.path.basename(order.root)}"
    tree.copy(order.root, workspace, signals.termination_asked)
    if os.path.isdir(order.tools):
        tree.copy(order.tools, f"{tools}/{PROBE_PACKAGE}", signals.termination_asked)
    overlay.lay(workspace, order.files)
    for folder in (tools, home, temporary, f"{order.scratch}/{scratch.COPY}"):
        owner.give(folder)
    owner.let_through(order.scratch)
    return command.Place(cwd=workspace, tools=tools, home=home, temporary=temporary)


def _end_descendants(child: int, owner: Owner) -> None:
    """Kill until nobody is left: orphans of those killed become our children and are found by the next round."""
    if not signals.LINUX:
        _kill(-child)  # the command's process group is all that can be found there
    while True:
        owner.end()
        if signals.LINUX:
            for process in _descendants():
                _kill(process)
        try:
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, signals.KILL)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rsplit(b")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue  # ended meanwhile
            children.setdefault(parent, []).append(int(name))
    found = list(children.get(os.getpid(), ()))
    for process in found:  # grows while it is walked
        found += children.get(process, ())
    return found
