"""What the sandbox is asked to run and what became of it. Plain values: nothing here starts anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MIB = 1 << 20
GIB = 1 << 30


class Tier(StrEnum):
    """How strongly a command is confined. ``TierReport.gaps`` says in words what each one lacks."""

    FULL = "full"  # namespaces
    ROOT = "root"  # a throw-away user, for root without namespaces
    REDUCED = "reduced"  # Landlock alone, for an ordinary user without namespaces who asked for it
    SANDBOX_EXEC = "sandbox-exec"  # macOS
    REFUSE = "refuse"  # nothing is run


@dataclass(frozen=True)
class Limits:
    """Where a run ends. A limit that the system's own hard limit undercuts is lowered to it."""

    wall_seconds: float
    cpu_seconds: float | None = None  # of all processes together, rounded up to whole seconds
    memory_bytes: int = 4 * GIB  # of all processes together; one allocation past it fails
    file_bytes: int = 256 * MIB  # largest single file
    output_bytes: int = 16 * MIB  # stdout and stderr together, and the channel on its own
    tail_bytes: int = 64 << 10  # how much of the output's end is kept
    open_files: int = 1024  # of one process
    processes: int = 1024  # of the whole tree; only FULL and ROOT enforce it
    scratch_bytes: int = 512 * MIB  # everything written, private directories included; only FULL enforces it


class Ended(StrEnum):
    """Why a run is over."""

    EXITED = "exited"
    WALL_LIMIT = "wall limit"
    CPU_LIMIT = "CPU limit"
    MEMORY_LIMIT = "memory limit"
    OUTPUT_LIMIT = "output limit"
    CANCELLED = "cancelled"
    NOT_STARTED = "not started"


@dataclass(frozen=True)
class Job:
    """One command and everything that it may see.

    ``argv``: the text ``{tools}`` in an argument becomes the directory that holds ``_fixloop_probe``; the current
    directory is the workspace. ``root``: the workspace, absolute and resolved. ``files``: POSIX path from the root ->
    content laid over the workspace. ``visible``: further host paths that may be read; missing ones are ignored.
    ``tools``: the host directory shown as ``{tools}/_fixloop_probe``; without one no argument is changed. ``env``: the
    whole environment, to which HOME and TMPDIR are added. ``request``: what the command reads from descriptor 3. It
    answers on descriptor 4.

    ``folder``: where in the workspace it starts. ``granted``: like ``visible``, but chosen by a user, so that FULL
    shows the files and folders there and no way to the processes behind sockets and pipes. ``ports``: TCP ports of the
    host's 127.0.0.1 that it reaches at the same numbers. ``changes_bytes``: how much of what it changed is handed out
    at most; 0 for nothing.
    """

    argv: tuple[str, ...]
    root: Path
    files: Mapping[str, bytes]
    visible: tuple[Path, ...]
    tools: Path | None
    env: Mapping[str, str]
    request: bytes
    limits: Limits
    folder: str = ""
    granted: tuple[Path, ...] = ()
    ports: tuple[int, ...] = ()
    changes_bytes: int = 0


@dataclass(frozen=True)
class Streams:
    """The command's own streams, for one who follows them.

    ``on_output`` gets what is printed as it comes, with 1 or 2 for the stream. ``stdin`` is a descriptor whose content
    is copied to the command's standard input, which never is that descriptor itself; None: the input is empty.
    """

    on_output: Callable[[int, bytes], None]
    stdin: int | None = None


@dataclass(frozen=True)
class Completed:
    """How a run went. ``status`` is the exit status, or the negative number of the signal that ended the command.

    ``channel`` is all that arrived on descriptor 4, ``output`` the end of stdout and stderr, ``cpu_seconds`` that of
    every process of the run, the sandbox's own included. ``detail`` says why a run was not started or which limit ended
    it, ``notes`` in what it differed from others of its tier and which limits it met. A run that was not started
    because of the command itself has the ``status`` that shells use for it: 127 not found, 126 not executable.
    ``changes`` is for ``changes.read``.
    """

    ended: Ended
    status: int | None = None
    channel: bytes = b""
    output: bytes = b""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    detail: str = ""
    notes: tuple[str, ...] = ()
    changes: bytes = b""
