"""The language server as editors meet it: the real program, the real engine, once per client profile."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig

from e2e.harness import PROFILES, Editor, copy_project

SERVER = str(Path(sys.executable).with_name("fixloop-lsp"))
CONFIG = ClientServerConfig(server_command=[SERVER], client_factory=Editor)
FAILING = "tests/test_luggage.py::test_exactly_the_limit_is_light"
FAILING_LINE, SUSPECT_LINE = 8, 7
FIX = "Fix with loop"

pytestmark = pytest.mark.asyncio


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


@pytest_lsp.fixture(config=CONFIG, params=PROFILES)
async def editor(lsp: Editor, request: pytest.FixtureRequest, project: Path) -> AsyncIterator[None]:
    await lsp.begin(request.param, project)
    yield
    await lsp.shutdown_session()


async def opened(editor: Editor, project: Path) -> tuple[str, str]:
    """The test file and the source file, open, with their diagnostics shown."""
    test, source = editor.open(project / "tests/test_luggage.py"), editor.open(project / "luggage.py")
    await editor.until(lambda: editor.errors(test) and editor.errors(source), "diagnostics of both files")
    return test, source


async def test_a_failure_is_shown_at_its_assertion_and_at_its_suspect(editor: Editor, project: Path) -> None:
    test, source = await opened(editor, project)

    (failure,) = editor.errors(test)
    assert (failure.severity, failure.source, failure.code) == (types.DiagnosticSeverity.Error, "fixloop", "failed")
    assert "'🧳' == '🧺'" in failure.message
    width = 37 if editor.encoding == "utf-16" else 39
    assert failure.range == types.Range(types.Position(FAILING_LINE, 4), types.Position(FAILING_LINE, width))
    assert editor.published[test].version == 1
    assert failure.related_information is not None
    assert failure.related_information[0].location.uri == source

    (suspect,) = editor.errors(source)
    assert suspect.severity == types.DiagnosticSeverity.Information
    assert FAILING in suspect.message
    assert suspect.range.start == types.Position(SUSPECT_LINE, 4)
    assert suspect.related_information is not None
    assert suspect.related_information[0].location == types.Location(test, failure.range)


async def test_the_fix_is_offered_proven_and_applied(editor: Editor, project: Path) -> None:
    test, source = await opened(editor, project)
    before = {path: path.read_bytes() for path in project.rglob("*.py")}

    (action,) = await editor.actions(test, FAILING_LINE)
    assert (action.title, action.kind, action.is_preferred) == (FIX, types.CodeActionKind.QuickFix, None)
    assert list(action.diagnostics or ()) == list(editor.errors(test))
    result = await editor.run(action)

    assert (result["stopReason"], result["applied"]) == ("verified", True)
    assert "weight <= LIMIT" in result["patch"]
    assert '"🧺" if weight <= LIMIT else "🧳"' in editor.texts[source]
    assert [edit.label for edit in editor.edits] == [FIX]
    assert editor.messages_said() == [result["message"]]
    (reports,) = editor.progress_reports.values()
    kinds = [report.kind for report in reports]
    assert (kinds[0], kinds[-1], set(kinds[1:-1])) == ("begin", "end", {"report"})
    assert {path: path.read_bytes() for path in before} == before
    await editor.until(lambda: not editor.errors(test) and not editor.errors(source), "diagnostics to go")


async def test_the_source_file_offers_the_fix_too(editor: Editor, project: Path) -> None:
    _, source = await opened(editor, project)
    (tied,) = await editor.actions(source, SUSPECT_LINE)
    (whole,) = await editor.actions(source, 0)
    assert (tied.title, whole.title) == (FIX, f"{FIX}: all failing tests of this file")
    assert await editor.actions(source, 0, only=[types.CodeActionKind.Refactor]) == []
    assert len(await editor.actions(source, 0, only=[types.CodeActionKind.QuickFix])) == 1


async def test_i5_a_stale_document_is_refused(editor: Editor, project: Path) -> None:
    test, _ = await opened(editor, project)
    (action,) = await editor.actions(test, FAILING_LINE)
    editor.type(test, "# edited\n" + editor.texts[test])

    result = await editor.run(action)

    assert (result["stopReason"], result["applied"]) == ("refused", False)
    assert "was edited since" in result["message"]
    assert editor.edits == []
    editor.type(test, editor.texts[test].removeprefix("# edited\n"))  # the same text again is not stale
    asking = asyncio.ensure_future(editor.run(action))
    await editor.until(lambda: editor.progress_reports, "the repair to start")
    editor.type(test, editor.texts[test] + "# edited\n")

    result = await asking

    assert (result["stopReason"], result["applied"]) == ("verified", False)
    assert "changed while" in result["message"]
    assert editor.edits == []


async def test_an_edit_that_the_editor_declines_is_not_called_applied(editor: Editor, project: Path) -> None:
    test, source = await opened(editor, project)
    editor.accepts = False
    (action,) = await editor.actions(test, FAILING_LINE)
    result = await editor.run(action)
    assert (result["stopReason"], result["applied"]) == ("verified", False)
    assert "the tests say no" in result["message"]
    assert editor.texts[source] == (project / "luggage.py").read_text("utf-8")


async def test_cancelling_the_progress_ends_the_repair_for_all_who_asked(editor: Editor, project: Path) -> None:
    test, source = await opened(editor, project)
    asked = [*await editor.actions(test, FAILING_LINE), *await editor.actions(source, SUSPECT_LINE)]
    asking = asyncio.gather(*(editor.run(action) for action in asked))
    await editor.until(lambda: any(editor.progress_reports.values()), "the progress to begin")
    (token,) = editor.progress_reports
    editor.window_work_done_progress_cancel(types.WorkDoneProgressCancelParams(token))

    result, same = await asking

    assert result == same
    assert (result["stopReason"], result["applied"]) == ("cancelled", False)
    assert editor.messages_said() == [result["message"]]
    assert editor.progress_reports[token][-1].kind == "end"
    assert editor.edits == []


async def test_saving_runs_the_tests_again(editor: Editor, project: Path) -> None:
    test, source = await opened(editor, project)
    editor.type(source, editor.texts[source].replace("weight < LIMIT", "weight <= LIMIT"))
    editor.save(source)
    await editor.until(lambda: not editor.errors(test) and not editor.errors(source), "diagnostics to go")
    assert await editor.actions(test, FAILING_LINE) == []
    assert editor.messages_said() == []


async def test_a_file_without_tests_is_left_in_peace(editor: Editor, project: Path) -> None:
    (project / "alone.py").write_text("ANSWER = 42\n")
    alone = editor.open(project / "alone.py")
    await opened(editor, project)
    assert (list(editor.errors(alone)), editor.messages_said()) == ([], [])
    assert await editor.actions(alone, 0) == []


async def test_a_file_that_does_not_parse_is_shown_as_failing(editor: Editor, project: Path) -> None:
    (project / "tests/test_broken.py").write_text("def test_a():\n    assert (\n")
    broken = editor.open(project / "tests/test_broken.py")
    await editor.until(lambda: editor.errors(broken), "the syntax error")
    (error,) = editor.errors(broken)
    assert error.code == "error"
    assert "SyntaxError" in error.message


async def test_a_bad_setting_is_told_once_and_the_rest_holds(editor: Editor, project: Path) -> None:
    settings = {"fixloop": {"budgetSeconds": "long", "seed": 3}}
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    await opened(editor, project)
    (message,) = editor.messages_said()
    assert message.startswith("fixloop.budgetSeconds must be a number of seconds above 0, not 'long'.")


async def test_a_problem_of_the_environment_is_told_once_and_shows_no_failure(editor: Editor, project: Path) -> None:
    test, source = await opened(editor, project)
    settings = {"interpreter": str(project / "no-such-python")}
    editor.workspace_did_change_configuration(types.DidChangeConfigurationParams(settings))
    editor.save(test)
    editor.save(source)
    await editor.until(lambda: not editor.errors(test) and not editor.errors(source), "diagnostics to go")
    editor.open(project / "tests/test_luggage.py")
    result = await editor.workspace_execute_command_async(
        types.ExecuteCommandParams("fixloop.fix", [{"uri": test, "version": None, "target": FAILING}])
    )
    assert (result["stopReason"], result["applied"]) == ("environment", False)
    told, answered = editor.messages_said()
    assert "no-such-python" in told
    assert answered == result["message"]


@pytest.mark.parametrize("arguments", [[], [{"uri": 1}], ["luggage.py"]])
async def test_a_malformed_request_is_answered(editor: Editor, arguments: list[object]) -> None:
    result = await editor.workspace_execute_command_async(types.ExecuteCommandParams("fixloop.fix", arguments))
    assert (result["stopReason"], result["applied"]) == ("refused", False)
    assert "Nothing was run." in result["message"]


async def test_what_is_outside_the_workspace_is_not_run(editor: Editor, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_a():\n    assert False\n")
    other = editor.open(tmp_path / "test_other.py")
    argument = {"uri": other, "version": 1, "target": str(tmp_path / "test_other.py")}
    result = await editor.workspace_execute_command_async(types.ExecuteCommandParams("fixloop.fix", [argument]))
    assert result["stopReason"] == "refused"
    assert list(editor.errors(other)) == []
