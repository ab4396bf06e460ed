"""Takes the user's settings from wherever a client puts them, and the workspace's folders.

Initialization options count first, then what the client answers when asked, then what it pushes later.
"""

from __future__ import annotations

import logging

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from fixloop_lsp import convert
from fixloop_lsp.features.desk import Desk
from fixloop_lsp.settings import SECTION, parse

log = logging.getLogger(__name__)


def register(desk: Desk) -> None:
    """Follow the client's configuration."""

    @desk.server.feature(types.INITIALIZE)
    def initialize(params: types.InitializeParams) -> None:
        desk.session.client_name = params.client_info.name if params.client_info else None
        _note_folders(desk)
        _take(desk, params.initialization_options)

    @desk.server.feature(types.INITIALIZED)
    async def initialized(_params: types.InitializedParams) -> None:
        desk.jobs.prepare()
        await _ask(desk)

    @desk.server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def did_change_configuration(params: types.DidChangeConfigurationParams) -> None:
        if params.settings:
            _take(desk, params.settings)
        else:
            await _ask(desk)  # "something changed": the client wants to be asked

    @desk.server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def did_change_folders(_params: types.DidChangeWorkspaceFoldersParams) -> None:
        _note_folders(desk)


def _note_folders(desk: Desk) -> None:
    workspace = desk.server.workspace
    uris = [*workspace.folders, *([workspace.root_uri] if workspace.root_uri and not workspace.folders else [])]
    desk.session.folders = {uri: path for uri in uris if (path := convert.path_of(uri))}


async def _ask(desk: Desk) -> None:
    if not desk.can("workspace.configuration"):
        return
    item = types.ConfigurationItem(section=SECTION)
    try:
        answers = await desk.server.workspace_configuration_async(types.ConfigurationParams([item]))
    except JsonRpcException as error:
        log.warning("The client did not answer for its configuration: %s", error)
        return
    if answers and answers[0] is not None:
        _take(desk, answers[0])


def _take(desk: Desk, value: object) -> None:
    parsed = parse(value, desk.session.settings)
    desk.session.settings = parsed.settings
    if parsed.unknown:
        log.warning("Unknown settings are ignored: %s", ", ".join(parsed.unknown))
    if parsed.bad:
        message = f"{'; '.join(parsed.bad)}. The rest of the settings holds; correct it in your editor's configuration."
        desk.warn_once("settings", message)
