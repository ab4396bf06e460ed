"""The engine as the server sees it, and the real one, which is imported by the first thread that needs it.

Nothing here knows threads, documents being edited, or the protocol.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fixloop.ports import Cancellation
from fixloop.records.attempt import Suspect
from fixloop.records.events import Event
from fixloop.records.execution import Execution
from fixloop.records.settings import Settings
from fixloop_lsp.session import Snapshot

SUSPECTS_RANKED_FOR = 20  # failing checks of one run; the rest are shown without their suspects
SUSPECTS_KEPT = 3  # of each


class Refusal(Exception):
    """The engine does not accept the request; the message says why and what to do."""


@dataclass(frozen=True)
class Request:
    """Work on ``target``, a path or node id, for the document ``uri`` in ``folder``, on one snapshot."""

    uri: str
    path: Path
    folder: Path
    target: str
    snapshot: Snapshot
    settings: Settings


@dataclass(frozen=True)
class Evaluated:
    """One run of checks, and the suspects of each that failed, best first."""

    execution: Execution
    suspects: Mapping[str, tuple[Suspect, ...]]


class Backend(Protocol):
    """The engine as jobs see it. Each method raises Refusal, and ``evaluate`` also ports.Cancelled."""

    def prepare(self) -> None:
        """Load what the first job would otherwise wait for."""
        ...

    def locate(self, path: Path, folder: Path) -> Path:
        """The root of the workspace that a file of a folder belongs to, its links resolved."""
        ...

    def evaluate(
        self, root: Path, overlay: Mapping[str, bytes], request: Request, cancellation: Cancellation
    ) -> Evaluated:
        """Run the checks of the request's target with their spectrum."""
        ...

    def repair(
        self, root: Path, overlay: Mapping[str, bytes], request: Request, cancellation: Cancellation
    ) -> Iterator[Event]:
        """Repair the request's target; ends in exactly one Stopped."""
        ...


class Engine:
    """Implements ``Backend`` with ``fixloop.assembly``."""

    def prepare(self) -> None:
        """See ``Backend``."""
        importlib.import_module("fixloop.assembly")

    def locate(self, path: Path, folder: Path) -> Path:
        """See ``Backend``."""
        from fixloop import assembly

        try:
            return assembly.locate(str(path), folder).root
        except assembly.Refused as error:
            raise Refusal(str(error)) from None

    def evaluate(
        self, root: Path, overlay: Mapping[str, bytes], request: Request, cancellation: Cancellation
    ) -> Evaluated:
        """See ``Backend``."""
        from fixloop import assembly

        place = assembly.Place(root, overlay)
        settings = request.settings
        try:
            evaluation = assembly.evaluate(
                place, [request.target], root, settings, cancellation, spectrum=True, static=False, fall_back=False
            )
        except assembly.Refused as error:
            raise Refusal(str(error)) from None
        execution = evaluation.execution
        passing = tuple(result for result in execution.results if not result.outcome.is_broken)
        suspects = {
            check.id: assembly.rank_suspects(
                place, dataclasses.replace(execution, results=(*passing, check)), settings
            )[:SUSPECTS_KEPT]
            for check in execution.broken[:SUSPECTS_RANKED_FOR]
        }
        return Evaluated(execution, suspects)

    def repair(
        self, root: Path, overlay: Mapping[str, bytes], request: Request, cancellation: Cancellation
    ) -> Iterator[Event]:
        """See ``Backend``."""
        from fixloop import assembly

        place = assembly.Place(root, overlay)
        return assembly.start_repair(place, request.target, root, request.settings, cancellation)
