"""The reduced tier, for machines without namespaces: a private copy of the workspace, limits, and no survivors.

It keeps the workspace and the environment clean; it does not keep the command from the rest of the machine.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH102, PTH112, PTH119, PTH123, PTH208
from __future__ import annotations

import contextlib
import os

from . import changes, command, overlay, signals, tree
from .order import EXITED, NONE, PROBE_PACKAGE, Order


def run(order: Order) -> None:
    """Run the order to its end and remove the copy. Raises Refused."""
    os.mkdir(order.scratch, 0o700)
    try:
        place = _prepare(order)
        if signals.LINUX:
            from . import kernel

            kernel.adopt_orphans()
            kernel.forbid_new_privileges()
            kernel.hide_from_equals()
        before = changes.Before(place.cwd, is_copy=True) if order.changes != NONE else None
        child = command.start(order, place, _confine, count_processes=False)
        status = signals.wait_for(child, order.parent)
        _end_descendants(child)
        if status is not None:
            os.write(order.report, EXITED + b"%d\n" % status)
            if before is not None:
                changes.tell(before, order.changes, order.changes_bytes)
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


def _end_descendants(child: int) -> None:
    """Kill until nobody is left: orphans of those killed become our children and are found by the next round."""
    if not signals.LINUX:
        _kill(-child)  # the command's process group is all that can be found there
    while True:
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
