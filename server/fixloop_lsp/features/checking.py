"""Runs a document's tests in the background and shows what failed, and where the fault may be.

Never shows a result on a text other than the one it was computed from: what no longer fits is dropped.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import assert_never

from lsprotocol import types

from fixloop.records.attempt import Suspect
from fixloop.records.execution import Location, ProblemKind
from fixloop_lsp import convert
from fixloop_lsp.features.desk import OUR_BUG, Desk
from fixloop_lsp.jobs.backend import Request
from fixloop_lsp.jobs.runner import Checked, CheckOutcome, Crashed, NotRun
from fixloop_lsp.session import Failing, Run

log = logging.getLogger(__name__)

_Shown = list[types.Diagnostic]


class Checking:
    """Evaluates documents and keeps the client's diagnostics in step with what is known."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: dict[str, _Shown] = {}

    def check(self, uri: str) -> None:
        """Run the tests of an open document; a later call for it takes the place of an earlier one."""
        document = self._desk.session.documents.get(uri)
        request = self._desk.request(document, str(document.path)) if document else None
        if request:
            self._desk.jobs.check(request, lambda outcome: self._ended(request, outcome))

    def _ended(self, request: Request, outcome: CheckOutcome) -> None:
        match outcome:
            case Checked(run):
                self._record(run)
            case NotRun(message):
                self._desk.warn_once(str(request.folder), message)
            case Crashed():
                self._desk.warn_once(str(request.folder), OUR_BUG)
            case _:
                assert_never(outcome)

    def _record(self, run: Run) -> None:
        problem = run.execution.problem
        if problem is None or problem.kind is ProblemKind.NO_TESTS:
            self._desk.warn_once(str(run.root), None)
            self._desk.session.record(run)
        else:
            self._desk.warn_once(str(run.root), f"{problem.message} {problem.remedy}")
            self._desk.session.forget(run.root)
        self.refresh()

    def refresh(self) -> None:
        """Publish every document's diagnostics that changed."""
        current, stale = _diagnostics(self._desk)
        for uri in {*current, *self._shown}:
            now = current.get(uri, [])
            if now == self._shown.get(uri, []) or (uri in stale and not now):
                continue  # on a text that was edited, what is shown stays until its tests run again
            document = self._desk.session.documents.get(uri)
            self._desk.server.text_document_publish_diagnostics(
                types.PublishDiagnosticsParams(uri, now, document.version if document else None)
            )
            self._shown[uri] = now
        self._shown = {uri: shown for uri, shown in self._shown.items() if shown}


def _diagnostics(desk: Desk) -> tuple[dict[str, _Shown], set[str]]:
    """What can be shown by document, and the documents whose text moved on from what is known of them."""
    shown: dict[str, _Shown] = defaultdict(list)
    stale: set[str] = set()
    suspected: dict[tuple[str, int], list[Failing]] = defaultdict(list)
    for failing in desk.session.failing():
        stale.update(
            desk.session.uri_at(failing.run.root, path)
            for path in failing.paths
            if not desk.session.is_current(failing.run, path)
        )
        place = _location(desk, failing.run, failing.place)
        if place:
            related = _related_suspects(desk, failing)
            shown[place.uri].append(convert.failure_diagnostic(failing.check, place.range, related))
        for suspect in failing.suspects[:1]:
            if at := _location(desk, failing.run, suspect):
                suspected[at.uri, suspect.line].append(failing)
    for (uri, _), group in suspected.items():
        shown[uri].append(_suspect(desk, group))
    return shown, stale


def _suspect(desk: Desk, group: list[Failing]) -> types.Diagnostic:
    """One diagnostic for all failures with the same prime suspect."""
    first = group[0]
    suspect = first.suspects[0]
    at = _location(desk, first.run, suspect)
    assert at is not None
    related = [
        convert.Related(place, failing.check.message or failing.check.id)
        for failing in group
        if (place := _location(desk, failing.run, failing.place))
    ]
    checks = [failing.check.id for failing in group]
    return convert.suspect_diagnostic(checks, suspect.path, at.range, _supported(desk, related))


def _related_suspects(desk: Desk, failing: Failing) -> list[convert.Related]:
    related = [
        convert.Related(at, "Prime suspect" if rank == 0 else "Also suspected")
        for rank, suspect in enumerate(failing.suspects)
        if (at := _location(desk, failing.run, suspect))
    ]
    return _supported(desk, related)


def _supported(desk: Desk, related: list[convert.Related]) -> list[convert.Related]:
    return related if desk.can("text_document.publish_diagnostics.related_information") else []


def _location(desk: Desk, run: Run, place: Location | Suspect) -> types.Location | None:
    """A place of a run in the client's terms; None where the text there is no longer what the run saw."""
    source = run.texts.get(place.path)
    if source is None or not desk.session.is_current(run, place.path):
        return None
    return convert.line_location(desk.session.uri_at(run.root, place.path), source, place.line, desk.codec)
