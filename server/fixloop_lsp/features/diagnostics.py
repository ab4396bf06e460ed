"""Follows the client's documents: a file's tests are run when it is opened and when it is saved."""

from __future__ import annotations

from lsprotocol import types

from fixloop_lsp.features.checking import Checking
from fixloop_lsp.features.desk import Desk


def register(desk: Desk, checking: Checking) -> None:
    """Handle what the client tells about its documents."""

    @desk.server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: types.DidOpenTextDocumentParams) -> None:
        opened = params.text_document
        desk.session.put(opened.uri, opened.version, opened.text)
        checking.check(opened.uri)

    @desk.server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: types.DidChangeTextDocumentParams) -> None:
        # The library has applied the change already; with whole texts there is nothing to apply wrongly.
        document = desk.server.workspace.get_text_document(params.text_document.uri)
        desk.session.put(params.text_document.uri, params.text_document.version, document.source)

    @desk.server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: types.DidSaveTextDocumentParams) -> None:
        checking.check(params.text_document.uri)

    @desk.server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: types.DidCloseTextDocumentParams) -> None:
        desk.jobs.drop_check(params.text_document.uri)
        desk.session.remove(params.text_document.uri)
        checking.refresh()
