"""Spans, edits and diffs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixloop.records.source import (
    Edit,
    FileEdit,
    Patch,
    SourceText,
    Span,
    StaleText,
    UndecodableSource,
    edit_between,
    trim,
)

TEXTS = st.text(st.sampled_from("ab \n\r\f\té😀x"), max_size=60)


@pytest.mark.parametrize(
    ("data", "encoding", "text"),
    [
        (b"x = 1\n", "utf-8", "x = 1\n"),
        (b"\xef\xbb\xbfx = '\xc3\xa9'\n", "utf-8-sig", "x = 'é'\n"),
        (b"# -*- coding: latin-1 -*-\nx = '\xe9'\n", "iso-8859-1", "# -*- coding: latin-1 -*-\nx = 'é'\n"),
    ],
)
def test_text_is_decoded_as_python_decodes_it(data: bytes, encoding: str, text: str) -> None:
    source = SourceText("a.py", data)
    assert (source.encoding, source.text) == (encoding, text)
    assert source.with_text(text).data == data


@pytest.mark.parametrize("data", [b"x = '\xff'\n", b"# coding: no-such-codec\n"])
def test_undecodable_bytes_are_named(data: bytes) -> None:
    with pytest.raises(UndecodableSource, match=r"a\.py"):
        _ = SourceText("a.py", data).text


def test_lines_end_as_python_ends_them() -> None:
    source = SourceText("a.py", b"one\r\ntwo\rthree\x0cstill three\nfour")
    assert [source.line_text(line) for line in range(1, source.line_count + 1)] == [
        "one",
        "two",
        "three\x0cstill three",
        "four",
    ]
    assert source.line_of(source.text.index("still")) == 3
    assert source.offset(4, 2) == source.text.index("ur")


def test_byte_spans_count_the_byte_order_mark() -> None:
    source = SourceText("a.py", b"\xef\xbb\xbf" + "é = 1\n".encode())
    start, end = source.byte_span(Span(4, 5))
    assert source.data[start:end] == b"1"


@given(TEXTS, TEXTS)
def test_an_edit_between_two_texts_turns_one_into_the_other(before: str, after: str) -> None:
    old = SourceText("a.py", before.encode())
    assert edit_between(old, after).apply(old).text == after


@given(TEXTS, TEXTS)
def test_trimming_never_changes_what_an_edit_does(before: str, replacement: str) -> None:
    old = SourceText("a.py", before.encode())
    whole = Edit(Span(0, len(before)), replacement)
    trimmed = FileEdit("a.py", old.sha256, (trim(before, whole),))
    assert trimmed.apply(old).text == replacement


def test_an_edit_refuses_any_other_text() -> None:
    edit = edit_between(SourceText("a.py", b"x = 1\n"), "x = 2\n")
    with pytest.raises(StaleText):
        edit.apply(SourceText("a.py", b"x = 1 \n"))


@pytest.mark.parametrize("spans", [[(0, 3), (2, 4)], [(4, 5), (0, 1)]])
def test_edits_are_sorted_and_disjoint(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match="overlap"):
        FileEdit("a.py", "", tuple(Edit(Span(*span), "") for span in spans))


def test_a_patch_names_each_file_once() -> None:
    file = FileEdit("a.py", "", ())
    with pytest.raises(ValueError, match="once"):
        Patch((file, file))
