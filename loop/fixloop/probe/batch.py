"""A child of the loaded project: tries candidates in turn by exchanging code, one after the other.

At the end it writes its records, and into its pipe one letter for each candidate and one for whether anything was left
behind: writing as it goes would cost more than trying. Nothing that it finds is believed when it says that a check
passes.
"""

from __future__ import annotations

import os
import time
from typing import Any, NamedTuple

from . import wire
from .answers import Answers
from .checks import Checks, Limits, Result
from .children import Progress
from .leaks import State
from .memory import Memory
from .segments import OutsideStatements
from .swap import Exchange, NotExchangeable, apply, nested, plan
from .watch import Watch

FAILED, HELPS, AGAIN, LATE = b"F", b"P", b"R", b"T"
CLEAN, LEFT_SOMETHING = b".", b"!"


class Order(NamedTuple):
    """What is tried: the candidates' files as [path, sha256, edits], and how."""

    candidates: list[list[Any]]
    checks: list[str]
    stop_at_first: bool
    limits: dict[str, Limits]


class Batch:
    """Runs in the child, once. ``expected``: how the unchanged code fails, by check."""

    def __init__(
        self,
        order: Order,
        memory: Memory,
        checks: Checks,
        state: State,
        answers: Answers,
        progress: Progress,
        expected: dict[str, Result],
    ) -> None:
        self._order = order
        self._memory = memory
        self._checks = checks
        self._state = state
        self._answers = answers
        self._progress = progress
        self._expected = expected
        self._records: list[dict[str, Any]] = []
        self._broken = {check for check, result in expected.items() if result.outcome != "passed"}

    def run(self, numbers: list[int], pipe: int) -> None:
        """Try the candidates with these numbers until one does not end in time."""
        self._watch = Watch()
        self._checks.guard.install()
        letters = b""
        for number in numbers:
            letter = self._try(number)
            letters += letter
            if letter == LATE:
                break
        letters += LEFT_SOMETHING if self._left_something() else CLEAN
        self._answers.send_taken(self._records)
        os.write(pipe, letters)

    def _try(self, number: int) -> bytes:
        self._answers.at = number
        self._progress.begin(number)
        wall, cpu = time.perf_counter(), time.process_time()
        try:
            exchanges = self._exchanges(number)
        except SyntaxError as error:
            results = [Result(self._order.checks[0], "error", 0.0, "SyntaxError", error.msg)]
        except NotExchangeable as reason:
            self._note(again=str(reason))
            return AGAIN
        else:
            results = self._with(exchanges, number)
            if self._watch.seen:
                self._note(again=self._watch.seen)
                return AGAIN
        told = [result[:5] for result in results]
        cpu_seconds, seconds = time.process_time() - cpu, time.perf_counter() - wall
        self._note(results=told, cpu=cpu_seconds, wall=seconds)
        if any(result.outcome == "timeout" for result in results):
            return LATE
        helps = any(result.outcome == "passed" and result.id in self._broken for result in results)
        return HELPS if helps else FAILED

    def _note(self, **fields: object) -> None:
        self._answers.taken = self._records
        self._answers.send(wire.TRIED, **fields)
        self._answers.taken = None

    def _with(self, exchanges: list[Exchange], number: int) -> list[Result]:
        self._checks.guard.count(code for _, new in exchanges for code in nested(new))
        before = apply(exchanges)
        self._watch.on(self._memory.absolute(file[0]) for file in self._order.candidates[number])
        try:
            return self._results()
        finally:
            self._watch.off()
            apply(before)
            self._state.clear_caches()

    def _results(self) -> list[Result]:
        results: list[Result] = []
        for check in self._order.checks:
            result = self._checks.run(check, self._order.limits[check])
            self._progress.move()
            results.append(result)
            if result.outcome == "timeout" or (self._order.stop_at_first and result.outcome != "passed"):
                break
        return results

    def _exchanges(self, number: int) -> list[Exchange]:
        return exchanges_for(self._memory, self._order.candidates[number])

    def _left_something(self) -> bool:
        if self._state.changed():
            return True
        for check in self._order.checks:
            expected = self._expected.get(check)
            if expected is not None and expected.outcome != "timeout":
                result = self._checks.run(check, self._order.limits[check])
                self._progress.move()
                if result.signature() != expected.signature():
                    return True
        return False


def exchanges_for(memory: Memory, files: list[Any]) -> list[Exchange]:
    """How a candidate takes effect in memory. Raises NotExchangeable, and SyntaxError when it is not Python."""
    exchanges: list[Exchange] = []
    for path, sha256, edits in files:
        text = memory.text(path)
        if text.sha256 != sha256:
            raise NotExchangeable(f"{path} was loaded with another text")
        try:
            statements = text.segments.new([tuple(edit) for edit in edits])
        except OutsideStatements:
            raise NotExchangeable("code outside of functions and classes changes") from None
        for at, new in statements:
            exchanges += plan(text.segments.old(at), new, memory.live, memory.ran)
    return exchanges
