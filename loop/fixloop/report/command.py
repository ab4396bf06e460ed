"""A run of any command in the sandbox: one document, and sentences for a person."""

from __future__ import annotations

from typing import Protocol

from fixloop.records.settings import NO_GRANTS, Grants
from fixloop.report.documents import VERSION, Document, sandbox
from fixloop.sandbox.changes import Changes
from fixloop.sandbox.job import Completed, Ended, Limits, Tier


class Run(Protocol):
    """What is shown of a run."""

    @property
    def completed(self) -> Completed: ...  # noqa: D102
    @property
    def tier(self) -> Tier: ...  # noqa: D102
    @property
    def grants(self) -> Grants: ...  # noqa: D102
    @property
    def limits(self) -> Limits: ...  # noqa: D102
    @property
    def changes(self) -> Changes | None: ...  # noqa: D102


def command_document(run: Run, exit_status: int, diff: bytes | None) -> Document:
    """The document of ``fixloop sandbox --json``. In ``diff`` what is no UTF-8 is escaped as ``\\udcXX``."""
    completed, limits = run.completed, run.limits
    return {
        "version": VERSION,
        "ended": completed.ended.value,
        "status": completed.status,
        "exit_status": exit_status,
        "message": sentence(run),
        "sandbox": sandbox(run.tier.value, run.grants),
        "notes": [*completed.notes, *(run.changes.notes if run.changes else ())],
        "limits": {
            "wall_seconds": limits.wall_seconds,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
            "output_bytes": limits.output_bytes,
            "scratch_bytes": limits.scratch_bytes,
            "open_files": limits.open_files,
            "processes": limits.processes,
        },
        "seconds": {"wall": round(completed.wall_seconds, 3), "cpu": round(completed.cpu_seconds, 3)},
        "diff": None if diff is None else diff.decode("utf-8", "surrogateescape"),
        "complete": run.changes.complete if run.changes else None,
    }


def no_command_document(message: str) -> Document:
    """The same document for a request that came to nothing."""
    return {
        "version": VERSION,
        "ended": Ended.NOT_STARTED.value,
        "status": None,
        "exit_status": 125,
        "message": message,
        "sandbox": sandbox(None, NO_GRANTS),
        "notes": [],
        "limits": {},
        "seconds": {"wall": 0.0, "cpu": 0.0},
        "diff": None,
        "complete": None,
    }


def sentence(run: Run) -> str:
    """Why the command did not end by itself; empty when it did."""
    completed = run.completed
    match completed.ended:
        case Ended.EXITED:
            return ""
        case Ended.NOT_STARTED:
            return f"{completed.detail} Nothing was changed."
        case Ended.CANCELLED:
            return "Cancelled. Nothing was changed."
        case Ended.WALL_LIMIT:
            return (
                f"The command was ended after {run.limits.wall_seconds:g} s, the wall limit. Nothing was changed. Allow"
                " more with --wall-seconds."
            )
        case limit:
            detail = completed.detail or f"The command met its {limit.value} and was ended."
            return f"{detail} Nothing was changed."
