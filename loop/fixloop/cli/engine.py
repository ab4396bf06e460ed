"""What the commands need of ``fixloop.assembly``, as a Protocol: the module itself satisfies it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from fixloop.ports import Cancellation
from fixloop.records.events import Event
from fixloop.report.doctor import DoctorItem

if TYPE_CHECKING:  # assembly loads the whole engine; arguments are parsed, and refused, without it
    from fixloop.assembly import Evaluation, Place
    from fixloop.evaluate.confined import CommandRun, ConfinedCommand
    from fixloop.records.settings import Settings
    from fixloop.sandbox.run import Streams


class Engine(Protocol):
    """Everything that a front end may ask for. Each is described where ``fixloop.assembly`` defines it."""

    def locate(self, target: str, cwd: Path, root: Path | None = None) -> Place:
        """Raises assembly.Refused."""
        ...

    def start_repair(
        self, place: Place, target: str, cwd: Path, settings: Settings, cancellation: Cancellation
    ) -> Iterator[Event]:
        """Ends in exactly one Stopped."""
        ...

    def evaluate(
        self, place: Place, targets: Sequence[str], cwd: Path, settings: Settings, cancellation: Cancellation
    ) -> Evaluation:
        """Raises assembly.Refused and ports.Cancelled."""
        ...

    def confine(
        self, place: Place, command: ConfinedCommand, settings: Settings, cancellation: Cancellation, streams: Streams
    ) -> CommandRun:
        """Raises assembly.Refused."""
        ...

    def diagnose(self, place: Place, settings: Settings) -> tuple[DoctorItem, ...]:
        """Never raises for what it finds."""
        ...
