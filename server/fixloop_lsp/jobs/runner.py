"""Threads for evaluations and repairs. What they find is posted back to the event loop.

All bookkeeping happens on the event loop; a thread only works on its request and posts. Nothing here speaks the
protocol, and nothing here stops a thread by force: the work is asked to end through its ``Switch``.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fixloop.ports import Cancelled
from fixloop.records.events import Event, RepairResult, Stopped
from fixloop.records.source import SourceText, UndecodableSource
from fixloop_lsp.jobs.backend import Backend, Evaluated, Refusal, Request
from fixloop_lsp.session import Run, Snapshot, place_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """An evaluation that ended."""

    run: Run


@dataclass(frozen=True)
class Repaired:
    """A repair that ended in its StopReason."""

    root: Path
    result: RepairResult


@dataclass(frozen=True)
class NotRun:
    """The engine refused; the message is for a person."""

    message: str


@dataclass(frozen=True)
class Crashed:
    """A bug in us. It is in the log."""

    error: str


CheckOutcome = Checked | NotRun | Crashed
RepairOutcome = Repaired | NotRun | Crashed


class Switch:
    """Implements ``ports.Cancellation``: off until ``stop`` is called, from any thread."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def requested(self) -> bool:
        """True after ``stop``."""
        return self._event.is_set()

    def stop(self) -> None:
        """Ask the work to end."""
        self._event.set()


@dataclass(frozen=True)
class _Check:
    request: Request
    done: Callable[[CheckOutcome], None]
    switch: Switch


class Jobs:
    """The work in progress: one evaluation at a time, newest request first, and any number of repairs beside it."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._waiting: dict[str, _Check] = {}
        self._checking: _Check | None = None
        self._repairs: set[Switch] = set()
        self._threads: set[threading.Thread] = set()

    def prepare(self) -> None:
        """Load the engine behind the client's back, so that the first job does not wait for it."""
        self._start(self._prepare)

    def _prepare(self) -> None:
        try:
            self._backend.prepare()
        except Exception:
            log.exception("The engine could not be loaded")

    def check(self, request: Request, done: Callable[[CheckOutcome], None]) -> None:
        """Evaluate a document's checks; ``done`` gets the outcome unless a later request for it takes its place."""
        self.drop_check(request.uri)
        self._waiting[request.uri] = _Check(request, done, Switch())
        self._next_check()

    def drop_check(self, uri: str) -> None:
        """Cancel the evaluation of a document, waiting or running."""
        self._waiting.pop(uri, None)
        if self._checking and self._checking.request.uri == uri:
            self._checking.switch.stop()

    def _next_check(self) -> None:
        if self._checking or not self._waiting:
            return
        _, job = self._waiting.popitem()
        self._checking = job
        post = _poster()

        def work() -> None:
            outcome = self._evaluate(job)
            post(lambda: self._checked(job, outcome))

        self._start(work)

    def _evaluate(self, job: _Check) -> CheckOutcome | Cancelled:
        request = job.request
        try:
            root = self._backend.locate(request.path, request.folder)
            overlay = request.snapshot.overlay(root)
            evaluated = self._backend.evaluate(root, overlay, request, job.switch)
        except Cancelled as error:
            return error
        except Refusal as error:
            return NotRun(str(error))
        except Exception as error:
            log.exception("The evaluation of %s failed", request.target)
            return Crashed(repr(error))
        return Checked(_run(root, request, evaluated))

    def _checked(self, job: _Check, outcome: CheckOutcome | Cancelled) -> None:
        self._checking = None
        self._next_check()
        if not job.switch.requested() and not isinstance(outcome, Cancelled):
            job.done(outcome)

    async def repair(self, request: Request, switch: Switch, on_event: Callable[[Event], None]) -> RepairOutcome:
        """Repair in a thread; ``on_event`` is called on the event loop with every event but the last."""
        post = _poster()
        ended: asyncio.Future[RepairOutcome] = asyncio.get_running_loop().create_future()

        def end(outcome: RepairOutcome) -> None:
            self._repairs.discard(switch)
            if not ended.done():
                ended.set_result(outcome)

        def work() -> None:
            outcome = self._repair(request, switch, lambda event: post(lambda: on_event(event)))
            post(lambda: end(outcome))

        self._repairs.add(switch)
        self._start(work)
        return await ended

    def _repair(self, request: Request, switch: Switch, tell: Callable[[Event], None]) -> RepairOutcome:
        try:
            root = self._backend.locate(request.path, request.folder)
            overlay = request.snapshot.overlay(root)
            for event in self._backend.repair(root, overlay, request, switch):
                if isinstance(event, Stopped):
                    return Repaired(root, event.result)
                tell(event)
        except Refusal as error:
            return NotRun(str(error))
        except Exception as error:
            log.exception("The repair of %s failed", request.target)
            return Crashed(repr(error))
        log.error("The repair of %s ended without saying why", request.target)
        return Crashed("the repair ended without saying why")

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True, name="fixloop-job")
        self._threads = {known for known in self._threads if known.is_alive()} | {thread}
        thread.start()

    def close(self, seconds: float = 5.0) -> None:
        """Cancel everything and wait until it has let go of its processes, up to a limit."""
        self._waiting.clear()
        if self._checking:
            self._checking.switch.stop()
        for switch in self._repairs:
            switch.stop()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))


def _poster() -> Callable[[Callable[[], None]], None]:
    loop = asyncio.get_running_loop()

    def post(call: Callable[[], None]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(call)

    return post


def _run(root: Path, request: Request, evaluated: Evaluated) -> Run:
    """What the session keeps of an evaluation: not the spectrum, which may be large."""
    execution = evaluated.execution
    return Run(
        uri=request.uri,
        root=root,
        snapshot=request.snapshot,
        execution=dataclasses.replace(execution, spectrum={}),
        suspects=evaluated.suspects,
        touched={check.id: frozenset(execution.spectrum.get(check.id, ())) for check in execution.broken},
        texts=_texts(root, request.snapshot, evaluated),
        of_everything=request.settings.test_command is not None,
    )


def _texts(root: Path, snapshot: Snapshot, evaluated: Evaluated) -> dict[str, SourceText]:
    """Every readable file that a failure or a suspect is in."""
    places = [place_of(check).path for check in evaluated.execution.broken]
    places += [suspect.path for suspects in evaluated.suspects.values() for suspect in suspects]
    found: dict[str, SourceText] = {}
    for path in dict.fromkeys(places):
        source = snapshot.source(root, path)
        if source and _is_readable(source):
            found[path] = source
    return found


def _is_readable(source: SourceText) -> bool:
    try:
        return source.line_count > 0
    except UndecodableSource:
        return False
