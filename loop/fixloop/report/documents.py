"""Results as machine-readable documents: plain dictionaries whose keys are documented and always all present.

``version`` grows when a key changes its meaning or goes; a new key alone does not change it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from fixloop.records.attempt import Evidence, Verdict
from fixloop.records.events import Finding, RepairResult
from fixloop.records.execution import CheckResult, Execution, Outcome
from fixloop.records.settings import NO_GRANTS, Grants
from fixloop.records.source import FileEdit, SourceText
from fixloop.report.diff import Read, diff_text
from fixloop.report.doctor import DoctorItem, can_repair
from fixloop.report.status import Status, sentence, status_of
from fixloop.sandbox.gaps import gaps_of

VERSION = 1

Document = dict[str, object]


class StaticDiagnostic(Protocol):
    """One finding of a lint or type tool."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def line(self) -> int: ...  # noqa: D102
    @property
    def code(self) -> str: ...  # noqa: D102
    @property
    def message(self) -> str: ...  # noqa: D102


class StaticReport(Protocol):
    """What a lint or type tool said; ``note`` says why ``tool`` is None or what could not be run."""

    @property
    def tool(self) -> str | None: ...  # noqa: D102
    @property
    def diagnostics(self) -> Sequence[StaticDiagnostic]: ...  # noqa: D102
    @property
    def note(self) -> str: ...  # noqa: D102


def repair_document(result: RepairResult, read: Read, handoff: str | None) -> Document:
    """The document of ``fixloop fix --json``. Raises StaleText and Unreadable, as ``diff_text`` does."""
    finding = result.finding
    return {
        "version": VERSION,
        "stop_reason": result.reason.code,
        "message": result.message,
        "verdict": _verdict(finding.verdict) if finding else None,
        "patch": diff_text(finding.patch, read) if finding else None,
        "files": [_file(file, read(file.path)) for file in finding.patch.files] if finding else [],
        "evidence": _evidence(finding.evidence) if finding else [],
        "alternatives": [_alternative(other, read) for other in result.alternatives],
        "suspects": [
            {"path": suspect.path, "line": suspect.line, "score": round(suspect.score, 4)}
            for suspect in result.suspects
        ],
        "attempts": len(result.trajectory),
        "candidates": result.candidates,
        "seconds": {"wall": round(result.wall_seconds, 3), "cpu": round(result.cpu_seconds, 3)},
        "model": None,
        "sandbox": sandbox(result.tier, result.grants),
        "interpreter": result.interpreter,
        "baseline": {"passed": result.baseline.passed, "failed": result.baseline.failed},
        "scope": result.scope,
        "notes": list(result.notes),
        "handoff": handoff,
    }


def _verdict(verdict: Verdict) -> str | None:
    match verdict:
        case Verdict.VERIFIED | Verdict.PLAUSIBLE:
            return verdict.value
        case Verdict.REJECTED:
            return None


def _file(file: FileEdit, base: SourceText) -> Document:
    edits: list[Document] = []
    for edit in file.edits:
        start, end = base.byte_span(edit.span)
        line = base.line_of(edit.span.start)
        edits.append({"start": start, "end": end, "start_line": line, "replacement": edit.replacement})
    return {"path": file.path, "base_sha256": file.base_sha256, "edits": edits}


def _evidence(evidence: Sequence[Evidence]) -> list[Document]:
    return [{"gate": found.gate, "held": found.held, "detail": found.detail} for found in evidence]


def _alternative(finding: Finding, read: Read) -> Document:
    return {
        "patch": diff_text(finding.patch, read),
        "verdict": _verdict(finding.verdict),
        "evidence": _evidence(finding.evidence),
        "summary": finding.candidate.summary,
    }


def evaluation_document(execution: Execution, lint: StaticReport, types: StaticReport, scope: str) -> Document:
    """The document of ``fixloop evaluate --json``."""
    counted = Counter(result.outcome for result in execution.results)
    return _evaluation(status_of(execution), sentence(execution)) | {
        "checks": [_check(result) for result in execution.results],
        "counts": _counts(counted),
        "lint": _static(lint),
        "types": _static(types),
        "interpreter": execution.interpreter,
        "sandbox": sandbox(execution.tier, execution.grants),
        "seconds": round(execution.wall_seconds, 3),
        "scope": scope,
        "notes": list(execution.notes),
    }


def no_evaluation_document(status: Status, message: str) -> Document:
    """The same document for a request that came to nothing."""
    return _evaluation(status, message)


def _evaluation(status: Status, message: str) -> Document:
    not_run: Document = {"tool": None, "diagnostics": [], "note": "Not run."}
    return {
        "version": VERSION,
        "status": status.value,
        "message": message,
        "checks": [],
        "counts": _counts(Counter()),
        "lint": not_run,
        "types": not_run,
        "interpreter": None,
        "sandbox": sandbox(None, NO_GRANTS),
        "seconds": 0.0,
        "scope": "",
        "notes": [],
    }


def sandbox(tier: str | None, grants: Grants) -> Document:
    """How a run was confined, what that does not prevent, and what was let through to it."""
    granted: Document = {
        "read": [str(path) for path in grants.read],
        "ports": list(grants.ports),
        "env": list(grants.env),
    }
    return {"tier": tier, "gaps": list(gaps_of(tier)), "grants": granted}


def _check(result: CheckResult) -> Document:
    place = result.location
    return {
        "id": result.id,
        "outcome": result.outcome.value,
        "seconds": round(result.seconds, 4),
        "message": result.message,
        "location": {"path": place.path, "line": place.line} if place else None,
    }


def _counts(counted: Counter[Outcome]) -> dict[str, int]:
    return {outcome.value: counted[outcome] for outcome in Outcome} | {"total": counted.total()}


def _static(report: StaticReport) -> Document:
    return {
        "tool": report.tool,
        "diagnostics": [
            {"path": found.path, "line": found.line, "code": found.code, "message": found.message}
            for found in report.diagnostics
        ],
        "note": report.note,
    }


def doctor_document(items: tuple[DoctorItem, ...], message: str = "") -> Document:
    """The document of ``fixloop doctor --json``. ``message`` says why nothing could be looked at."""
    return {
        "version": VERSION,
        "ok": not message and can_repair(items),
        "message": message,
        "items": [
            {"area": item.area, "name": item.name, "ok": item.ok, "detail": item.detail, "remedy": item.remedy}
            for item in items
        ],
    }
