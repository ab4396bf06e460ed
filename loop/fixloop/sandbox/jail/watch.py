"""Watches what all processes of a run use together, as whoever adopts the run's orphans sees it.

Limits of single processes are the kernel's matter; what is added up here is in no limit of the kernel's. A watch ends
nothing: it gives the word of the limit that was passed and says sentences about limits that the program met as errors.
"""

from __future__ import annotations

import os
import time

from . import command, processes, signals
from .memory import Memory
from .order import Order
from .processes import Process

TYPE_CHECKING = False
if TYPE_CHECKING:  # an import that would add a tenth to the launcher's start
    from collections.abc import Callable

CPU, MEMORY = b"cpu", b"memory"

_INTERVAL_SECONDS = 0.05
_SHARE = 20  # of the time at least so many times as much goes by without looking as with it
_LONGEST_SECONDS = 0.5
_LOOKS_MORE = 2  # about memory, which all have to agree

_TICKS = os.sysconf("SC_CLK_TCK")
_CPU_SIGNAL = -24  # as an exit code
_CERTAIN = 0.5  # part of a limit that must have been used for the kernel's signal to be credible: its clock is coarse
_USED_UP = 256  # one such part of a space left counts as nothing left: what the command had open is free again
_OUR_OWN = 3  # processes of the sandbox that count, too


class Watch:
    """Limits of one run. 0 for ``cpu_seconds`` or ``space_bytes``: without that limit.

    ``folder``: lies on the file system that holds ``space_bytes``. ``say`` gets each sentence for a person once.
    ``sure_seconds``: between looks that have to agree about memory, for what ended meanwhile was counted twice.
    """

    def __init__(
        self,
        *,
        memory_bytes: int,
        cpu_seconds: int,
        processes: int,
        space_bytes: int,
        folder: str,
        say: Callable[[str], None],
        sure_seconds: float = 0.01,
    ) -> None:
        self._memory_bytes = memory_bytes
        self._cpu_seconds = cpu_seconds
        self._processes = processes
        self._space_bytes = space_bytes
        self._folder = folder
        self._say = say
        self._sure_seconds = sure_seconds
        self._said: set[str] = set()
        self._memory = Memory()
        self._written_before = self._written()
        self._cpu = _Cpu()
        self._due = 0.0

    def seconds_left(self) -> float:
        """Until the next look is due."""
        return max(self._due - time.monotonic(), 0.0)

    def poll(self) -> bytes | None:
        """Look once: the word of a limit that was passed, or None."""
        began = time.monotonic()
        found = processes.descendants()
        passed = self._passed(found)
        self._observe(found)
        now = time.monotonic()
        self._due = now + min(max(_INTERVAL_SECONDS, (now - began) * _SHARE), _LONGEST_SECONDS)
        return passed

    def judge(self, code: int) -> int | bytes:
        """The exit code of the command, or the word of the limit that it stands for."""
        self._observe([])
        used_up = code == _CPU_SIGNAL and self._uses_more_cpu([], self._cpu_seconds * _CERTAIN)
        return CPU if used_up else code

    def _passed(self, found: list[Process]) -> bytes | None:
        if self._uses_more_cpu(found, self._cpu_seconds):
            return CPU
        limit, written = self._memory_bytes, self._written() - self._written_before
        if self._memory.may_exceed(found, limit, written) and self._memory.exceeds(found, limit, written):
            for _ in range(_LOOKS_MORE):
                time.sleep(self._sure_seconds)
                if not self._memory.exceeds(processes.descendants(), limit, written):
                    return None
            return MEMORY
        return None

    def _written(self) -> int:
        if not self._space_bytes:
            return 0
        space = os.statvfs(self._folder)
        return (space.f_blocks - space.f_bfree) * space.f_frsize

    def _uses_more_cpu(self, found: list[Process], seconds: float) -> bool:
        return bool(self._cpu_seconds) and self._cpu.used(found) >= seconds

    def _observe(self, found: list[Process]) -> None:
        if self._processes and sum(process.threads for process in found) >= self._processes - _OUR_OWN:
            self._say_once(f"There were as many processes and threads as the sandbox allows ({self._processes:,}).")
        if not self._space_bytes:
            return
        space = os.statvfs(self._folder)
        if space.f_bfree * _USED_UP < space.f_blocks:
            megabytes = self._space_bytes >> 20
            self._say_once(f"The space that the sandbox allows for everything written ({megabytes:,} MiB) was used up.")
        elif space.f_ffree * _USED_UP < space.f_files:
            self._say_once(f"There were as many files and folders as the sandbox allows ({space.f_files:,}).")

    def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._say(sentence)


class _Cpu:
    """Adds up CPU time, that of processes which ended without being waited for as far as it was seen."""

    def __init__(self) -> None:
        self._seen: dict[tuple[int, int], int] = {}
        self._gone = 0

    def used(self, found: list[Process]) -> float:
        """Seconds so far, in every process that is or was."""
        times = os.times()
        waited_for = times.children_user + times.children_system
        counted = waited_for + sum(process.ticks + process.ticks_of_children for process in found) / _TICKS
        now = {(process.id, process.started): process.ticks for process in found}
        self._gone += sum(ticks for known, ticks in self._seen.items() if known not in now)
        self._seen = now
        return max(counted, (self._gone + sum(now.values())) / _TICKS)


def limits(order: Order, folder: str) -> Watch:
    """The watch over an order's run. ``folder``: lies where everything written goes; "" if that is not limited."""
    return Watch(
        memory_bytes=order.memory_bytes,
        cpu_seconds=order.cpu_seconds,
        processes=order.processes if folder else 0,
        space_bytes=order.scratch_bytes if folder else 0,
        folder=folder,
        say=lambda sentence: command.note(order.report, sentence),
    )


def limits_of_all(order: Order) -> Watch:
    """The watch over a warm process with all its slots, each of which has one of its own: room for it and for one."""
    return Watch(
        memory_bytes=2 * order.memory_bytes,
        cpu_seconds=0,
        processes=0,
        space_bytes=0,
        folder="",
        say=lambda sentence: command.note(order.report, sentence),
        sure_seconds=_LONGEST_SECONDS,  # the watch of the slot that takes too much has its turn first
    )


def follow(child: int, watch: Watch, stop: Callable[[], bool], *wake: int) -> int | bytes | None:
    """Reap and watch until the child ends: its exit code, or the word of a limit, or None once ``stop`` says so.

    ``wake``: the signals, all held, after which to look what happened.
    """
    while not stop():
        if not watch.seconds_left():
            passed = watch.poll()
            if passed:
                return passed
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            return watch.judge(os.waitstatus_to_exitcode(status))
        if ended == 0:
            signals.pause(watch.seconds_left(), *wake)
    return None
