"""Shows a repair's progress in the client, where it can, and lets the person cancel it there."""

from __future__ import annotations

import asyncio
import logging
import uuid
from types import TracebackType
from typing import Self, assert_never

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from fixloop.records.events import Attempted, BaselineMeasured, Event, StageEntered, Stopped, SuspectsRanked
from fixloop_lsp.features.desk import Desk

log = logging.getLogger(__name__)

REPORT_EVERY_SECONDS = 0.1
ANSWER_WITHIN_SECONDS = 5.0


class Progress:
    """An ``async with`` block during which the client shows that a repair is under way."""

    def __init__(self, desk: Desk, title: str, budget_seconds: float) -> None:
        self._desk, self._title, self._budget = desk, title, budget_seconds
        self._token: str | None = None
        self._started = self._reported = 0.0
        self._stage = ""
        self._attempts = 0
        self.ending = ""

    @property
    def token(self) -> str | None:
        """What the client names this progress by; None when it shows none."""
        return self._token

    async def __aenter__(self) -> Self:
        self._started = self._reported = asyncio.get_running_loop().time()
        if self._desk.can("window.work_done_progress"):
            self._token = await self._create()
        if self._token:
            begin = types.WorkDoneProgressBegin(title=self._title, cancellable=True, message="starting", percentage=0)
            self._desk.server.work_done_progress.begin(self._token, begin)
        return self

    async def _create(self) -> str | None:
        token = str(uuid.uuid4())
        try:
            params = types.WorkDoneProgressCreateParams(token)
            await asyncio.wait_for(
                self._desk.server.window_work_done_progress_create_async(params), ANSWER_WITHIN_SECONDS
            )
        except (JsonRpcException, TimeoutError) as error:
            log.warning("The client declares progress but did not create it: %r", error)
            return None
        return token

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._token:
            self._desk.server.work_done_progress.end(self._token, types.WorkDoneProgressEnd(message=self.ending))

    def follow(self, event: Event) -> None:
        """Report what an event means for the person, not more often than can be read."""
        at_once = False
        match event:
            case StageEntered(stage):
                self._stage, at_once = stage.value, True
            case Attempted(_, number):
                self._attempts = number
            case BaselineMeasured() | SuspectsRanked() | Stopped():
                return
            case _:
                assert_never(event)
        now = asyncio.get_running_loop().time()
        if self._token and (at_once or now - self._reported >= REPORT_EVERY_SECONDS):
            self._reported = now
            self._desk.server.work_done_progress.report(self._token, self._report(now - self._started))

    def _report(self, seconds: float) -> types.WorkDoneProgressReport:
        attempts = f", {self._attempts} tried" if self._attempts else ""
        percentage = min(99, int(100 * seconds / self._budget))
        return types.WorkDoneProgressReport(cancellable=True, message=self._stage + attempts, percentage=percentage)
