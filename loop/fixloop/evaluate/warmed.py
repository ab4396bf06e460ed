"""One warm process with one workspace loaded in it: what it can be asked, and what its answers mean.

A result seen here is a hint. Raises ``Silent`` when the process is gone; whether to start another is not decided here.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.conversation import Conversation, Silent, Start
from fixloop.evaluate.reading import read_result
from fixloop.ports import RunRequest
from fixloop.probe import wire
from fixloop.records.attempt import Candidate
from fixloop.records.execution import CheckResult, Execution, Failure, Outcome, one_a_check
from fixloop.records.source import FileEdit
from fixloop.sandbox.run import Completed, Ended, SessionOver, Tier

_START_SECONDS = 30.0
_SLACK_SECONDS = 5.0


@dataclass(frozen=True)
class Base:
    """How the unchanged code fails in the warm process, and what speaks against trying candidates there."""

    results: Mapping[str, CheckResult]
    ids: frozenset[str]
    threads: int
    blind: str


@dataclass(frozen=True)
class Afresh:
    """A candidate that exchanged code cannot show; ``why`` in words."""

    why: str


class Warmed:
    """A session and what is loaded in it."""

    def __init__(
        self, conversation: Conversation, context: ExitStack, cold: ColdEvaluator, root: Path, token: str
    ) -> None:
        self._conversation = conversation
        self._context = context
        self._cold = cold
        self._root = root
        self._token = token
        self._stamps: dict[str, object] = {}

    @classmethod
    def start(
        cls,
        start: Start,
        cold: ColdEvaluator,
        root: Path,
        request: RunRequest,
        token: str,
        packages: Sequence[str],
        cancelled: Callable[[], bool],
    ) -> Warmed:
        """Start the process. Raises Silent and Cancelled."""
        asked = {**cold.asked(request, token), "packages": list(packages)}
        with ExitStack() as context:
            try:
                session = context.enter_context(start(cold.job(request, b"", wire.WARM_BOOTSTRAP)))
            except SessionOver as over:
                raise Silent(str(over).rstrip(".")) from None
            conversation = Conversation(session, token, cancelled)
            conversation.begin(asked, _START_SECONDS)
            return cls(conversation, context.pop_all(), cold, root, token)

    def close(self) -> None:
        """End the process."""
        self._context.close()

    def load(self, request: RunRequest) -> Base:
        """Import the project as it is now, collect the request's checks and run them."""
        args = self._args(request)
        records = self._conversation.ask(
            wire.LOAD,
            request.wall_seconds + _SLACK_SECONDS,
            args=args,
            checks=request.checks,
            check_seconds=request.check_seconds,
        )
        with _readable():
            (loaded,) = (record for record in records if record["kind"] == wire.LOADED)
            (base,) = (record for record in records if record["kind"] == wire.BASE)
            self._stamps = {path: _stamp(self._root / path) for path, _ in loaded["files"]}
            results = {result[0]: _tried(result) for result in base["results"]}
            return Base(results, frozenset(loaded["ids"]), loaded["threads"], base["blind"])

    def is_outdated(self) -> bool:
        """True when a file that is loaded has changed on disk since."""
        return any(_stamp(self._root / path) != stamp for path, stamp in self._stamps.items())

    def attempt(
        self, candidates: Sequence[Candidate], request: RunRequest, *, patient: bool
    ) -> list[Execution | Afresh]:
        """Try candidates by exchanging code, in their order."""
        records = self._conversation.ask(
            wire.TRY,
            len(candidates) * (request.wall_seconds + _SLACK_SECONDS),
            candidates=[[_file(file) for file in candidate.patch.files] for candidate in candidates],
            checks=request.checks,
            stop_at_first=request.stop_at_first,
            check_seconds=request.check_seconds,
            wall_seconds=request.wall_seconds,
            patient=patient,
        )
        with _readable():
            about = [[record for record in records if record["at"] == at] for at in range(len(candidates))]
            return [self._answer(found, request) for found in about]

    def _answer(self, records: list[dict[str, Any]], request: RunRequest) -> Execution | Afresh:
        found: list[CheckResult] = []
        reported: list[CheckResult] = []
        wall = cpu = 0.0
        for record in records:
            match record["kind"]:
                case wire.TRIED if "again" in record:
                    return Afresh(record["again"])
                case wire.TRIED:
                    found = [_tried(result) for result in record["results"]]
                    wall, cpu = wall + record["wall"], cpu + record["cpu"]
                case wire.RESULT:
                    reported.append(read_result(record, Tier.FULL))
                case wire.ENDED:
                    found = [*reported, *_cut_short(request, reported, record)]
                case _:
                    pass
        return self._cold.seen(tuple(one_a_check(found).values()), wall, cpu)

    def afresh(self, candidate: Candidate | None, request: RunRequest) -> Execution | Afresh:
        """Try a candidate, None for the unchanged code, by importing the project anew."""
        patched = self._cold.patched(candidate.patch if candidate else None)
        records = self._conversation.ask(
            wire.FRESH,
            request.wall_seconds + _SLACK_SECONDS,
            at=0,
            files={path: base64.b64encode(data).decode() for path, data in patched.items()},
            args=self._args(request),
            check_seconds=request.check_seconds,
            wall_seconds=request.wall_seconds,
        )
        with _readable():
            return self._run_afresh(records, request)

    def _run_afresh(self, records: list[dict[str, Any]], request: RunRequest) -> Execution | Afresh:
        for record in records:
            if record["kind"] == wire.TRIED:
                return Afresh(record["again"])
        ended = next((record for record in records if record["kind"] == wire.ENDED), None)
        stalled = ended is not None and ended["stalled"]
        completed = Completed(
            Ended.WALL_LIMIT if stalled else Ended.EXITED,
            None if ended is None or stalled else os.waitstatus_to_exitcode(ended["status"]),
            b"".join(json.dumps(record).encode() + b"\n" for record in records),
            wall_seconds=ended["wall"] if ended else 0.0,
            cpu_seconds=ended["cpu"] if ended else 0.0,
        )
        return self._cold.read(completed, self._token, request)

    def _args(self, request: RunRequest) -> list[str]:
        return [*self._cold.asked(request, self._token)["args"], "-s"]  # what is printed goes nowhere


@contextmanager
def _readable() -> Generator[None]:
    """What runs in the warm process can write what it likes: an answer that makes no sense is none."""
    try:
        yield
    except (LookupError, TypeError, ValueError):
        raise Silent("the warm process answered what cannot be understood") from None


def _file(file: FileEdit) -> list[object]:
    edits = [[edit.span.start, edit.span.end, edit.replacement] for edit in file.edits]
    return [file.path, file.base_sha256, edits]


def _tried(result: list[Any]) -> CheckResult:
    check, outcome, seconds, exception, message = result
    failure = Failure(exception, message) if exception else None
    return CheckResult(check, Outcome(outcome), seconds, failure=failure)


def _cut_short(request: RunRequest, reported: list[CheckResult], ended: dict[str, Any]) -> list[CheckResult]:
    """What the end of its process says of the checks that had not reported."""
    if request.stop_at_first and any(result.outcome is not Outcome.PASSED for result in reported):
        return []
    left = [check for check in request.checks if all(result.id != check for result in reported)]
    if ended["stalled"]:
        return [
            CheckResult(check, Outcome.TIMEOUT, failure=Failure("Timeout", "did not end in time")) for check in left
        ]
    died = Failure("Crash", "the process ended during this test")
    return [CheckResult(check, Outcome.CRASHED, failure=died) for check in left[:1]]


def _stamp(file: Path) -> object:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
