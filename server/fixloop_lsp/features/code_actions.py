"""Offers *Fix with loop* where tests fail: on each diagnostic, and on the file as a whole.

The action is a command, which every client can run; it computes nothing before it is chosen and is never preferred
over another tool's quick fix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lsprotocol import types

from fixloop_lsp import convert
from fixloop_lsp.features.desk import Desk
from fixloop_lsp.features.fix import FIX, TITLE
from fixloop_lsp.session import Failing

WHOLE_FILE = f"{TITLE}: all failing tests of this file"


def register(desk: Desk) -> None:
    """Answer requests for code actions."""
    kinds = types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])

    @desk.server.feature(types.TEXT_DOCUMENT_CODE_ACTION, kinds)
    def code_actions(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        if not _wanted(params.context.only):
            return []
        actions = list(_actions(desk, params.text_document.uri, params.context.diagnostics))
        if desk.can("text_document.code_action.code_action_literal_support"):
            return [*actions]
        return [action.command for action in actions if action.command]


def _wanted(only: Sequence[types.CodeActionKind | str] | None) -> bool:
    return only is None or any(kind in {types.CodeActionKind.QuickFix, types.CodeActionKind.Empty} for kind in only)


def _actions(desk: Desk, uri: str, diagnostics: Sequence[types.Diagnostic]) -> Iterator[types.CodeAction]:
    document = desk.session.documents.get(uri)
    failing = {one.check.id: one for one in desk.session.failing_of(uri)}
    if document is None or not failing:
        return
    whole = str(document.path)
    offered: set[str] = set()
    for diagnostic in diagnostics:
        checks = [check for check in convert.checks_of(diagnostic) if check in failing]
        if checks:
            target = checks[0] if len(checks) == 1 else whole
            offered.add(target)
            yield _action(uri, _seen_version(uri, failing[checks[0]]), target, TITLE, diagnostic)
    if whole not in offered and (len(failing) > 1 or not offered):
        yield _action(uri, _seen_version(uri, next(iter(failing.values()))), whole, WHOLE_FILE)


def _seen_version(uri: str, failing: Failing) -> int | None:
    """The version that the failure was seen on, so that a fix can tell whether the text moved on since."""
    document = failing.run.snapshot.documents.get(uri)
    return document.version if document else None


def _action(
    uri: str, version: int | None, target: str, title: str, diagnostic: types.Diagnostic | None = None
) -> types.CodeAction:
    argument = {"uri": uri, "version": version, "target": target, "title": title}
    return types.CodeAction(
        title=title,
        kind=types.CodeActionKind.QuickFix,
        diagnostics=[diagnostic] if diagnostic else None,
        command=types.Command(title=title, command=FIX, arguments=[argument]),
    )
