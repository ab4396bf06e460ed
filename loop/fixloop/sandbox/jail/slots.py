"""Makes slots: rooms inside the sandbox, one for each child that a warm process forks.

A slot has its own process ids, overlay of the workspace, temporary folders, home, shared memory and terminals; it is
made ahead of need by this small process and joined by the child (``slot``), so that the fork of a large process is the
only thing that a candidate waits for. A second namespace of users, inside the first, holds all of it: the kernel locks
the mounts that were made outside it, and the warm process gets just the power to join slots, not that to mount.
"""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH101, PTH102, PTH116
from __future__ import annotations

import contextlib
import os
import select
import socket
import stat

from . import command, kernel, root, signals, system_calls, users, views, watch
from .order import EXITED, Order, Refused

KINDS = (("mnt", kernel.NEW_MOUNT), ("ipc", kernel.NEW_IPC), ("pid", kernel.NEW_PID))
_AHEAD = 2
_LOOK_MILLISECONDS = 200  # for the end of the warm process, should one of its children hold the socket
_OUTPUT = 2  # the last of the standard descriptors
_MOST_DESCRIPTORS = 256  # more than the maker ever has


def start(order: Order, built: root.Built) -> int:
    """Fork the maker, which starts the warm process, and give the maker's process id. Raises Refused.

    On return the maker is in its own namespaces, so that the caller may forbid new ones.
    """
    kernel.unmount(order.root)  # each slot gets its own
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _make(order, built.shown, writer)
    os.close(writer)
    ready = os.read(reader, 1)
    os.close(reader)
    if not ready:
        os.waitpid(child, 0)
        raise Refused("the maker of slots did not start")  # it has said why, and that comes first
    return child


def _make(order: Order, shown: list[str], ready: int) -> None:
    """The maker's life. Never returns."""
    try:
        kernel.die_with_parent(signals.KILL)
        users.enter_alone(kernel.NEW_USER | kernel.NEW_MOUNT | kernel.NEW_PID)
        first = os.fork()
        if first:
            os.close(ready)
            os.waitpid(first, 0)
            os._exit(0)
        kernel.die_with_parent(signals.KILL)
        kernel.hide_from_equals()
        maker, warm = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        first = os.fork()
        if first == 0:
            maker.close()
            _become_warm(order, shown, warm.detach())
        warm.close()
        os.close(order.channel)
        os.close(order.requests)
        os.write(ready, b"x")
        os.close(ready)
        os.write(order.report, EXITED + b"%d\n" % _serve(order, shown, maker, first))
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'slots'}: {error.strerror}")
    except Exception as error:  # noqa: BLE001 (a fault of ours, and this process's last chance to tell)
        command.refuse(order.report, f"{type(error).__name__}: {error}")
    finally:
        os._exit(0)


def _become_warm(order: Order, shown: list[str], slots: int) -> None:
    """The warm process has a room of its own, too, but stays where the ids of all slots' processes are known."""
    try:
        kernel.unshare(kernel.NEW_MOUNT)
        _furnish(order, shown)
        root.mount_processes("/proc")
        root.close_kernel_settings()
        kernel.drop_capabilities(kernel.TO_ADMINISTER, kernel.TO_CHANGE_ROOTS)
    except Refused as refused:
        command.refuse(order.report, str(refused))
        os._exit(127)
    place = command.Place(cwd=order.root, tools=root.TOOLS, home=root.HOME, temporary=root.TEMPORARY)
    command.become(order, place, _confine, count_processes=True, slots=slots)


def _confine() -> None:
    system_calls.forbid(but=("setns",))


def _serve(order: Order, shown: list[str], maker: socket.socket, warm: int) -> int:
    """Hand out slots until the warm process ends; its exit code."""
    ready: list[list[int]] = []
    poll = select.poll()
    poll.register(maker, select.POLLIN)
    while True:
        ended = _reap(warm)
        if ended is not None:
            return ended
        while len(ready) < _AHEAD:
            ready.append(_slot(order, shown))
        if poll.poll(_LOOK_MILLISECONDS) and maker.recv(1):
            slot = ready.pop(0)
            socket.send_fds(maker, [b"x"], slot)
            for descriptor in slot:
                os.close(descriptor)


def _reap(warm: int) -> int | None:
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == warm:
            return os.waitstatus_to_exitcode(status)
        if ended == 0:
            return None


def _slot(order: Order, shown: list[str]) -> list[int]:
    """A new slot: descriptors of its namespaces, in the order of KINDS, and of its lifeline. Raises Refused."""
    lifeline, held = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    answers, answer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if kernel.fork_into(kernel.NEW_MOUNT | kernel.NEW_IPC | kernel.NEW_PID) == 0:
        _keep(order, shown, lifeline, answer)
    lifeline.close()
    answer.close()
    said, namespaces, _, _ = socket.recv_fds(answers, 1000, len(KINDS))
    answers.close()
    if len(namespaces) != len(KINDS):
        raise Refused(f"make a slot: {said.decode() or 'its first process ended'}")
    return [*namespaces, held.detach()]


def _keep(order: Order, shown: list[str], lifeline: socket.socket, answer: socket.socket) -> None:
    """Process 1 of a slot: furnish it, then reap and watch until the lifeline is let go. Never returns.

    Should a limit be passed before that, its word is the last thing said over the lifeline.
    """
    try:
        _close_all_but(lifeline.fileno(), answer.fileno(), order.report)
        _furnish(order, shown)
        namespaces = [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name, _ in KINDS]
        root.mount_processes("/proc")
        root.limit_namespaces(order.processes)
        root.close_kernel_settings()
        kernel.drop_kept_capabilities()
        kernel.hide_from_equals()
        limits = watch.limits(order, root.TEMPORARY)
        socket.send_fds(answer, [b"x"], namespaces)
        _close_all_but(lifeline.fileno(), order.report)
        if lifeline.recv(1):  # a child joins now
            lifeline.send(_watch(limits, lifeline))
    except (OSError, Refused) as error:
        answer.send(str(error).encode())
    finally:
        os._exit(0)


def _watch(limits: watch.Watch, lifeline: socket.socket) -> bytes:
    """The word of the limit that was passed, or nothing once the lifeline was let go."""
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    while not poll.poll(limits.seconds_left() * 1000):
        passed = limits.poll()
        if passed:
            return passed
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
    return b""


def _close_all_but(*kept: int) -> None:
    below = _OUTPUT
    for descriptor in (*sorted(kept), _MOST_DESCRIPTORS):
        os.closerange(below + 1, descriptor)
        below = descriptor


def _furnish(order: Order, shown: list[str]) -> None:
    """Give this mount namespace its own overlay, private directories and terminals."""
    root.make_scratch(root.SCRATCH, order.scratch_bytes)
    for path in shown:  # what would be hidden by the new directories
        for folder, name in root.PRIVATE.items():
            if root.within(path, folder):
                place = f"{root.SCRATCH}/{name}{path.removeprefix(folder)}"
                views.make_place(place, path)
                if path != order.root:
                    kernel.mount(path, place, None, kernel.BIND | kernel.RECURSIVE)
    for folder, name in root.PRIVATE.items():
        kernel.mount(f"{root.SCRATCH}/{name}", folder, None, kernel.BIND | kernel.RECURSIVE)
    upper = f"{root.SCRATCH}/upper"
    os.mkdir(f"{root.SCRATCH}/hidden", 0)
    os.chmod(upper, stat.S_IMODE(os.stat(root.ORIGINAL).st_mode))
    options = f"lowerdir={root.LAID}:{root.ORIGINAL},upperdir={upper},workdir={root.SCRATCH}/work,userxattr"
    kernel.mount("overlay", order.root, "overlay", root.SAFE, options)
    for layer in (root.ORIGINAL, root.LAID):  # through the overlay alone are its sockets and pipes not the host's
        kernel.mount(f"{root.SCRATCH}/hidden", layer, None, kernel.BIND)
    root.mount_terminals("/dev/pts")
    root.mount_messages()
    kernel.unmount(root.SCRATCH)
