"""The language server's entry point: registers the features and speaks the protocol on stdio, nothing else."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from lsprotocol import types
from pygls.exceptions import JsonRpcException, PyglsError
from pygls.lsp.server import LanguageServer

from fixloop_lsp.features import code_actions, configuration, diagnostics, fix
from fixloop_lsp.features.checking import Checking
from fixloop_lsp.features.desk import OUR_BUG, Desk
from fixloop_lsp.jobs.backend import Backend, Engine
from fixloop_lsp.jobs.runner import Jobs
from fixloop_lsp.session import Session

log = logging.getLogger(__name__)


class FixloopServer(LanguageServer):
    """A language server whose own mistakes go whole to the log and as one sentence to the person."""

    def report_server_error(self, error: Exception, source: type[PyglsError | JsonRpcException]) -> None:
        """Called by the library for whatever a handler or a message raised."""
        log.error("%s", source.__name__, exc_info=error)
        if self.protocol.writer is not None:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, OUR_BUG))


def create(backend: Backend) -> tuple[FixloopServer, Jobs]:
    """A server with every feature, and the jobs that are to be closed after it."""
    # Whole texts: the library's own application of partial changes miscounts lines at form feeds, and a text that
    # drifted from the editor's would make every edit wrong.
    server = FixloopServer("fixloop", version("fixloop"), types.TextDocumentSyncKind.Full)
    jobs = Jobs(backend)
    desk = Desk(server, Session(), jobs)
    checking = Checking(desk)
    configuration.register(desk)
    diagnostics.register(desk, checking)
    code_actions.register(desk)
    fix.register(desk, checking)
    return server, jobs


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the client leaves."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("fixloop_lsp").setLevel(logging.INFO)  # the library itself stays quiet
    server, jobs = create(Engine())
    try:
        if chosen.tcp:
            server.start_tcp(*chosen.tcp)
        else:
            with _private_streams() as (reader, writer):
                server.start_io(reader, writer)
    finally:
        jobs.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fixloop-lsp", description="The language server of fixloop, on stdio.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {version('fixloop')}")
    parser.add_argument("--stdio", action="store_true", help="speak on stdin and stdout (the default)")
    parser.add_argument("--tcp", type=_address, metavar="[HOST:]PORT", help="listen there instead, for debugging")
    return parser


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal():
        raise argparse.ArgumentTypeError(f"not [HOST:]PORT: {text}")
    return host or "127.0.0.1", int(port)


@contextlib.contextmanager
def _private_streams():
    """The client's streams as descriptors of their own; what anybody prints or reads by habit goes elsewhere."""
    reader = os.fdopen(os.dup(0), "rb")
    writer = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    yield reader, writer
