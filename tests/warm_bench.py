"""A project with its cold and its warm evaluator, the warm one in the sandbox or without one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fakes import FakeCancellation
from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.interpreter import find_interpreter
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.evaluate.warm import WarmEvaluator
from fixloop.ports import RunRequest
from fixloop.records.attempt import Candidate, Provenance, Suspect
from fixloop.records.execution import Execution
from fixloop.records.source import Patch, edit_between
from fixloop.sandbox.run import Job, choose_tier, open_session
from warm_sessions import PlainSession, plain_session


@dataclass
class Bench:
    """One project with its two evaluators. ``sessions`` are the warm processes that were started."""

    root: Path
    overlay: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    cancellation: FakeCancellation = field(default_factory=FakeCancellation)
    check_limit: float = 5.0
    sandboxed: bool = False

    def __post_init__(self) -> None:
        self.sessions: list[PlainSession] = []
        self.sources = WorkspaceSources(self.root, self.overlay)
        interpreter = find_interpreter(self.root, os.environ.get("FIXLOOP_TEST_PYTHON"), os.environ)
        tier = choose_tier().tier
        self.cold = ColdEvaluator(
            self.root, self.overlay, self.sources, interpreter, tier, self.cancellation, {}, workers=2
        )
        start = partial(open_session, tier=tier) if self.sandboxed else self._start
        self.warm = WarmEvaluator(self.cold, self.root, self.cancellation, self.check_limit, start)

    @contextmanager
    def _start(self, job: Job) -> Iterator[PlainSession]:
        with plain_session(job) as session:
            self.sessions.append(session)
            yield session

    def candidate(self, new: Mapping[str, str]) -> Candidate:
        """A candidate that gives files these texts."""
        edits = tuple(edit_between(self.sources.read(path), text) for path, text in sorted(new.items()))
        summary = " ".join(edit.replacement for file in edits for edit in file.edits)
        return Candidate(Patch(edits), (Provenance("template", "t"),), Suspect("mod.py", 1, 1.0), 1.0, summary)

    def replacing(self, path: str, old: str, *new: str) -> list[Candidate]:
        """One candidate for each replacement of a text that stands once in a file."""
        text = self.sources.read(path).text
        assert text.count(old) == 1, text
        return [self.candidate({path: text.replace(old, each)}) for each in new]

    def screen(self, candidates: Iterable[Candidate], request: RunRequest) -> list[Execution]:
        return [execution for _, execution in self.warm.screen(candidates, request)]

    def cold_of(self, candidates: Sequence[Candidate], request: RunRequest) -> list[Execution]:
        return [execution for _, execution in self.cold.screen(candidates, request)]


def request(*checks: str, **more: object) -> RunRequest:
    return RunRequest(checks, wall_seconds=20, lean=True, **{"check_seconds": 2.0, **more})  # type: ignore[arg-type]


def outcomes(execution: Execution) -> dict[str, str]:
    return {result.id: result.outcome.value for result in execution.results}
