"""The processes that stem from this one and what each has used, as the kernel lists them."""

# Strings, as pathlib would double the launcher's start-up.
# ruff: noqa: PTH208
from __future__ import annotations

import os

_PAGE = os.sysconf("SC_PAGE_SIZE")
_ENOUGH = 1 << 16


class Process:
    """One line of the list. Times are in clock ticks, sizes in bytes."""

    __slots__ = ("folder", "id", "parent", "resident", "size", "started", "threads", "ticks", "ticks_of_children")

    def __init__(self, number: int, folder: str, fields: list[bytes]) -> None:
        self.id = number
        self.folder = folder  # where its memory is described
        self.parent = int(fields[1])
        self.ticks = int(fields[11]) + int(fields[12])
        self.ticks_of_children = int(fields[13]) + int(fields[14])  # those that it waited for
        self.threads = int(fields[17])
        self.started = int(fields[19])
        self.size = int(fields[20])
        self.resident = int(fields[21]) * _PAGE


def descendants() -> list[Process]:
    """Every process that stems from this one, parents first; for a namespace's first one, those too that joined it."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            process = _process(int(name))
            if process:
                children.setdefault(process.parent, []).append(process)
    found = list(children.get(os.getpid(), ()))
    if os.getpid() == 1:
        found += [process for process in children.get(0, ()) if process.id != 1]  # whose parents are outside
    for process in found:  # grows while it is walked
        found += children.get(process.id, ())
    return found


def read(path: str) -> bytes:
    """The whole of a small file. Raises OSError, also for a process that has ended."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _ENOUGH)
        while more := os.read(descriptor, _ENOUGH) if data else b"":
            data += more
        return data
    finally:
        os.close(descriptor)


def _process(number: int) -> Process | None:
    folder = f"/proc/{number}"
    try:
        fields = _fields(folder)
        process = Process(number, folder, fields)
        if fields[0] == b"Z" and process.threads > 1:
            _look_at_a_thread(process)
    except (OSError, IndexError):
        return None  # ended meanwhile
    return process


def _look_at_a_thread(process: Process) -> None:
    """Once its first thread has ended, a process seems to hold nothing; the other threads show what it holds."""
    for name in os.listdir(f"{process.folder}/task"):
        if int(name) != process.id:
            folder = f"{process.folder}/task/{name}"
            thread = Process(process.id, folder, _fields(folder))
            process.folder, process.size, process.resident = folder, thread.size, thread.resident
            return


def _fields(folder: str) -> list[bytes]:
    return read(f"{folder}/stat").rpartition(b") ")[2].split()
