"""The namespaces tier: a private view of files, processes, network and users; when its process 1 ends, all ends."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH123
from __future__ import annotations

import os

from . import command, kernel, overlay, root, signals
from .order import EXITED, Order, Refused


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused for a layer that this process itself could not set up."""
    uid, gid = os.getuid(), os.getgid()
    kernel.leave_keyring()
    kernel.unshare()
    _map_user(uid, gid)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        _first_process(order, reader)
    os.close(reader)
    if signals.wait_for(child, order.parent) is None:
        os.kill(child, signals.KILL)
        os.waitpid(child, 0)


def _map_user(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        except OSError as error:
            raise Refused(f"write {name}: {error.strerror}") from None


def _first_process(order: Order, lifeline: int) -> None:
    """Build the inside, start the command, reap until it ends. Never returns."""
    try:
        signals.reset()  # as process 1 without handlers it cannot be signalled from the inside
        kernel.die_with_parent(signals.KILL)
        _end_if_orphaned(lifeline)
        root.build(order)
        overlay.lay(order.root, order.files)
        root.close_kernel_settings(order.processes)
        kernel.set_hostname(b"localhost")
        kernel.loopback_up()
        kernel.forbid_new_privileges()
        kernel.drop_capabilities()
        kernel.hide_from_equals()  # the report below must not be in the command's reach
        place = command.Place(cwd=order.root, tools=root.TOOLS, home=root.HOME, temporary=root.TEMPORARY)
        child = command.start(order, place, count_processes=True)
        os.close(order.channel)
        os.write(order.report, EXITED + b"%d\n" % _reap_until(child))
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'set-up'}: {error.strerror}")
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
