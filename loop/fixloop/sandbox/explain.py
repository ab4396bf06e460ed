"""Says in a person's words which limit of the sandbox was met.

What the sandbox itself ended is known. An error that the program met and reported in its own words is a hint: the same
words may have another reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from fixloop.sandbox.job import GIB, MIB, Ended, Limits, Tier

_DESCRIPTORS = ("Too many open files", "[Errno 24]")
_FILE = ("File too large", "File size limit exceeded", "[Errno 27]")
_SPACE = ("No space left on device", "[Errno 28]")
_PROCESSES = ("can't start new thread", "fork: retry", "fork: Resource temporarily unavailable")
_MEMORY = ("MemoryError", "Cannot allocate memory", "std::bad_alloc", "[Errno 12]")

_FILE_SIZE_SIGNAL = 25
_SHELLS_ADD = 128


def end(ended: Ended, limits: Limits) -> str:
    """What ended a run, or "" when no limit of the sandbox did."""
    match ended:
        case Ended.WALL_LIMIT:
            return f"The run took longer than the {limits.wall_seconds:g} s that it was allowed."
        case Ended.CPU_LIMIT:
            return f"The processes of the run together used the {limits.cpu_seconds or 0:g} s of CPU time allowed them."
        case Ended.MEMORY_LIMIT:
            return f"The processes of the run together held more than the {_size(limits.memory_bytes)} allowed them."
        case Ended.OUTPUT_LIMIT:
            return f"The run printed or reported more than the {_size(limits.output_bytes)} that the sandbox takes."
        case Ended.EXITED | Ended.CANCELLED | Ended.NOT_STARTED:
            return ""


def status(code: int | None) -> str:
    """The limit that an exit status stands for, or ""."""
    if code in {-_FILE_SIZE_SIGNAL, _SHELLS_ADD + _FILE_SIZE_SIGNAL}:
        return "The command was ended for writing a file larger than the sandbox allows."
    return ""


def hints(words: str, limits: Limits, tier: Tier) -> tuple[str, ...]:
    """The limits that may be behind errors which these words report, each with the words that say so."""
    return tuple(_hints(words, limits, tier))


def _hints(words: str, limits: Limits, tier: Tier) -> Iterator[str]:
    # Elsewhere no limit of ours is behind such an error: the disk is full, or the user has too many processes.
    space_is_limited, processes_are_limited = tier is Tier.FULL, tier in {Tier.FULL, Tier.ROOT}
    size, space = _size(limits.memory_bytes), _size(limits.scratch_bytes)
    for marks, allowed, is_limited in (
        (_DESCRIPTORS, f"{limits.open_files:,} open files to one process", True),
        (_FILE, f"files of at most {_size(limits.file_bytes)}", True),
        (_SPACE, f"{space} for everything written, and one file for each 4 KiB of it", space_is_limited),
        (_PROCESSES, f"{limits.processes:,} processes and threads", processes_are_limited),
        (_MEMORY, f"{size} of memory", True),
    ):
        found = next((mark for mark in marks if mark in words), None)
        if found and is_limited:
            yield f"It reported '{found}'; the sandbox allows {allowed}."


def _size(number: int) -> str:
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (1 << 10, "KiB")):
        if number >= unit:
            return f"{number / unit:g} {name}" if number % unit == 0 else f"{number / unit:.1f} {name}"
    return f"{number} bytes"
