"""Hands a verified patch to the editor as one edit, and finds out whether it arrived.

Nothing is written here, ever: the editor edits its own buffers, and only while they hold the text that was verified.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from lsprotocol import types
from pygls.exceptions import JsonRpcException

from fixloop.records.source import Patch
from fixloop.report.diff import diff_text
from fixloop_lsp import convert
from fixloop_lsp.convert import DocumentEdit
from fixloop_lsp.features.desk import Desk

CONFIRM_WITHIN_SECONDS = 5.0
OPENED_WITHIN_SECONDS = 1.0


class NotApplied(Exception):
    """The patch did not reach the editor; the message is the reason, as part of a sentence."""


def prepare(desk: Desk, root: Path, patch: Patch) -> list[DocumentEdit]:
    """The patch against the files as they are now. Raises NotApplied when one is not what it was computed from."""
    snapshot = desk.session.snapshot()
    prepared: list[DocumentEdit] = []
    for edit in patch.files:
        base = snapshot.source(root, edit.path)
        if base is None or base.sha256 != edit.base_sha256:
            raise NotApplied(f"{edit.path} changed while it was being verified")
        document = desk.session.document_at(root, edit.path)
        uri = desk.session.uri_at(root, edit.path)
        prepared.append(DocumentEdit(uri, document.version if document else None, edit, base))
    return prepared


def as_diff(patch: Patch, prepared: Sequence[DocumentEdit]) -> str:
    """The patch as a unified diff."""
    bases = {one.base.path: one.base for one in prepared}
    return diff_text(patch, bases.__getitem__)


async def apply(desk: Desk, label: str, prepared: Sequence[DocumentEdit]) -> None:
    """Have the editor apply the edits. Raises NotApplied.

    An editor's word is not taken for it: some drop a late edit and say that they applied it. An open document has to
    come back with the text that was verified. A file that was not open is given a moment to be opened with it, but
    an editor may as well keep it to itself.
    """
    if not desk.can("workspace.apply_edit"):
        raise NotApplied("this editor does not let a server apply edits")
    edit = convert.workspace_edit(prepared, desk.codec, versioned=_checks_versions(desk))
    expected = [(one, desk.session.expect(one.uri, one.edit.apply(one.base).text)) for one in prepared]
    open_ones = [arrival for one, arrival in expected if one.version is not None]
    others = [arrival for one, arrival in expected if one.version is None]
    try:
        params = types.ApplyWorkspaceEditParams(edit=edit, label=label)
        answer = await desk.server.workspace_apply_edit_async(params)
        if not answer.applied:
            raise NotApplied(f"the editor did not accept it ({answer.failure_reason or 'no reason given'})")
        await asyncio.wait_for(asyncio.gather(*open_ones), CONFIRM_WITHIN_SECONDS)
        if others:
            await asyncio.wait(others, timeout=OPENED_WITHIN_SECONDS)
    except JsonRpcException as error:
        raise NotApplied(f"the editor failed on it ({error})") from None
    except TimeoutError:
        raise NotApplied("the editor took it but the text did not arrive: it may have changed meanwhile") from None
    finally:
        for _, arrival in expected:
            arrival.cancel()


def _checks_versions(desk: Desk) -> bool:
    # Neovim understands versioned edits without declaring it (seen in 0.11), and reports typing only after a pause:
    # without a version it would put the edit into a text that is not the one here.
    return desk.can("workspace.workspace_edit.document_changes") or desk.client_name == "Neovim"
