"""The process that has imported a project and collected its checks, and forks children that try candidates.

A pytest plugin: the loop in which pytest would run its tests is the loop in which requests are served. The process
itself runs no test, so that every child begins where the last one did.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
from typing import Any, Callable, Iterator

import pytest

from . import children, wire
from .answers import Answers
from .batch import CLEAN, FAILED, HELPS, LEFT_SOMETHING, Batch, Order, exchanges_for
from .checks import Checks, Limits, Result
from .deputy import DONE
from .guard import UNLIMITED
from .leaks import State
from .loading import Loading
from .memory import Memory
from .recorder import Recorder
from .swap import apply, nested
from .watch import Watch

RESTLESS_AFTER = 2  # batches that left something behind
JUMPS_AT_LEAST, JUMPS_A_SECOND, TIMES_AS_MANY = 200_000, 2_000_000, 20
CPU_AT_LEAST, TIMES_AS_LONG = 0.2, 25
MARGIN_SECONDS = 1.0


class Loaded:
    """Serves requests for one loaded project until there are no more."""

    def __init__(
        self,
        slots: Any,
        answers: Answers,
        recorder: Recorder,
        loading: Loading,
        root: str,
        request: dict[str, Any],
        requests: Iterator[dict[str, Any]],
        say: Callable[[bytes], object],
    ) -> None:
        self._slots = slots
        self._answers = answers
        self._recorder = recorder
        self._root = root
        self._request = request
        self._requests = requests
        self._say = say
        self._progress = children.Progress()
        self._restless = ""
        self._leaking = 0
        self._expected: dict[str, Result] = {}
        self._loading = loading

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: Any) -> bool:
        """Serve instead of running the tests."""
        ran = self._loading.end()
        self._checks = Checks(session, self._recorder, self._answers, self._root)
        self._memory = Memory(self._root, ran)
        self._state = State(self._memory)
        self._checks.guard.count(self._memory.codes())
        gc.collect()
        gc.freeze()
        self._answers.send(
            wire.LOADED,
            ids=self._checks.ids(),
            files=[[path, self._hash(path)] for path in self._memory.files()],
            threads=children.threads(),
        )
        self._measure()
        self._say(DONE)
        for request in self._requests:
            self._try(request)
            self._say(DONE)
        return True

    def _hash(self, path: str) -> str:
        try:
            with open(os.path.join(self._root, path), "rb") as stream:
                return hashlib.sha256(stream.read()).hexdigest()
        except OSError:
            return ""

    # The unchanged code.

    def _measure(self) -> None:
        """How the checks fail, first as pytest runs them, then as candidates are tried."""
        known = set(self._checks.ids())
        asked = [check for check in self._request["checks"] if check in known]
        whole = self._measured(asked, whole=True)
        quick = self._measured(asked, whole=False)
        self._expected = {check: Result(*result) for check, result in quick["results"].items()}
        for check, result in whole["results"].items():
            found = self._expected.get(check)
            if found is None or (found.outcome, found.exception) != (result[1], result[3]):
                self._checks.distrust(check)
                self._expected[check] = Result(*result)
        self._restless = "the tests leave something behind" if quick["left"] else ""
        results = [result[:5] for result in whole["results"].values()]
        blind = whole["seen"] or quick["seen"]
        self._answers.send(wire.BASE, results=results, restless=self._restless, blind=blind)

    def _measured(self, checks: list[str], *, whole: bool) -> dict[str, Any]:
        seconds = self._request["check_seconds"]
        answer = self._child(lambda pipe: self._run_unchanged(checks, pipe, whole=whole), seconds + MARGIN_SECONDS)
        return json.loads(answer.data) if answer.data else {"results": {}, "seen": "", "left": True}

    def _run_unchanged(self, checks: list[str], pipe: int, *, whole: bool) -> None:
        watch = Watch()
        self._checks.guard.install()
        watch.on(())
        limits = Limits(UNLIMITED, 0.0, self._request["check_seconds"])
        results: dict[str, Result] = {}
        for check in checks:
            results[check] = self._checks.run(check, limits, whole=whole)
            self._progress.move()
        seen = watch.off()
        self._state.clear_caches()
        found = {"results": results, "seen": seen, "left": self._state.changed()}
        data = json.dumps(found).encode()
        while data:
            data = data[os.write(pipe, data) :]

    # Candidates.

    def _try(self, request: dict[str, Any]) -> None:
        order = Order(request["candidates"], request["checks"], request["stop_at_first"], dict(self._limits(request)))
        for path in {file[0] for candidate in order.candidates for file in candidate}:
            self._prepare(path)
        patience = min(request["check_seconds"], request["wall_seconds"]) + MARGIN_SECONDS
        waiting = list(range(len(order.candidates)))
        while waiting:
            together = 1 if self._restless or request["patient"] else len(waiting)
            waiting = self._try_some(order, waiting[:together], patience) + waiting[together:]

    def _prepare(self, path: str) -> None:
        try:
            self._memory.text(path)
        except Exception:  # told again in the child, for each candidate
            return

    def _limits(self, request: dict[str, Any]) -> Iterator[tuple[str, Limits]]:
        seconds = request["check_seconds"]
        for check in request["checks"]:
            known = self._expected.get(check)
            jumps = (known.jumps if known else 0) * TIMES_AS_MANY
            cpu = (known.cpu_seconds if known else 0.0) * TIMES_AS_LONG
            if request["patient"]:
                yield check, Limits(max(jumps, int(JUMPS_A_SECOND * seconds)), 0.0, seconds)
            else:
                yield check, Limits(max(jumps, JUMPS_AT_LEAST), max(cpu, CPU_AT_LEAST), seconds)

    def _try_some(self, order: Order, numbers: list[int], patience: float) -> list[int]:
        """Try candidates in one child; those that are left to try."""
        batch = Batch(order, self._memory, self._checks, self._state, self._answers, self._progress, self._expected)
        answer = self._child(lambda pipe: batch.run(numbers, pipe), patience)
        letters, last = answer.data[:-1], answer.data[-1:]
        if last not in (CLEAN, LEFT_SOMETHING):
            return self._after_end(order, numbers, patience, answer)
        tried = numbers[: len(letters)]
        redo: list[int] = []
        if last == LEFT_SOMETHING and len(tried) > 1:
            # What came first began clean; the others may have seen what it left behind.
            redo = [at for at, letter in zip(tried[1:], letters[1:]) if letter in FAILED]
            self._leaking += 1
            if self._leaking >= RESTLESS_AFTER:
                self._restless = "candidates leave something behind"
        for at, letter in zip(tried, letters):
            if letter in HELPS:
                self._confirm(order, at, patience)
        for at in redo:
            self._try_some(order, [at], patience)
        return numbers[len(letters) :]

    def _after_end(self, order: Order, numbers: list[int], patience: float, answer: children.Answer) -> list[int]:
        """The child ended before it told anything: what it was at is tried alone, the others again."""
        at = self._progress.at()
        if at not in numbers:
            at = numbers[0]
        if len(numbers) > 1 and at != numbers[0] and not answer.stalled:
            self._try_some(order, [at], patience)
        else:
            self._tell_end(at, answer)
        return [number for number in numbers if number != at]

    def _confirm(self, order: Order, at: int, patience: float) -> None:
        """Run a candidate that helps in a process of its own, as pytest does."""
        self._answers.at = at

        def work(_pipe: int) -> None:
            exchanges = exchanges_for(self._memory, order.candidates[at])
            self._checks.guard.count(code for _, new in exchanges for code in nested(new))
            apply(exchanges)
            self._checks.report(order.checks, order.limits, stop_at_first=order.stop_at_first)

        self._tell_end(at, self._child(work, patience))

    def _tell_end(self, at: int, answer: children.Answer) -> None:
        self._answers.at = at
        self._answers.send(wire.ENDED, stalled=answer.stalled, status=answer.status)
        self._answers.at = wire.UNCHANGED

    def _child(self, work: Callable[[int], object], patience: float) -> children.Answer:
        def speak(pipe: int) -> None:
            self._answers.adopt()
            children.quiet()
            work(pipe)

        return children.run(self._slots, speak, self._progress, patience)
