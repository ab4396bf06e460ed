"""Where a warm process and its children write what they found: the channel, or a list."""

from __future__ import annotations

import json
import os
from typing import Any, Optional

from . import wire


class Answers:
    """Writes records that name the candidate they are about. Silent in a process that was not told to speak.

    ``taken``: while this is a list, records go there instead.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._pid = os.getpid()
        self._descriptor = os.dup(wire.CHANNEL_FD)
        os.close(wire.CHANNEL_FD)
        self.at = wire.UNCHANGED
        self.taken: Optional[list[dict[str, Any]]] = None

    def adopt(self) -> None:
        """This process, a child, speaks from now on."""
        self._pid = os.getpid()

    def send(self, kind: str, **fields: object) -> None:
        """Write one record."""
        if os.getpid() != self._pid:
            return
        record: dict[str, Any] = {"kind": kind, "token": self._token, "at": self.at, **fields}
        if self.taken is not None:
            self.taken.append(record)
            return
        self._write(json.dumps(record).encode() + b"\n")

    def send_taken(self, records: list[dict[str, Any]]) -> None:
        """Write records that were taken, all at once."""
        self._write(b"".join(json.dumps(record).encode() + b"\n" for record in records))

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]
