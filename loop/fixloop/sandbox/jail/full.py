"""The full tier: namespaces give a private view of files, processes, network and users; with process 1 all ends."""

from __future__ import annotations

import os

from . import command, kernel, landlock, overlay, root, signals, system_calls, users, workspace
from .order import EXITED, Order, Refused


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused for a layer that this process itself could not set up."""
    other_owners = workspace.has_other_owners(order.root, order.files)
    kernel.leave_keyring()
    users.enter_namespaces(everyone=other_owners)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _first_process(order, reader, other_owners)
    os.close(reader)
    if signals.wait_for(child, order.parent) is None:
        os.kill(child, signals.KILL)
        os.waitpid(child, 0)


def _first_process(order: Order, lifeline: int, other_owners: bool) -> None:  # noqa: FBT001
    """Build the inside, start the command, reap until it ends. Never returns."""
    try:
        signals.reset()  # as process 1 without handlers it cannot be signalled from the inside
        kernel.die_with_parent(signals.KILL)
        _end_if_orphaned(lifeline)
        said = root.build(order, other_owners=other_owners)
        if said:
            command.note(order.report, said)
        overlay.lay(order.root, order.files)
        root.close_kernel_settings(order.processes)
        kernel.set_hostname(b"localhost")
        kernel.loopback_up()
        kernel.forbid_new_privileges()
        kernel.drop_capabilities()
        kernel.hide_from_equals()  # the report below must not be in the command's reach
        place = command.Place(cwd=order.root, tools=root.TOOLS, home=root.HOME, temporary=root.TEMPORARY)
        child = command.start(order, place, lambda: _confine(order.root), count_processes=True)
        os.close(order.channel)
        os.write(order.report, EXITED + b"%d\n" % _reap_until(child))
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'set-up'}: {error.strerror}")
    finally:
        os._exit(0)


def _confine(workspace: str) -> None:
    """A second wall behind the mounts: should one be missing or writable, nothing can be written there even so."""
    landlock.restrict(("/",), (workspace, *root.WRITABLE), least=landlock.RENAMES, tcp=False)
    system_calls.forbid()


def _end_if_orphaned(lifeline: int) -> None:
    """The parent may have ended before the death signal was set: then nobody holds the pipe's other end."""
    os.set_blocking(lifeline, False)
    try:
        os.read(lifeline, 1)
    except BlockingIOError:
        return
    os._exit(0)


def _reap_until(child: int) -> int:
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status)
