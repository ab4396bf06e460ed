"""``fixloop sandbox``: one command behind the walls, its output as it comes, and at last what it changed."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from fixloop.assembly import Place, Refused
from fixloop.cli import exits
from fixloop.cli.arguments import TO_OUTPUT, SandboxOptions
from fixloop.cli.engine import Engine
from fixloop.cli.streams import write, write_document
from fixloop.evaluate.confined import CommandRun, ConfinedCommand
from fixloop.ports import Cancellation
from fixloop.records.settings import Settings
from fixloop.report.command import command_document, no_command_document, sentence
from fixloop.report.git_patch import git_patch
from fixloop.report.words import printable
from fixloop.sandbox.job import MIB, Ended, Limits, Streams, Tier

OUTPUT_AT_MOST = 256 * MIB
_OUT, _ERR = 1, 2
_AT_ONCE = 4096  # what a pipe that can be written takes without blocking (PIPE_BUF)
_POLL_MILLISECONDS = 50


def sandbox(options: SandboxOptions, engine: Engine, cancellation: Cancellation) -> int:
    """Everything from the request to the exit status."""
    try:
        with contextlib.ExitStack() as stack:
            file = _diff_file(options, stack)
            place, folder = _place(options, engine)
            run = _run(options, engine, place, folder, cancellation)
            diff = git_patch(run.changes, _prefix(place.root)) if run.changes else None
            if file is not None and diff is not None:
                file.write(diff)
    except Refused as error:
        _say(str(error))
        if options.json:
            write_document(no_command_document(str(error)))
        return exits.NOT_CONFINED
    status = exits.of_command(run.completed)
    _tell(options, run)
    if options.json:
        write_document(command_document(run, status, diff))
    elif diff and options.keep_diff == TO_OUTPUT:
        write([diff])
    return status


def _place(options: SandboxOptions, engine: Engine) -> tuple[Place, str]:
    """The workspace, and where in it the command starts."""
    cwd = Path.cwd().resolve()
    place = engine.locate(".", cwd, options.root or cwd)
    folder = cwd.relative_to(place.root).as_posix() if cwd.is_relative_to(place.root) else "."
    return place, folder


def _run(options: SandboxOptions, engine: Engine, place: Place, folder: str, cancellation: Cancellation) -> CommandRun:
    limits = Limits(options.wall_seconds, output_bytes=OUTPUT_AT_MOST)
    if options.memory_bytes is not None:
        limits = replace(limits, memory_bytes=options.memory_bytes)
    command = ConfinedCommand(options.command, folder, limits, keep_changes=options.keep_diff is not None)
    settings = Settings(options.interpreter, grants=options.grants)
    until = time.monotonic() + options.wall_seconds
    output = _Output(lambda: cancellation.requested() or time.monotonic() > until, _ERR if options.json else _OUT)
    return engine.confine(place, command, settings, cancellation, Streams(output.take, _stdin()))


class _Output:
    """Hands on what the command prints. A reader that has left, or does not read on, keeps no limit from acting."""

    def __init__(self, give_up: Callable[[], bool], first: int) -> None:
        self._give_up = give_up
        self._targets = {_OUT: first, _ERR: _ERR}
        self._gone: set[int] = set()

    def take(self, stream: int, data: bytes) -> None:
        """Write what came on 1 or 2."""
        target = self._targets[stream]
        view = memoryview(data)
        try:
            while view and target not in self._gone and self._ready(target):
                view = view[os.write(target, view[:_AT_ONCE]) :]
        except OSError:
            self._gone.add(target)

    def _ready(self, target: int) -> bool:
        poll = select.poll()
        poll.register(target, select.POLLOUT)
        while not poll.poll(_POLL_MILLISECONDS):
            if self._give_up():
                return False
        return True


def _stdin() -> int | None:
    """What is piped in. A terminal stays ours: whoever holds one can type into it."""
    try:
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # started with a closed descriptor
        return None
    return None if os.isatty(descriptor) else descriptor


def _diff_file(options: SandboxOptions, stack: contextlib.ExitStack) -> BinaryIO | None:
    """The file for the diff, made before anything is run."""
    if options.keep_diff is None or options.keep_diff == TO_OUTPUT:
        return None
    try:
        return stack.enter_context(Path(options.keep_diff).open("wb"))
    except OSError as error:
        raise Refused(f"{options.keep_diff} cannot be written: {error.strerror}. Nothing was run.") from None


def _prefix(root: Path) -> str:
    """The way from the top of the repository, which is where git's own headers begin."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return "" if top == root else f"{root.relative_to(top).as_posix()}/"


def _tell(options: SandboxOptions, run: CommandRun) -> None:
    said = sentence(run)
    if said:
        _say(said)
    for note in run.completed.notes:
        _say(note)
    if run.tier is not Tier.FULL:
        _say(f"the sandbox's tier was {run.tier.value}; `fixloop doctor` lists what it does not prevent")
    if run.grants:
        _say(f"granted: {run.grants.words}")
    if options.keep_diff is None:
        return
    if run.changes is None and run.completed.ended is not Ended.NOT_STARTED:
        _say("What the command changed is not known, because it did not end by itself.")
    elif run.changes is not None and not run.changes.complete:
        _say("There are more changes than the diff shows: a limit was met.")


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        print(f"fixloop: {printable(sentence)}", file=sys.stderr, flush=True)
