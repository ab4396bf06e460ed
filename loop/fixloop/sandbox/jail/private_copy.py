"""Runs the command in a copy of the workspace, in the machine's own view, and ends all that it started.

What confines the command is for the tier to say; a copy alone keeps nothing from it.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH102, PTH112, PTH119
from __future__ import annotations

import os
from collections.abc import Callable

from . import changes, command, keeper, overlay, scratch, signals, tree
from .order import NONE, PROBE_PACKAGE, Order, Refused


class Owner:
    """Whom the copy belongs to. The base class stands for the user that this process is."""

    def let_through(self, folder: str) -> None:
        """Let them enter a folder that stays ours."""

    def give(self, path: str) -> None:
        """Make a tree theirs."""

    def end(self) -> None:
        """End all processes that are theirs alone, and remove what they left."""


def run(order: Order, owner: Owner, confine: Callable[[command.Place, int], None], *, count_processes: bool) -> None:
    """Run the order to its end and remove the copy. ``confine`` is told the process that it starts under.

    Raises Refused.
    """
    if order.ports:
        raise Refused("this tier has no network at all, so that no port can be granted")
    lock = scratch.make(order.scratch)
    try:
        place = _prepare(order, owner)
        if signals.LINUX:
            from . import kernel

            kernel.forbid_new_privileges()
            kernel.hide_from_equals()

        before = changes.Before(place.cwd, is_copy=True) if order.changes != NONE else None

        def tell() -> None:
            if before is not None:
                changes.tell(before, order.changes, order.changes_bytes)

        def start() -> int:
            parent = os.getpid()
            return command.start(order, place, lambda: confine(place, parent), count_processes=count_processes)

        keeper.keep(order, start, owner.end, tell)
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
    if order.tools and os.path.isdir(order.tools):
        tree.copy(order.tools, f"{tools}/{PROBE_PACKAGE}", signals.termination_asked)
    overlay.lay(workspace, order.files)
    for folder in (tools, home, temporary, f"{order.scratch}/{scratch.COPY}"):
        owner.give(folder)
    owner.let_through(order.scratch)
    return command.Place(cwd=workspace, tools=tools, home=home, temporary=temporary)
