"""What the features share: the server, the session and the jobs, and how to speak to the person."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from lsprotocol import types
from pygls.capabilities import get_capability
from pygls.lsp.server import LanguageServer
from pygls.workspace import PositionCodec

from fixloop_lsp.jobs.backend import Request
from fixloop_lsp.jobs.runner import Jobs
from fixloop_lsp.session import Document, Session

log = logging.getLogger(__name__)

OUR_BUG = "fixloop made a mistake of its own; nothing was changed. The details are in its log, please report them."


@dataclass(frozen=True)
class Desk:
    """Handed to every feature's ``register``."""

    server: LanguageServer
    session: Session
    jobs: Jobs
    said: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def codec(self) -> PositionCodec:
        """The position encoding that was negotiated."""
        return self.server.workspace.position_codec

    @property
    def client_name(self) -> str | None:
        """What the client calls itself."""
        return self.session.client_name

    def can(self, capability: str) -> bool:
        """True when the client declared a capability, by its dotted path."""
        return bool(get_capability(self.server.client_capabilities, capability, default=False))

    def show(self, message: str, kind: types.MessageType = types.MessageType.Info) -> None:
        """Say something to the person."""
        self.server.window_show_message(types.ShowMessageParams(kind, message))

    def warn_once(self, about: str, message: str | None) -> None:
        """Say what is wrong with something, once until it changes; None takes note that nothing is."""
        if message is None:
            self.said.pop(about, None)
        elif self.said.get(about) != message:
            self.said[about] = message
            self.show(message, types.MessageType.Warning)

    def request(self, document: Document, target: str) -> Request | None:
        """Work on a target for an open document; None when its code is not ours to run."""
        folder = self.session.folder_of(document)
        if folder is None:
            return None
        return Request(document.uri, document.path, folder, target, self.session.snapshot(), self.session.settings)
