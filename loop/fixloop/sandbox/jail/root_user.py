"""The tier of root without namespaces, as in most containers: a throw-away user in the machine's own view.

File modes guard what is the machine's, Landlock and a filter of system calls guard the rest. Where the modes close the
way to what the command has to read, it keeps the one capability to read regardless of them. Then Landlock alone says
what may be read, and what it cannot rule on or modes alone would guard is closed: shared memory, terminals, watches.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH110, PTH117
from __future__ import annotations

import os
import stat

from . import command, host_view, kernel, landlock, private_copy, shared_machine, signals, system_calls
from .order import Order, Refused
from .stranger import SHARED_MEMORY, Stranger

_TERMINALS = ("/dev/ptmx", "/dev/pts")
_OTHERS = stat.S_IRWXO
_READS = (
    "{} is closed to other users, so the throw-away user was given the right to read the files shown to it whatever"
    " their modes say; for that it had no shared memory, no pseudo terminal and no way to watch files."
)


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused."""
    if os.getuid() != 0:
        raise Refused("throw-away user: only root can become one")
    user = Stranger()
    needed = [path for path in (order.argv[0], *order.visible) if os.path.isabs(path) and os.path.exists(path)]

    def confine(place: command.Place, parent: int) -> None:
        closed = _closed(user, place.cwd, needed)
        for descriptor in (1, 2, 4):
            os.fchown(descriptor, user.number, -1)  # /dev/stdout opens them anew
        if closed:
            command.note(order.report, _READS.format(closed))
        user.become(*([kernel.TO_READ] if closed else []))
        kernel.die_with_parent(signals.KILL)  # becoming another user has cleared it
        if os.getppid() != parent:
            os._exit(0)
        shared = () if closed else (*_TERMINALS, *([SHARED_MEMORY] if _is_private(SHARED_MEMORY) else []))
        writing = [*host_view.writing(place), *shared]
        landlock.restrict(host_view.reading(order, place), writing, least=landlock.TCP, shared=True)
        system_calls.forbid()
        shared_machine.forbid(own_user=False, reads_all=bool(closed))

    private_copy.run(order, user, confine, count_processes=True)


def _closed(user: Stranger, workspace: str, needed: list[str]) -> str | None:
    """A folder that the user cannot enter by its modes, but with a capability to be kept. Raises Refused without it."""
    elsewhere = dict.fromkeys(needed, "use a Python that lies elsewhere, as below /usr or /opt")
    for path, otherwise in ((workspace, "set TMPDIR to a folder that everybody may enter"), *elsewhere.items()):
        closed = user.closed(path)
        if closed and kernel.has_capability(kernel.TO_READ):
            return closed
        if closed:
            raise Refused(
                f"throw-away user: {closed} is closed to other users, and the one that runs the tests has to read"
                f" {path}; open it with: chmod o+x {closed}, {otherwise}, start the container with: docker run"
                " --cap-add DAC_READ_SEARCH, or start fixloop as an ordinary user"
            )
    return None


def _is_private(folder: str) -> bool:
    """True when nothing in a shared folder is open to everybody, so that modes keep it from the throw-away user."""
    try:
        with os.scandir(folder) as entries:
            modes = [entry.stat(follow_symlinks=False).st_mode for entry in entries if not entry.is_symlink()]
    except OSError:
        return False
    return not any(mode & _OTHERS for mode in modes)
