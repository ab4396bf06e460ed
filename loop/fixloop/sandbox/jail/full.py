"""The full tier: namespaces give a private view of files, processes, network and users; with process 1 all ends."""

from __future__ import annotations

import os

from . import command, kernel, overlay, root, signals, system_calls, users, workspace
from .order import EXITED, Order, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import that would add a tenth to the launcher's start
    from collections.abc import Callable


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused for a layer that this process itself could not set up."""
    start = _start_warm() if order.warm else _start
    other_owners = workspace.has_other_owners(order.root, order.files)
    kernel.leave_keyring()
    users.enter_namespaces(everyone=other_owners)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _first_process(order, reader, other_owners, start)
    os.close(reader)
    if signals.wait_for(child, order.parent) is None:
        os.kill(child, signals.KILL)
        os.waitpid(child, 0)


def _start_warm() -> Callable[[Order, root.Built], int]:
    from . import slots  # now, as what it needs cannot be loaded once the root is another

    return slots.start


def _start(order: Order, _: root.Built) -> int:
    place = command.Place(cwd=order.root, tools=root.TOOLS, home=root.HOME, temporary=root.TEMPORARY)
    return command.start(order, place, system_calls.forbid, count_processes=True)


def _first_process(
    order: Order,
    lifeline: int,
    other_owners: bool,  # noqa: FBT001
    start: Callable[[Order, root.Built], int],
) -> None:
    """Build the inside, start the command, reap until it ends. Never returns."""
    try:
        signals.reset()  # as process 1 without handlers it cannot be signalled from the inside
        kernel.die_with_parent(signals.KILL)
        _end_if_orphaned(lifeline)
        built = root.build(order, other_owners=other_owners)
        if built.said:
            command.note(order.report, built.said)
        overlay.lay(order.root, order.files)
        kernel.set_hostname(b"localhost")
        kernel.loopback_up()
        kernel.forbid_new_privileges()
        child = start(order, built) if order.warm else 0  # it needs powers that end here
        root.limit_namespaces(order.processes)
        root.close_kernel_settings()
        kernel.drop_capabilities()
        kernel.hide_from_equals()  # the report below must not be in the command's reach
        child = child or start(order, built)
        os.close(order.channel)
        status = _reap_until(child)
        if not order.warm:  # else that child knew better, and has said it
            os.write(order.report, EXITED + b"%d\n" % status)
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'set-up'}: {error.strerror}")
    except Exception as error:  # noqa: BLE001 (a fault of ours, and this process's last chance to tell)
        command.refuse(order.report, f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


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
