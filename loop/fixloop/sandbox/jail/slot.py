"""A warm process's side of slots: fork a child that is confined before it runs another line.

Imported by the interpreter that runs the tests, Python 3.9 or later. ``slots`` makes what is joined here.
"""

from __future__ import annotations

import contextlib
import os
import socket

from . import kernel, system_calls
from .order import SLOTS, Refused

_KINDS = (kernel.NEW_MOUNT, kernel.NEW_IPC, kernel.NEW_PID)  # in the order in which the maker sends them


CONFINEMENT_FAILED = 126  # exit status of a child that was ended before it ran anything


class NoSlot(Exception):
    """The maker of slots is gone; the sandbox is coming down."""


class Slots:
    """One child at a time: ``fork`` it, reap it or give it up, ``release``."""

    def __init__(self, cwd: str) -> None:
        self._cwd = cwd
        self._maker = socket.socket(fileno=SLOTS)
        self._filter = system_calls.program_here()
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._child = 0
        self._lifeline = -1

    def fork(self) -> int:
        """As ``os.fork``; the child is in a slot, has lost all power, and ends with this process. Raises NoSlot."""
        mount, ipc, pid, lifeline = self._take()
        try:
            kernel.join(pid, kernel.NEW_PID)
            child = os.fork()
            if child == 0:
                self._enter(mount, ipc, lifeline)
                return 0
        except (OSError, Refused) as error:
            os.close(lifeline)
            raise NoSlot(str(error)) from None
        finally:
            for namespace in (mount, ipc, pid):
                os.close(namespace)
        kernel.join(self._own, kernel.NEW_PID)
        os.write(lifeline, b"x")
        self._child, self._lifeline = child, lifeline
        return child

    def release(self) -> None:
        """End the child and whatever it started; nothing of its slot is left."""
        os.close(self._lifeline)
        with contextlib.suppress(ChildProcessError):  # it was reaped before
            os.waitpid(self._child, 0)

    def _take(self) -> list[int]:
        try:
            self._maker.send(b"x")
            _, found, _, _ = socket.recv_fds(self._maker, 1, len(_KINDS) + 1, socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise NoSlot(str(error)) from None
        if len(found) != len(_KINDS) + 1:
            raise NoSlot("the maker of slots is gone")
        return found

    def _enter(self, mount: int, ipc: int, lifeline: int) -> None:
        """The child's side of ``fork``. A layer that fails ends it."""
        try:
            os.setsid()
            kernel.join(mount, kernel.NEW_MOUNT)
            kernel.join(ipc, kernel.NEW_IPC)
            os.chdir(self._cwd)
            kernel.drop_kept_capabilities()
            self._maker.close()
            os.close(self._own)
            os.close(lifeline)
            kernel.filter_system_calls(self._filter)
        except BaseException:  # noqa: BLE001 (whatever it is, no line may run unconfined)
            os._exit(CONFINEMENT_FAILED)
