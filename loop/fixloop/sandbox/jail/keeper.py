"""Keeps a run that has no namespace of its own, so that nothing of it outlives it.

Two processes do so, one the child of the other. Orphans of the run come to the inner one and, without it, to the outer
one. Whichever is killed or stopped, and whatever happens to the parent, the one that is left ends everything.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable

from . import command, signals, tree
from .order import Order


def keep(order: Order, start: Callable[[], int], end_others: Callable[[], None], tell: Callable[[], None]) -> None:
    """Have ``start`` fork the command, report how that ended, and leave nothing running.

    ``end_others`` ends what may have got away from its parents. ``tell`` is called once a command that ended by itself
    has left nothing running.
    """
    if not signals.LINUX:
        _keep_group(order, start, tell)
        return
    from . import kernel

    kernel.adopt_orphans()
    outer = os.getpid()
    inner = os.fork()
    if inner == 0:
        try:
            kernel.die_with_parent(signals.TERM)
            kernel.adopt_orphans()
            _follow(order, start, end_others, tell, outer)
        except OSError as error:
            command.refuse(order.report, f"set-up: {error.strerror}")
        finally:
            os._exit(0)
    signals.wait_for(inner, order.parent)
    _end_descendants(end_others)


def _keep_group(order: Order, start: Callable[[], int], tell: Callable[[], None]) -> None:
    """Where the command's process group is all that can be found."""
    child = start()
    status = signals.wait_for(child, order.parent)
    _kill(-child)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    command.ended(order.report, status)
    if status is not None:
        tell()


def _follow(
    order: Order, start: Callable[[], int], end_others: Callable[[], None], tell: Callable[[], None], outer: int
) -> None:
    from . import watch

    def stop() -> bool:
        return signals.termination_asked() or os.getppid() != outer or not _is_read(order.report)

    how = watch.follow(start(), watch.limits(order, ""), stop, signals.CHILD, signals.TERM)
    _end_descendants(end_others)
    if _is_read(order.report):
        command.ended(order.report, how)
        if isinstance(how, int):
            tell()
        return
    if os.getppid() == outer:
        _kill(outer)  # it would have ended this process, were it not stopped
    tree.remove(order.scratch)


def _is_read(report: int) -> bool:
    """False once the parent, which holds the other end, is gone."""
    poll = select.poll()
    poll.register(report, 0)
    return not poll.poll(0)


def _end_descendants(end_others: Callable[[], None]) -> None:
    """Kill until nobody is left: orphans of those killed become our children and are found by the next round."""
    from .processes import descendants

    while True:
        for process in descendants():  # the inner keeper before the command, lest it report how that ended
            _kill(process.id)
        end_others()
        try:
            os.waitpid(-1, 0)
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return


def _kill(process: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process, signals.KILL)
