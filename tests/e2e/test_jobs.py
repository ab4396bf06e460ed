"""Who gets which outcome when requests overlap: with a backend that the test steps by hand."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixloop.ports import Cancellation, Cancelled
from fixloop.records.events import Event, RepairResult, Stage, StageEntered, Stopped, StopReason
from fixloop.records.execution import Execution
from fixloop.records.settings import Settings
from fixloop_lsp.jobs.backend import Evaluated, Refusal, Request
from fixloop_lsp.jobs.runner import Checked, CheckOutcome, Crashed, Jobs, NotRun, Repaired, Switch
from fixloop_lsp.session import Session, Snapshot, encoded

pytestmark = pytest.mark.asyncio
ROOT = Path("/workspace")


@dataclass
class Stepped:
    """Implements ``Backend``: each call says that it began, then waits for its cue or its cancellation."""

    began: queue.Queue[str] = field(default_factory=queue.Queue)
    cues: queue.Queue[Exception | None] = field(default_factory=queue.Queue)

    def prepare(self) -> None:
        """Nothing to load."""

    def locate(self, path: Path, folder: Path) -> Path:
        if path.name == "refused.py":
            raise Refusal("It is refused.")
        return ROOT

    def evaluate(
        self, root: Path, overlay: Mapping[str, bytes], request: Request, cancellation: Cancellation
    ) -> Evaluated:
        self._wait(request, cancellation)
        return Evaluated(Execution((), "python", "full"), {})

    def repair(
        self, root: Path, overlay: Mapping[str, bytes], request: Request, cancellation: Cancellation
    ) -> Iterator[Event]:
        yield StageEntered(Stage.BASELINE)
        try:
            self._wait(request, cancellation)
        except Cancelled:
            yield Stopped(RepairResult(StopReason.CANCELLED, StopReason.CANCELLED.value))
        yield Stopped(RepairResult(StopReason.EXHAUSTED, StopReason.EXHAUSTED.value))

    def _wait(self, request: Request, cancellation: Cancellation) -> None:
        self.began.put(request.target)
        while not cancellation.requested():
            try:
                cue = self.cues.get(timeout=0.01)
            except queue.Empty:
                continue
            if cue:
                raise cue
            return
        raise Cancelled


def asked(name: str) -> Request:
    return Request(f"file:///{name}", ROOT / name, ROOT, name, Snapshot({}), Settings())


async def begun(backend: Stepped) -> str:
    return await asyncio.to_thread(backend.began.get, timeout=30)


async def told(outcomes: list[tuple[str, CheckOutcome]], count: int) -> None:
    async with asyncio.timeout(30):
        while len(outcomes) < count:
            await asyncio.sleep(0.01)


async def test_a_newer_check_of_a_document_takes_the_place_of_the_older() -> None:
    backend, outcomes = Stepped(), list[tuple[str, CheckOutcome]]()
    jobs = Jobs(backend)
    jobs.check(asked("a.py"), lambda outcome: outcomes.append(("older", outcome)))
    await begun(backend)
    jobs.check(asked("a.py"), lambda outcome: outcomes.append(("newer", outcome)))
    await begun(backend)
    backend.cues.put(None)
    await told(outcomes, 1)
    assert [(who, type(outcome)) for who, outcome in outcomes] == [("newer", Checked)]
    jobs.close()


async def test_one_check_at_a_time_and_the_newest_first() -> None:
    backend, outcomes = Stepped(), list[tuple[str, CheckOutcome]]()
    jobs = Jobs(backend)
    for name in ("a.py", "b.py", "c.py"):
        jobs.check(asked(name), lambda outcome, name=name: outcomes.append((name, outcome)))
    order: list[str] = []
    for count in (1, 2, 3):
        order.append(await begun(backend))
        assert backend.began.empty()
        backend.cues.put(None)
        await told(outcomes, count)
    assert order == ["a.py", "c.py", "b.py"]
    jobs.close()


async def test_a_dropped_check_is_never_told() -> None:
    backend, outcomes = Stepped(), list[tuple[str, CheckOutcome]]()
    jobs = Jobs(backend)
    jobs.check(asked("a.py"), lambda outcome: outcomes.append(("a", outcome)))
    await begun(backend)
    jobs.drop_check("file:///a.py")
    jobs.check(asked("b.py"), lambda outcome: outcomes.append(("b", outcome)))
    await begun(backend)
    backend.cues.put(None)
    await told(outcomes, 1)
    assert [who for who, _ in outcomes] == ["b"]
    jobs.close()


async def test_a_refusal_and_a_mistake_of_ours_are_outcomes() -> None:
    backend, outcomes = Stepped(), list[tuple[str, CheckOutcome]]()
    jobs = Jobs(backend)
    jobs.check(asked("refused.py"), lambda outcome: outcomes.append(("refused", outcome)))
    await told(outcomes, 1)
    backend.cues.put(ZeroDivisionError())
    jobs.check(asked("a.py"), lambda outcome: outcomes.append(("a", outcome)))
    await told(outcomes, 2)
    assert outcomes == [("refused", NotRun("It is refused.")), ("a", Crashed("ZeroDivisionError()"))]
    backend.cues.put(ZeroDivisionError())
    assert await jobs.repair(asked("a.py"), Switch(), lambda event: None) == Crashed("ZeroDivisionError()")
    jobs.close()


async def test_i7_a_cancelled_repair_still_says_why_it_ended() -> None:
    backend, events, switch = Stepped(), list[Event](), Switch()
    jobs = Jobs(backend)
    asking = asyncio.ensure_future(jobs.repair(asked("a.py"), switch, events.append))
    await begun(backend)
    switch.stop()
    outcome = await asking
    assert isinstance(outcome, Repaired)
    assert outcome.result.reason is StopReason.CANCELLED
    assert events == [StageEntered(Stage.BASELINE)]
    jobs.close()


async def test_closing_ends_what_runs() -> None:
    backend = Stepped()
    jobs = Jobs(backend)
    asking = asyncio.ensure_future(jobs.repair(asked("a.py"), Switch(), lambda event: None))
    await begun(backend)
    await asyncio.to_thread(jobs.close)
    outcome = await asking
    assert isinstance(outcome, Repaired)


@pytest.mark.parametrize(
    ("text", "on_disk", "data"),
    [
        ("x = 1\n", b"x = 1\n", b"x = 1\n"),
        ("x = 1\n", b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 1\n"),
        ("x = 2\n", b"\xef\xbb\xbfx = 1\n", b"\xef\xbb\xbfx = 2\n"),
        ("# coding: latin-1\né", None, b"# coding: latin-1\n\xe9"),
        ("# coding: latin-1\n🧺", None, "# coding: latin-1\n🧺".encode()),
        ("# coding: nonsense\né", None, "# coding: nonsense\né".encode()),
        ("é", b"\xe9", "é".encode()),
    ],
)
async def test_a_buffer_is_the_bytes_that_saving_it_would_write(text: str, on_disk: bytes | None, data: bytes) -> None:
    assert encoded(text, on_disk) == data


async def test_a_text_is_awaited_whatever_its_line_ends() -> None:
    session = Session()
    session.put("file:///a.py", 1, "x = 1\r\n")
    arrival = session.expect("file:///a.py", "x = 2\r\n")
    session.put("file:///a.py", 2, "x = 3\n")
    assert not arrival.done()
    session.put("file:///a.py", 3, "x = 2\n")
    assert await arrival
