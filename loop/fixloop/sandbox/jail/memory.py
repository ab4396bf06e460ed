"""How much memory exists because of a run's processes.

What they share counts once. The pages of a shared anonymous mapping live as long as anybody maps any part of it, and
are in nobody's resident set once dropped from it; so such a mapping counts as a whole. Of one that was unmapped but for
a piece only the growth of the machine's shared memory still tells. A process that may not be looked at counts with all
its addresses. Page tables and what was swapped out count; pages of files, which the kernel can drop, do not.
"""

from __future__ import annotations

import time

from . import kernel
from .buffers import Buffers
from .processes import Process, read

_SHARED_ANONYMOUS = (b"/dev/zero", b"[anon_shmem")
_BESIDES = (b"VmPTE:", b"VmSwap:", b"HugetlbPages:")
_PATIENCE_SECONDS = 2.0  # of CPU, for one look at all; what is left then counts with all its addresses


class Memory:
    """Knows what there was before the run, to tell it from what the run adds."""

    def __init__(self) -> None:
        self._earlier_segments = set(_segments())
        self._least_shared = kernel.shared_memory()
        self._buffers = Buffers()

    def may_exceed(self, processes: list[Process], limit: int, written: int) -> bool:
        """True unless it is certain, at a glance, that these processes hold no more.

        ``written``: bytes of shared memory that are files of the run's, which are limited by themselves.
        """
        size = sum(process.size for process in processes) + self._in_segments()
        return size > limit or self._growth() > limit + written or self._buffers.exceed(limit)

    def exceeds(self, processes: list[Process], limit: int, written: int) -> bool:
        """True when these processes hold more."""
        if self._buffers.exceed(limit):
            return True
        if self._held(processes, exactly=False) <= limit and self._growth() <= limit + written:
            return False
        return self._held(_distinct(processes), exactly=True) > limit or (
            self._growth() > limit + written and any(_shared_mappings(process) for process in processes)
        )

    def _held(self, processes: list[Process], *, exactly: bool) -> int:
        alone = shared = 0
        mappings: dict[bytes, int] = {}
        until = time.process_time() + _PATIENCE_SECONDS
        for process in processes:
            try:
                if time.process_time() > until:
                    raise PermissionError  # noqa: TRY301
                found = _shared_mappings(process)
                besides = _sum_of(f"{process.folder}/status", _BESIDES)
                if exactly:
                    anonymous, of_files = _proportional(process)
                else:
                    anonymous, of_files = process.resident, 0
            except PermissionError:
                alone += process.size
                continue
            except OSError:
                continue  # ended meanwhile
            alone += anonymous + besides
            shared += of_files
            for mapping, extent in found.items():
                mappings[mapping] = max(extent, mappings.get(mapping, 0))
        return alone + max(shared, sum(mappings.values()) + self._in_segments())

    def _in_segments(self) -> int:
        return sum(size for name, size in _segments().items() if name not in self._earlier_segments)

    def _growth(self) -> int:
        now = kernel.shared_memory()
        self._least_shared = min(self._least_shared, now)
        return now - self._least_shared


def _segments() -> dict[bytes, int]:
    """System V shared memory and messages -> bytes in memory."""
    found: dict[bytes, int] = {}
    for kind, columns in (("shm", (14, 15)), ("msg", (3,))):
        try:
            lines = read(f"/proc/sysvipc/{kind}").splitlines()[1:]
        except OSError:
            continue  # a kernel without it
        for line in lines:
            fields = line.split()
            found[kind.encode() + fields[1]] = sum(int(fields[column]) for column in columns)
    return found


def _shared_mappings(process: Process) -> dict[bytes, int]:
    """Its shared anonymous mappings -> how far each is known to reach."""
    found: dict[bytes, int] = {}
    data = read(f"{process.folder}/maps")
    if not any(name in data for name in _SHARED_ANONYMOUS):
        return found
    for line in data.splitlines():
        fields = line.split(None, 5)
        if fields[1].endswith(b"s") and fields[5:] and fields[5].startswith(_SHARED_ANONYMOUS):
            start, _, end = fields[0].partition(b"-")
            reach = int(end, 16) - int(start, 16) + int(fields[2], 16)
            found[fields[4]] = max(reach, found.get(fields[4], 0))
    return found


def _proportional(process: Process) -> tuple[int, int]:
    """Its share of anonymous and of shared memory."""
    data = read(f"{process.folder}/smaps_rollup")
    return _sum(data, (b"Pss_Anon:",)), _sum(data, (b"Pss_Shmem:",))


def _sum_of(path: str, names: tuple[bytes, ...]) -> int:
    return _sum(read(path), names)


def _sum(data: bytes, names: tuple[bytes, ...]) -> int:
    return sum(int(line.split()[1]) << 10 for line in data.splitlines() if line.startswith(names))


def _distinct(processes: list[Process]) -> list[Process]:
    """Without those that run in their parent's memory, as between vfork and exec."""
    by_id = {process.id: process for process in processes}
    return [
        process
        for process in processes
        if not (
            (parent := by_id.get(process.parent))
            and parent.size == process.size
            and kernel.same_memory(parent.id, process.id)
        )
    ]
