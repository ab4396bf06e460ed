"""The warm evaluator: candidates are looked at in a process that has the project loaded; runs stay cold.

Implements ``ports.Evaluator``. Only a cold run is believed. Where the warm process does not show the same failures as
the cold run, or does not last, candidates are screened cold, and the next execution says why.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import chain, islice
from pathlib import Path

from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.conversation import Silent, Start
from fixloop.evaluate.imports import imported_packages
from fixloop.evaluate.warmed import Afresh, Base, Warmed
from fixloop.ports import Cancellation, RunRequest
from fixloop.records.attempt import Candidate
from fixloop.records.execution import CheckResult, Execution

FIRST_BATCH, LARGEST_BATCH = 4, 64
STARTS_AT_MOST = 3
_COMPARED = 500  # characters of a message


class Way(StrEnum):
    """How a candidate was looked at, from quick to slow."""

    EXCHANGED = "exchanged"  # its code took the place of the loaded code
    AFRESH = "afresh"  # the project was imported anew, in a warm interpreter
    COLD = "cold"


class _Unfit(Exception):
    """This workspace cannot be screened warm; the message says why."""


class WarmEvaluator:
    """Screens candidates warm where that is sound. Owns a process: close it."""

    def __init__(
        self,
        cold: ColdEvaluator,
        root: Path,
        cancellation: Cancellation,
        check_limit: float,
        start: Start,
    ) -> None:
        """``check_limit``: the seconds that one check is allowed at most, after which nothing is tried again."""
        self._cold = cold
        self._root = root
        self._cancellation = cancellation
        self._check_limit = check_limit
        self._start = start
        self._starts = 0
        self._warmed: Warmed | None = None
        self._loaded: tuple[object, ...] = ()
        self._started_for: tuple[object, ...] = ()
        self._exchanging = True
        self._known: dict[tuple[str, int], CheckResult] = {}
        self._given_up = ""
        self._note = ""
        self.ways: Counter[Way] = Counter()

    def run(self, request: RunRequest) -> Execution:
        """One cold run. Raises Cancelled."""
        return self._remembered(request, self._cold.run(request))

    def run_all(self, requests: Sequence[RunRequest]) -> tuple[Execution, ...]:
        """Cold runs side by side. Raises Cancelled."""
        executions = self._cold.run_all(requests)
        return tuple(map(self._remembered, requests, executions))

    def screen(
        self, candidates: Iterable[Candidate], request: RunRequest
    ) -> Generator[tuple[Candidate, Execution], None, None]:
        """Hints for candidates, in their order. Raises Cancelled."""
        source = iter(candidates)
        size = FIRST_BATCH
        while batch := list(islice(source, size)):
            for candidate in self._screened_warm(batch, request):
                if isinstance(candidate, tuple):
                    yield candidate
                    continue
                for found, execution in self._cold.screen(chain(candidate, source), request):
                    self.ways[Way.COLD] += 1
                    yield found, self._annotated(execution)
                return
            size = min(2 * size, LARGEST_BATCH)

    def close(self) -> None:
        """End the warm process. The evaluator may be used again."""
        if self._warmed is not None:
            self._warmed.close()
        self._warmed, self._loaded, self._started_for = None, (), ()

    def _screened_warm(
        self, batch: list[Candidate], request: RunRequest
    ) -> Iterator[tuple[Candidate, Execution] | list[Candidate]]:
        """Each candidate with what was seen; a list of those that are left when they have to be screened cold."""
        left = batch
        while left:
            try:
                for found in self._tried(left, request):
                    yield found
                    left = left[1:]
            except (Silent, _Unfit) as reason:
                self.close()
                if isinstance(reason, _Unfit) or self._starts >= STARTS_AT_MOST:
                    self._give_up(str(reason))
            if self._given_up and left:
                yield left
                return

    def _tried(self, batch: list[Candidate], request: RunRequest) -> Iterator[tuple[Candidate, Execution]]:
        warmed = self._ready(request)
        answers: Sequence[Execution | Afresh] = [Afresh("the checks cannot be collected")] * len(batch)
        if self._exchanging:
            answers = warmed.attempt(batch, request, patient=request.check_seconds >= self._check_limit)
        for candidate, answer in zip(batch, answers, strict=True):
            found, way = answer, Way.EXCHANGED
            if isinstance(found, Afresh):
                found, way = warmed.afresh(candidate, request), Way.AFRESH
            if isinstance(found, Afresh):
                found, way = self._cold.run(replace(request, patch=candidate.patch)), Way.COLD
            self.ways[way] += 1
            yield candidate, self._annotated(found)

    # The warm process.

    def _ready(self, request: RunRequest) -> Warmed:
        """The process with this request's checks loaded, and its failures those of a cold run."""
        if self._given_up:
            raise _Unfit(self._given_up)
        if self._warmed is not None and self._warmed.is_outdated():
            self.close()
            self._known.clear()
        started_for = (request.lean, request.hash_seed)
        if self._warmed is None or self._started_for != started_for:
            self.close()
            self._starts += 1
            self._warmed = Warmed.start(
                self._start,
                self._cold,
                self._root,
                request,
                secrets.token_hex(16),
                imported_packages(self._root),
                self._cancellation.requested,
            )
            self._started_for = started_for
        if self._loaded != request.checks:
            self._loaded = ()
            self._exchanging = self._load(self._warmed, request)
            self._loaded = request.checks
        return self._warmed

    def _load(self, warmed: Warmed, request: RunRequest) -> bool:
        """Load and compare; whether candidates may be tried by exchanging code. Raises _Unfit."""
        base = warmed.load(request)
        reason = _unfit(base)
        if reason:
            raise _Unfit(reason)
        if all(check in base.ids for check in request.checks):
            self._compare(base.results, request)
            return True
        execution = warmed.afresh(None, request)
        if isinstance(execution, Afresh):
            raise _Unfit(execution.why)
        self._compare({result.id: result for result in execution.results}, request)
        return False

    def _compare(self, warm: Mapping[str, CheckResult], request: RunRequest) -> None:
        """Raises _Unfit unless the failures are those of a cold run."""
        differing = self._differing(warm, request)
        if differing:
            self._remembered(request, self._cold.run(replace(request, patch=None)))
            differing = self._differing(warm, request)
        if differing:
            raise _Unfit(f"{differing} fails otherwise in a warm process")

    def _differing(self, warm: Mapping[str, CheckResult], request: RunRequest) -> str:
        for check in request.checks:
            cold = self._known.get((check, request.hash_seed))
            if cold is None or check not in warm or _signature(cold) != _signature(warm[check]):
                return check
        return ""

    def _remembered(self, request: RunRequest, execution: Execution) -> Execution:
        if request.patch is None:
            self._known.update({(result.id, request.hash_seed): result for result in execution.results})
        return execution

    def _give_up(self, reason: str) -> None:
        self._given_up = reason
        self._note = f"Candidates were tried in cold runs, which is slower: {reason}."

    def _annotated(self, execution: Execution) -> Execution:
        note, self._note = self._note, ""
        return replace(execution, notes=(*execution.notes, note)) if note else execution


def _unfit(base: Base) -> str:
    if base.threads > 1:
        return "importing the project starts threads"
    return base.blind


_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


def _signature(result: CheckResult) -> tuple[str, str, str]:
    failure = result.failure
    message = _ADDRESS.sub("0x", failure.message[:_COMPARED]) if failure else ""
    return result.outcome.value, failure.exception if failure else "", message
