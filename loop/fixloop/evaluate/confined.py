"""Runs any command of the user's as code under test is run: the same walls, environment and interpreter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fixloop.evaluate.environment import environment
from fixloop.evaluate.interpreter import Interpreter
from fixloop.records.settings import Grants
from fixloop.sandbox import changes
from fixloop.sandbox.run import Completed, Job, Limits, Streams, Tier, run


@dataclass(frozen=True)
class ConfinedCommand:
    """What to run. ``folder``: where, from the workspace's root. ``keep_changes``: tell what it changed there."""

    argv: tuple[str, ...]
    folder: str
    limits: Limits
    keep_changes: bool = False


@dataclass(frozen=True)
class CommandRun:
    """How it went. ``changes`` is None where they were not asked for or the command did not end by itself."""

    completed: Completed
    tier: Tier
    grants: Grants
    limits: Limits
    changes: changes.Changes | None = None


def run_command(
    command: ConfinedCommand,
    root: Path,
    interpreter: Interpreter,
    tier: Tier,
    grants: Grants,
    environ: Mapping[str, str],
    cancelled: Callable[[], bool],
    streams: Streams,
) -> CommandRun:
    """Run it to its end. Raises what ``streams.on_output`` raises."""
    job = Job(
        argv=command.argv,
        root=root,
        files={},
        visible=interpreter.prefixes,
        tools=None,
        env=environment(interpreter, environ, grants.env),
        request=b"",
        limits=command.limits,
        folder=command.folder,
        granted=grants.read,
        ports=grants.ports,
        changes_bytes=changes.MOST_BYTES if command.keep_changes else 0,
    )
    completed = run(job, tier, cancelled, streams=streams)
    told = changes.read(completed.changes, root) if completed.changes else None
    return CommandRun(completed, tier, grants, command.limits, told)
