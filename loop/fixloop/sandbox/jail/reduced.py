"""The reduced tier, for machines without namespaces: a private copy of the workspace, limits, and no survivors.

It keeps the workspace and the environment clean; it does not keep the command from the rest of the machine.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH102, PTH112, PTH119
from __future__ import annotations

import os

from . import command, keeper, overlay, signals, tree
from .order import PROBE_PACKAGE, Order


def run(order: Order) -> None:
    """Run the order to its end and remove the copy. Raises Refused."""
    os.mkdir(order.scratch, 0o700)
    try:
        place = _prepare(order)
        if signals.LINUX:
            from . import kernel

            kernel.forbid_new_privileges()
            kernel.hide_from_equals()
        keeper.keep(order, lambda: command.start(order, place, _confine, count_processes=False))
    except tree.Stopped:
        pass  # nothing was started
    finally:
        tree.remove(order.scratch)


def _prepare(order: Order) -> command.Place:
    tools, home, temporary = (f"{order.scratch}/{name}" for name in ("tools", "home", "tmp"))
    for folder in (tools, home, temporary, f"{order.scratch}/copy"):
        os.mkdir(folder)
    workspace = f"{order.scratch}/copy/{os.path.basename(order.root)}"
    tree.copy(order.root, workspace, signals.termination_asked)
    if os.path.isdir(order.tools):
        tree.copy(order.tools, f"{tools}/{PROBE_PACKAGE}", signals.termination_asked)
    overlay.lay(workspace, order.files)
    return command.Place(cwd=workspace, tools=tools, home=home, temporary=temporary)


def _confine() -> None:
    if signals.LINUX:
        from . import system_calls

        if system_calls.is_known(os.uname().machine):
            system_calls.forbid()
