"""The full tier: namespaces give a private view of files, processes, network and users; with process 1 all ends."""

from __future__ import annotations

import os

from . import command, kernel, overlay, root, signals, system_calls, users, workspace
from .order import EXITED, NONE, Order, Refused


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused for a layer that this process itself could not set up."""
    other_owners = workspace.has_other_owners(order.root, order.files)
    ports = _Ports(order.ports)
    kernel.leave_keyring()
    users.enter_namespaces(everyone=other_owners)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _first_process(order, reader, other_owners, ports)
    os.close(reader)
    ports.close()
    if signals.wait_for(child, order.parent) is None:
        os.kill(child, signals.KILL)
        os.waitpid(child, 0)


def _first_process(order: Order, lifeline: int, other_owners: bool, ports: _Ports) -> None:  # noqa: FBT001
    """Build the inside, start the command, reap until it ends. Never returns."""
    try:
        signals.reset()  # as process 1 without handlers it cannot be signalled from the inside
        kernel.die_with_parent(signals.KILL)
        _end_if_orphaned(lifeline)
        hand_out = _HandOut(order)
        said = root.build(order, other_owners=other_owners, before_hidden=hand_out.prepare)
        if said:
            command.note(order.report, said)
        overlay.lay(order.root, order.files)
        root.close_kernel_settings(order.processes)
        kernel.set_hostname(b"localhost")
        kernel.loopback_up()
        ports.open()
        kernel.forbid_new_privileges()
        kernel.drop_capabilities()
        kernel.hide_from_equals()  # the report below must not be in the command's reach
        place = command.Place(cwd=order.root, tools=root.TOOLS, home=root.HOME, temporary=root.TEMPORARY)
        child = command.start(order, place, system_calls.forbid, count_processes=True)
        os.close(order.channel)
        os.write(order.report, EXITED + b"%d\n" % _reap_until(child))
        hand_out.tell()
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'set-up'}: {error.strerror}")
    finally:
        os._exit(0)


class _Ports:
    """The granted ports of the host, where there are any: made outside, opened inside."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        if ports:
            from . import relay  # what it imports is seldom needed

            self._relay = relay.start(ports)

    def open(self) -> None:
        if self._ports:
            from . import relay

            relay.listen(self._ports, self._relay)

    def close(self) -> None:
        if self._ports:
            self._relay.close()


class _HandOut:
    """Tells what the command changed, where that was asked for."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def prepare(self, scratch: str) -> None:
        if self._order.changes != NONE:
            from . import changes  # what it imports is seldom needed

            self._before = changes.of_scratch(scratch)

    def tell(self) -> None:
        if self._order.changes != NONE:
            from . import changes

            _end_all_others()
            changes.tell(self._before, self._order.changes, self._order.changes_bytes)


def _end_all_others() -> None:
    try:
        while True:
            os.kill(-1, signals.KILL)  # spares the caller
            os.wait()
    except (ProcessLookupError, ChildProcessError):
        pass


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
