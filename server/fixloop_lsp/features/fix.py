"""The commands ``fixloop.fix`` and ``fixloop.cancel``: a repair from the request to the edit.

Only a verified patch is applied, only to the texts that it was verified on, and at most one repair of a target runs.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, assert_never

from lsprotocol import types

from fixloop.records.events import Finding, RepairResult, StopReason
from fixloop_lsp import convert
from fixloop_lsp.features.applying import NotApplied, apply, as_diff, prepare
from fixloop_lsp.features.checking import Checking
from fixloop_lsp.features.desk import OUR_BUG, Desk
from fixloop_lsp.features.progress import Progress
from fixloop_lsp.jobs.backend import Request
from fixloop_lsp.jobs.runner import Crashed, NotRun, Repaired, Switch

log = logging.getLogger(__name__)

FIX, CANCEL, TITLE = "fixloop.fix", "fixloop.cancel", "Fix with loop"
CLOSE_WITHIN_SECONDS = 5.0


@dataclass(frozen=True)
class Wish:
    """What a client asks for. ``version`` is that of the text on which the failure was seen, if any."""

    uri: str
    version: int | None
    target: str


@dataclass(frozen=True)
class Answer:
    """What became of it; ``patch`` is a unified diff where there is one to show."""

    reason: StopReason
    message: str
    applied: bool = False
    patch: str | None = None

    @property
    def json(self) -> dict[str, Any]:
        """The command's documented result."""
        shown = {"stopReason": self.reason.code, "applied": self.applied, "message": self.message}
        return shown if self.patch is None else {**shown, "patch": self.patch}


_Key = tuple[Path, str]  # workspace folder and target


@dataclass
class _Flight:
    task: asyncio.Task[Answer]
    switch: Switch
    waiting: int = 0


def register(desk: Desk, checking: Checking) -> None:
    """Offer the commands."""
    fixes = _Fixes(desk, checking)

    @desk.server.command(FIX)
    async def fix(*arguments: Any) -> dict[str, Any]:
        wish = read_wish(arguments[0] if arguments else None)
        if wish is None:
            message = f"{FIX} needs one argument with a uri and a target. Nothing was run."
            return _tell(desk, Answer(StopReason.REFUSED, message)).json
        return (await fixes.ask(wish)).json

    @desk.server.command(CANCEL)
    def cancel(*arguments: Any) -> None:
        wish = read_wish(arguments[0] if arguments else None)
        fixes.cancel(wish)

    @desk.server.feature(types.WINDOW_WORK_DONE_PROGRESS_CANCEL)
    def cancel_progress(params: types.WorkDoneProgressCancelParams) -> None:
        fixes.cancel_token(params.token)

    @desk.server.feature(types.SHUTDOWN)
    async def shutdown(_params: None) -> None:
        await fixes.close()


def read_wish(argument: object) -> Wish | None:
    """The command's argument, or None when it is not one."""
    uri, version, target = (convert.argument(argument, name) for name in ("uri", "version", "target"))
    if not isinstance(uri, str) or not isinstance(target, str):
        return None
    return Wish(uri, version if isinstance(version, int) else None, target)


def _tell(desk: Desk, answer: Answer) -> Answer:
    """Tell the person how it ended, once."""
    calm = answer.applied or answer.reason in {StopReason.CANCELLED, StopReason.NOTHING_FAILING}
    desk.show(answer.message, types.MessageType.Info if calm else types.MessageType.Warning)
    return answer


class _Fixes:
    """The repairs under way, one per target."""

    def __init__(self, desk: Desk, checking: Checking) -> None:
        self._desk, self._checking = desk, checking
        self._flights: dict[_Key, _Flight] = {}
        self._tokens: dict[int | str, Switch] = {}
        self._requests: set[asyncio.Task[Any]] = set()

    async def ask(self, wish: Wish) -> Answer:
        """Repair, or wait for the repair of the same target that is under way."""
        request = self._accepted(wish)
        if isinstance(request, Answer):
            return _tell(self._desk, request)
        key = (request.folder, request.target)
        flight = self._flights.get(key)
        if flight is None or flight.switch.requested():
            switch = Switch()
            flight = self._flights[key] = _Flight(asyncio.ensure_future(self._guarded(request, switch)), switch)
        return await self._join(key, flight)

    def _accepted(self, wish: Wish) -> Request | Answer:
        session = self._desk.session
        document = session.named(wish.uri)
        request = self._desk.request(document, wish.target) if document else None
        if request is None:
            message = f"{wish.uri} is not a Python file of the workspace. Nothing was run."
            return Answer(StopReason.REFUSED, message)
        if wish.version is not None and not session.is_unchanged_since(wish.uri, wish.version):
            message = (
                f"{request.path.name} was edited since its tests last ran, so that failure may be out of date. "
                "Nothing was run or changed. Save the file to run its tests again."
            )
            return Answer(StopReason.REFUSED, message)
        return request

    async def _join(self, key: _Key, flight: _Flight) -> Answer:
        task = asyncio.current_task()
        assert task is not None
        self._requests.add(task)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            self._requests.discard(task)
            flight.waiting -= 1
            if not flight.waiting:  # done, or every request for it was cancelled
                flight.switch.stop()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    def cancel(self, wish: Wish | None) -> None:
        """Stop the repair of a wish's target, or without a wish all of them."""
        for (_, target), flight in self._flights.items():
            if wish is None or target == wish.target:
                flight.switch.stop()

    def cancel_token(self, token: int | str) -> None:
        """Stop the repair whose progress the person cancelled."""
        switch = self._tokens.get(token)
        if switch:
            switch.stop()

    async def close(self) -> None:
        """Stop every repair and let its request be answered: the library fails on a shutdown amid requests."""
        self.cancel(None)
        if self._requests:
            await asyncio.wait(self._requests, timeout=CLOSE_WITHIN_SECONDS)

    async def _guarded(self, request: Request, switch: Switch) -> Answer:
        try:
            return _tell(self._desk, await self._fix(request, switch))
        except Exception:
            log.exception("The command %s failed on %s", FIX, request.target)
            return _tell(self._desk, Answer(StopReason.REFUSED, OUR_BUG))

    async def _fix(self, request: Request, switch: Switch) -> Answer:
        async with Progress(self._desk, TITLE, request.settings.budget_seconds) as progress:
            if progress.token:
                self._tokens[progress.token] = switch
            try:
                outcome = await self._desk.jobs.repair(request, switch, progress.follow)
                answer = await self._settle(request, outcome)
            finally:
                self._tokens.pop(progress.token or "", None)
            progress.ending = answer.reason.value
        return answer

    async def _settle(self, request: Request, outcome: Repaired | NotRun | Crashed) -> Answer:
        match outcome:
            case NotRun(message):
                return Answer(StopReason.REFUSED, message)
            case Crashed():
                return Answer(StopReason.REFUSED, OUR_BUG)
            case Repaired(_, result) if result.reason is StopReason.VERIFIED and result.finding:
                return await self._offer(request, outcome, result.finding)
            case Repaired(_, result):
                return Answer(result.reason, result.message)
            case _:
                assert_never(outcome)

    async def _offer(self, request: Request, repaired: Repaired, finding: Finding) -> Answer:
        result, patch = repaired.result, None
        try:
            prepared = prepare(self._desk, repaired.root, finding.patch)
            patch = as_diff(finding.patch, prepared)
            self._refuse_if_edited(request)
            await apply(self._desk, TITLE, prepared)
        except NotApplied as error:
            message = f"A fix was verified but not applied: {error}. Your text was left as it is. Run {TITLE} again."
            return Answer(result.reason, message, applied=False, patch=patch)
        for uri in dict.fromkeys([request.uri, *(one.uri for one in prepared)]):
            self._checking.check(uri)
        for evidence in finding.evidence:
            log.info("%s: %s %s", request.path.name, evidence.gate, evidence.detail)
        return Answer(result.reason, _proof(result), applied=True, patch=patch)

    def _refuse_if_edited(self, request: Request) -> None:
        then, now = request.snapshot.documents.get(request.uri), self._desk.session.documents.get(request.uri)
        if then and now and then.text != now.text:
            raise NotApplied(f"{request.path.name} changed while its fix was being verified")


def _proof(result: RepairResult) -> str:
    """One line that fits an editor's message area; the gates in full are in the log."""
    failing, passing = len(result.targets), result.baseline.passed
    others = f", {passing} that passed before still {'does' if passing == 1 else 'do'}" if passing else ""
    return (
        f"{result.message} {failing} failing test{'' if failing == 1 else 's'} now pass{'es' * (failing == 1)}{others}."
    )
