"""What the engine needs of the world, as Protocols. Real ones are wired in ``assembly``; tests pass real fakes."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fixloop.records.attempt import Attempt, Candidate, Suspect
from fixloop.records.execution import CheckResult, Execution
from fixloop.records.source import Patch, SourceText


class Cancelled(Exception):
    """Raised out of a port when the caller asked the repair to stop."""


class Unreadable(Exception):
    """A source file could not be read as text; the message says which and why."""


@dataclass(frozen=True)
class RunRequest:
    """Which checks to run, on the workspace with ``patch`` applied (None: as it stands).

    ``checks`` are pytest arguments: node ids, files or directories relative to the root; empty means the whole suite.
    ``lean`` leaves out the plugins that pytest would load by itself: quicker, and only good for a hint.
    """

    checks: tuple[str, ...]
    patch: Patch | None = None
    spectrum: bool = False
    wall_seconds: float = 60.0
    check_seconds: float = 10.0
    hash_seed: int = 0
    stop_at_first: bool = False
    lean: bool = False


class Evaluator(Protocol):
    """Runs checks in the sandbox. Every method raises Cancelled, and nothing for what the code under test does."""

    def run(self, request: RunRequest) -> Execution:
        """One cold, clean run: the only thing that may be believed when it says that a check passes."""
        ...

    def run_all(self, requests: Sequence[RunRequest]) -> tuple[Execution, ...]:
        """Independent cold runs, in the requests' order; side by side where there is room."""
        ...

    def screen(
        self, candidates: Iterable[Candidate], request: RunRequest
    ) -> Generator[tuple[Candidate, Execution], None, None]:
        """Run ``request`` once per candidate, as fast as can be, in the candidates' order.

        Takes from ``candidates`` only a bounded number ahead of what was consumed. A pass seen here is a hint and has
        to be confirmed by ``run``. Closing the generator ends whatever still runs.
        """
        ...


class Sources(Protocol):
    """The workspace's texts as they were when the task began, unsaved buffers included."""

    def read(self, path: str) -> SourceText:
        """The text of a file by its path from the root. Raises Unreadable."""
        ...

    def editable(self, path: str) -> bool:
        """True when a candidate may change this file: Python inside the root, neither test nor configuration."""
        ...


@dataclass(frozen=True)
class Brief:
    """What a proposer is told: the suspects, the failures, and the texts (a stacked patch already applied)."""

    suspects: Sequence[Suspect]
    failures: Sequence[CheckResult]
    sources: Sources
    seed: int


class Proposer(Protocol):
    """Names candidates, best first, lazily and without repeating itself. Deterministic for a given brief."""

    def propose(self, brief: Brief) -> Iterator[Candidate]:
        """Candidates whose patches are relative to ``brief.sources``."""
        ...


class Recorder(Protocol):
    """Keeps each attempt before the next begins."""

    def record(self, attempt: Attempt) -> None:
        """Store one attempt."""
        ...


class Clock(Protocol):
    """Time as the engine sees it."""

    def wall(self) -> float:
        """Monotonic seconds."""
        ...

    def cpu(self) -> float:
        """CPU seconds of this process, without what the sandbox used."""
        ...


class Cancellation(Protocol):
    """Asked often; must be cheap and safe to call from any thread."""

    def requested(self) -> bool:
        """True once the caller wants the repair to stop."""
        ...
