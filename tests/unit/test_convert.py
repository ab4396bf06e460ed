"""Positions and edits in the client's units, against an editor that is written from the specification alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lsprotocol import types
from pygls.workspace import PositionCodec

from e2e.harness import apply_text_edits
from fixloop.records.execution import CheckResult, Failure, Outcome
from fixloop.records.source import SourceText, edit_between
from fixloop_lsp import convert

ENCODINGS = ["utf-8", "utf-16", "utf-32"]
LINE = st.text(st.sampled_from("ab é\t\x0c\u2028🧺𝕏"), max_size=6)
TEXT = st.lists(LINE, max_size=6).map("\n".join)


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(old=TEXT, new=TEXT)
def test_an_editor_gets_the_text_that_the_edit_means(encoding: str, old: str, new: str) -> None:
    base = SourceText("a.py", old.encode())
    edit = edit_between(base, new)
    edits = convert.text_edits(edit, base, PositionCodec(encoding))
    assert apply_text_edits(old, edits, encoding) == edit.apply(base).text == new


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_other_line_ends_separate_lines_too(end: str) -> None:
    source = SourceText("a.py", end.join(["a", "🧺 = b", "c"]).encode())
    codec = PositionCodec("utf-16")
    assert convert.position_of(source, source.text.index("b"), codec) == types.Position(1, 5)
    assert convert.position_of(source, len(source.text), codec) == types.Position(2, 1)


@pytest.mark.parametrize(
    ("text", "line", "start", "end"),
    [
        ("a\n    é = 🧺  \n", 2, (1, 4), (1, 10)),
        ("a\n\t\n", 2, (1, 1), (1, 1)),
        ("a\n", 99, (1, 0), (1, 0)),
        ("a", 0, (0, 0), (0, 1)),
        ("", 1, (0, 0), (0, 0)),
        ("\ufeffx = 1", 1, (0, 0), (0, 5)),
    ],
)
def test_a_line_is_shown_without_its_blanks(text: str, line: int, start: tuple[int, int], end: tuple[int, int]) -> None:
    shown = convert.line_range(SourceText("a.py", text.encode()), line, PositionCodec("utf-16"))
    assert shown == types.Range(types.Position(*start), types.Position(*end))


def test_edits_carry_versions_only_for_clients_that_know_them() -> None:
    base = SourceText("a.py", b"x = 1\n")
    file = convert.DocumentEdit("file:///a.py", 7, edit_between(base, "x = 2\n"), base)
    edits = [types.TextEdit(types.Range(types.Position(0, 4), types.Position(0, 5)), "2")]
    identifier = types.OptionalVersionedTextDocumentIdentifier("file:///a.py", 7)
    codec = PositionCodec("utf-16")
    assert convert.workspace_edit([file], codec, versioned=True) == types.WorkspaceEdit(
        document_changes=[types.TextDocumentEdit(identifier, edits)]
    )
    assert convert.workspace_edit([file], codec, versioned=False) == types.WorkspaceEdit(
        changes={"file:///a.py": edits}
    )


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (CheckResult("t.py::a", Outcome.FAILED, failure=Failure("ValueError", "no\nmore")), "ValueError: no"),
        (CheckResult("t.py::a", Outcome.TIMEOUT), "t.py::a: timeout"),
    ],
)
def test_a_failure_says_one_line(result: CheckResult, message: str) -> None:
    here = types.Range(types.Position(0, 0), types.Position(0, 1))
    diagnostic = convert.failure_diagnostic(result, here, [])
    assert (diagnostic.message, diagnostic.code) == (message, result.outcome.value)
    assert convert.checks_of(diagnostic) == ("t.py::a",)


@pytest.mark.parametrize("data", [None, 3, {}, {"checks": "t.py"}, {"checks": None}])
def test_what_is_not_our_diagnostic_names_no_checks(data: object) -> None:
    here = types.Range(types.Position(0, 0), types.Position(0, 1))
    assert convert.checks_of(types.Diagnostic(here, "m", source="fixloop", data=data)) == ()
    assert convert.checks_of(types.Diagnostic(here, "m", source="other", data={"checks": ["a"]})) == ()


def test_members_of_an_argument_are_found_in_dicts_and_objects() -> None:
    assert convert.argument({"uri": "a"}, "uri") == "a"
    assert convert.argument(types.TextDocumentIdentifier("a"), "uri") == "a"
    assert convert.argument(None, "uri") is None


@pytest.mark.parametrize("path", ["/a/b.py", "/a b/é%20.py"])
def test_paths_and_uris_correspond(path: str) -> None:
    assert convert.path_of(convert.uri_of(Path(path))) == Path(path)


@pytest.mark.parametrize("uri", ["untitled:Untitled-1", "git:/a/b.py", "vscode-notebook-cell:/a.ipynb#1"])
def test_what_is_no_local_file_has_no_path(uri: str) -> None:
    assert convert.path_of(uri) is None
