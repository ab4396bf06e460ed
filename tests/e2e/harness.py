"""An editor for the tests: it keeps texts and versions as a real one does, and takes its manners from a profile."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Union

from lsprotocol import types
from lsprotocol.converters import get_converter
from pygls.protocol import default_converter
from pytest_lsp import LanguageClient
from pytest_lsp.client import DEFAULT_CLIENT_FEATURES, register_lsp_features

HERE = Path(__file__).parent
PROFILES = sorted(path.stem for path in (HERE / "clients").glob("*.json"))
DEADLINE_SECONDS = 120.0


def profile(name: str) -> types.InitializeParams:
    """What a real client says of itself."""
    return get_converter().structure(
        json.loads((HERE / "clients" / f"{name}.json").read_text()), types.InitializeParams
    )


def copy_project(folder: Path) -> Path:
    """A fresh copy of the project with a fault."""
    return shutil.copytree(HERE / "project", folder / "project")


def units(text: str, encoding: str) -> list[bytes]:
    """A line cut into the code units of a position encoding."""
    size = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[encoding]
    data = text.encode({1: "utf-8", 2: "utf-16-le", 4: "utf-32-le"}[size])
    return [data[i : i + size] for i in range(0, len(data), size)]


def apply_text_edits(text: str, edits: Sequence[types.TextEdit], encoding: str) -> str:
    """The text after a client's edits, by the specification and by nothing of the server's."""
    codec = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[encoding]
    lines = [units(line, encoding) for line in text.split("\n")]
    ending = units("\n", encoding)

    def offset(position: types.Position) -> int:
        before = sum(len(line) + len(ending) for line in lines[: position.line])
        return before + min(position.character, len(lines[position.line]))

    everything: list[bytes] = []
    for number, line in enumerate(lines):
        everything += [*(ending if number else []), *line]
    for edit in sorted(edits, key=lambda one: offset(one.range.start), reverse=True):
        everything[offset(edit.range.start) : offset(edit.range.end)] = units(edit.new_text, encoding)
    return b"".join(everything).decode(codec)


def converter() -> Any:
    """The library's converter, which takes every action with a command for the command itself, put right."""
    made = default_converter()

    def action(value: Any, _: Any) -> types.Command | types.CodeAction:
        return made.structure(value, types.Command if isinstance(value.get("command"), str) else types.CodeAction)

    made.register_structure_hook(Union[types.Command, types.CodeAction], action)  # noqa: UP007
    return made


class Editor(LanguageClient):
    """A client with open documents. Waiting polls a condition, with a deadline."""

    def __init__(self) -> None:
        super().__init__(converter_factory=converter)
        self.texts: dict[str, str] = {}
        self.versions: dict[str, int] = {}
        self.published: dict[str, types.PublishDiagnosticsParams] = {}
        self.edits: list[types.ApplyWorkspaceEditParams] = []
        self.encoding = "utf-16"
        self.accepts = True
        answers = {types.WORKSPACE_APPLY_EDIT: apply_edit, types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS: publish}
        register_lsp_features(self, {**DEFAULT_CLIENT_FEATURES, **answers})

    async def begin(self, name: str, root: Path) -> None:
        """Start a session as the named client, with one workspace folder."""
        params = profile(name)
        params.workspace_folders = [types.WorkspaceFolder(root.as_uri(), root.name)]
        params.root_uri = root.as_uri()
        result = await self.initialize_session(params)
        self.encoding = str(
            getattr(result.capabilities.position_encoding, "value", result.capabilities.position_encoding)
        )

    def open(self, path: Path) -> str:
        """Open a file from the disk."""
        uri = path.as_uri()
        self.texts[uri], self.versions[uri] = path.read_text("utf-8"), 1
        item = types.TextDocumentItem(uri, "python", 1, self.texts[uri])
        self.text_document_did_open(types.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri: str, text: str) -> None:
        """Give a document another text."""
        self.texts[uri] = text
        self.versions[uri] += 1
        self.text_document_did_change(
            types.DidChangeTextDocumentParams(
                types.VersionedTextDocumentIdentifier(self.versions[uri], uri),
                [types.TextDocumentContentChangeWholeDocument(text)],
            )
        )

    def save(self, uri: str) -> None:
        """Write a document and say so."""
        Path(uri.removeprefix("file://")).write_text(self.texts[uri], "utf-8")
        self.text_document_did_save(types.DidSaveTextDocumentParams(types.TextDocumentIdentifier(uri)))

    async def actions(self, uri: str, line: int, **context: Any) -> list[types.CodeAction]:
        """The code actions on a 0-based line, asked for as editors do: with the diagnostics that are shown there."""
        place = types.Range(types.Position(line, 0), types.Position(line, 0))
        here = [d for d in self.errors(uri) if d.range.start.line <= line <= d.range.end.line]
        answer = await self.text_document_code_action_async(
            types.CodeActionParams(
                types.TextDocumentIdentifier(uri), place, types.CodeActionContext(diagnostics=here, **context)
            )
        )
        return [action for action in answer or [] if isinstance(action, types.CodeAction)]

    async def run(self, action: types.CodeAction) -> Any:
        """Execute an action's command; its result."""
        assert action.command is not None
        return await self.workspace_execute_command_async(
            types.ExecuteCommandParams(action.command.command, action.command.arguments)
        )

    def errors(self, uri: str) -> Sequence[types.Diagnostic]:
        """What is shown for a document."""
        published = self.published.get(uri)
        return published.diagnostics if published else ()

    def messages_said(self) -> list[str]:
        """What the person was told."""
        return [message.message for message in self.messages]

    async def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait for the server to bring something about."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + DEADLINE_SECONDS
        while not condition():
            assert loop.time() < deadline, f"waited in vain: {what}; {self.messages_said()}; {self.published}"
            await asyncio.sleep(0.02)


def publish(ls: Editor, params: types.PublishDiagnosticsParams) -> None:
    ls.published[params.uri] = params


def apply_edit(ls: Editor, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
    """Apply an edit to the open documents, and report the new texts as an editor does."""
    ls.edits.append(params)
    if not ls.accepts:
        return types.ApplyWorkspaceEditResult(applied=False, failure_reason="the tests say no")
    changes: dict[str, Sequence[Any]] = dict(params.edit.changes or {})
    for change in params.edit.document_changes or []:
        assert isinstance(change, types.TextDocumentEdit)
        assert change.text_document.version == ls.versions.get(change.text_document.uri)
        changes[change.text_document.uri] = change.edits
    for uri, edits in changes.items():
        ls.type(uri, apply_text_edits(ls.texts[uri], edits, ls.encoding))
    return types.ApplyWorkspaceEditResult(applied=True)
