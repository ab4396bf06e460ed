"""Talks with a warm process: one request, then its records until it is done. Knows no candidates and no outcomes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from fixloop.ports import Cancelled
from fixloop.probe import wire
from fixloop.sandbox.run import Job, SessionOver

_TICK_SECONDS = 0.1


class Session(Protocol):
    """What is needed of ``sandbox.run.Session``."""

    def send(self, line: bytes) -> None:
        """Give the process one line, without its line end. Raises SessionOver."""
        ...

    def receive(self, seconds: float) -> bytes | None:
        """The next line; None when none came within the time. Raises SessionOver."""
        ...


Start = Callable[[Job], AbstractContextManager[Session]]
"""Starts a job as a session; leaving the context ends the process and all that it started."""


class Silent(Exception):
    """The process is gone, or did not answer in time; the message says which."""


class Conversation:
    """Requests and answers of one session. Lines without the token are not the probe's and are left out."""

    def __init__(self, session: Session, token: str, cancelled: Callable[[], bool]) -> None:
        self._session = session
        self._token = token
        self._cancelled = cancelled

    def begin(self, asked: dict[str, Any], seconds: float) -> None:
        """The first exchange. Raises Silent and Cancelled."""
        answer = self._exchange(asked, (wire.READY, wire.PROBLEM), seconds)[-1]
        if answer["kind"] != wire.READY:
            raise Silent(str(answer["message"]))

    def ask(self, do: str, seconds: float, **request: object) -> list[dict[str, Any]]:
        """Every record of the answer, DONE left out. Raises Silent and Cancelled."""
        records = self._exchange({"do": do, **request}, (wire.DONE,), seconds)
        if records.pop()["gone"]:
            raise Silent(_why_gone(records))
        return records

    def _exchange(self, request: dict[str, Any], last: tuple[str, ...], seconds: float) -> list[dict[str, Any]]:
        until = time.monotonic() + seconds
        records: list[dict[str, Any]] = []
        try:
            self._session.send(json.dumps(request).encode())
            while not records or records[-1]["kind"] not in last:
                if self._cancelled():
                    raise Cancelled
                line = self._session.receive(_TICK_SECONDS)
                if line is not None:
                    records += self._record(line)
                elif time.monotonic() > until:
                    raise Silent(f"the warm process did not answer within {seconds:.0f} s")
        except SessionOver as over:
            raise Silent(f"the warm process ended: {_end(over)}") from None
        return records

    def _record(self, line: bytes) -> list[dict[str, Any]]:
        try:
            record: Any = json.loads(line)
        except ValueError:
            return []
        return [record] if isinstance(record, dict) and record.get("token") == self._token else []  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]


def _end(over: SessionOver) -> str:
    return str(over).rstrip(".")


def _why_gone(records: list[dict[str, Any]]) -> str:
    loaded = any(record["kind"] == wire.LOADED for record in records)
    return "the process that holds the project ended" if loaded else "the project did not load in the warm process"
