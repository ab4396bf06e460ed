"""The tier of root without namespaces, as in most containers: a throw-away user in the machine's own view.

File modes guard what is the machine's, Landlock and a filter of system calls guard the rest.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH110, PTH112, PTH117, PTH120
from __future__ import annotations

import os
import stat

from . import command, host_view, kernel, landlock, private_copy, shared_machine, signals, system_calls
from .order import Order, Refused
from .stranger import SHARED_MEMORY, Stranger

_TERMINALS = ("/dev/ptmx", "/dev/pts")
_OTHERS = stat.S_IRWXO


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused."""
    if os.getuid() != 0:
        raise Refused("throw-away user: only root can become one")
    user = Stranger()
    needed = [path for path in (order.argv[0], *order.visible) if os.path.isabs(path) and os.path.exists(path)]

    def confine(place: command.Place, parent: int) -> None:
        for descriptor in (1, 2, 4):
            os.fchown(descriptor, user.number, -1)  # /dev/stdout opens them anew
        user.become()
        kernel.die_with_parent(signals.KILL)  # becoming another user has cleared it
        if os.getppid() != parent:
            os._exit(0)
        _check_way_to(place.cwd, "set TMPDIR to a folder that everybody may enter")
        for path in needed:
            _check_way_to(path, "use a Python that lies elsewhere, as below /usr or /opt")
        shared = [SHARED_MEMORY] if _is_private(SHARED_MEMORY) else []
        writing = [*host_view.writing(place), *_TERMINALS, *shared]
        landlock.restrict(host_view.reading(order, place), writing, least=landlock.TCP, shared=True)
        system_calls.forbid()
        shared_machine.forbid(own_user=False)

    private_copy.run(order, user, confine, count_processes=True)


def _check_way_to(path: str, otherwise: str) -> None:
    """Raises Refused where the throw-away user, who this process is by now, cannot get at something."""
    for whole in (path, os.path.realpath(path)):
        closed = next((step for step in _steps(whole) if os.path.isdir(step) and not os.access(step, os.X_OK)), None)
        if closed:
            raise Refused(
                f"throw-away user: {closed} is closed to other users, and the one that runs the tests has to read"
                f" {path}; open it with: chmod o+x {closed}, {otherwise}, or start fixloop as an ordinary user"
            )


def _steps(path: str) -> list[str]:
    """The path and all folders above it, from the top."""
    steps = [path]
    while steps[-1] != "/":
        steps.append(os.path.dirname(steps[-1]))
    return steps[::-1]


def _is_private(folder: str) -> bool:
    """True when nothing in a shared folder is open to everybody, so that modes keep it from the throw-away user."""
    try:
        with os.scandir(folder) as entries:
            modes = [entry.stat(follow_symlinks=False).st_mode for entry in entries if not entry.is_symlink()]
    except OSError:
        return False
    return not any(mode & _OTHERS for mode in modes)
