"""The full tier: namespaces give a private view of files, processes, network and users; with process 1 all ends."""

from __future__ import annotations

import os

from . import command, kernel, landlock, overlay, root, signals, system_calls, users, watch, workspace
from .order import NONE, Order, Refused

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import that would add a tenth to the launcher's start
    from collections.abc import Callable


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused for a layer that this process itself could not set up."""
    kernel.die_with_parent(signals.KILL)  # nothing to take down, and this ends it even while somebody has it stopped
    if os.getppid() != order.parent:
        return
    start = _start_warm() if order.warm else _start
    other_owners = workspace.has_other_owners(order.root, order.files)
    ports = _Ports(order.ports)
    kernel.leave_keyring()
    users.enter_namespaces(everyone=other_owners)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _first_process(order, reader, other_owners, ports, start)
    os.close(reader)
    ports.close()
    if signals.wait_for(child, order.parent) is None:
        os.kill(child, signals.KILL)
        os.waitpid(child, 0)


def _start_warm() -> Callable[[Order, root.Built], int]:
    from . import slots  # now, as what it needs cannot be loaded once the root is another

    return slots.start


def _start(order: Order, _: root.Built) -> int:
    place = command.Place(cwd=order.root, tools=root.TOOLS, home=root.HOME, temporary=root.TEMPORARY)
    return command.start(order, place, lambda: _confine(order.root), count_processes=True)


def _first_process(
    order: Order,
    lifeline: int,
    other_owners: bool,  # noqa: FBT001
    ports: _Ports,
    start: Callable[[Order, root.Built], int],
) -> None:
    """Build the inside, start the command, reap until it ends. Never returns."""
    try:
        signals.reset()  # as process 1 without handlers it cannot be signalled from the inside
        kernel.die_with_parent(signals.KILL)
        _end_if_orphaned(lifeline)
        hand_out = _HandOut(order)
        built = root.build(order, other_owners=other_owners, before_hidden=hand_out.prepare)
        if built.said:
            command.note(order.report, built.said)
        overlay.lay(order.root, order.files)
        kernel.set_hostname(b"localhost")
        kernel.loopback_up()
        ports.open()
        kernel.forbid_new_privileges()
        child = start(order, built) if order.warm else 0  # it needs powers that end here
        root.limit_namespaces(order.processes)
        root.close_kernel_settings()
        kernel.drop_capabilities()
        kernel.hide_from_equals()  # the report below must not be in the command's reach
        signals.hold()
        limits = watch.limits_of_all(order) if order.warm else watch.limits(order, root.TEMPORARY)
        child = child or start(order, built)
        os.close(order.channel)
        how = watch.follow(child, limits, lambda: False, signals.CHILD)
        if not order.warm or isinstance(how, bytes):  # else that child knew better, and has said it
            command.ended(order.report, how)
        if how is not None and not isinstance(how, bytes):
            hand_out.tell()
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'set-up'}: {error.strerror}")
    except Exception as error:  # noqa: BLE001 (a fault of ours, and this process's last chance to tell)
        command.refuse(order.report, f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _confine(workspace: str) -> None:
    """A second wall behind the mounts: should one be missing or writable, nothing can be written there even so."""
    landlock.restrict(("/",), (workspace, *root.WRITABLE), least=landlock.RENAMES, shared=False)
    system_calls.forbid()


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
