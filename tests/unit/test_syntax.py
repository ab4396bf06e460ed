"""What SyntaxView says about positions, lines and names."""

from __future__ import annotations

from textwrap import dedent

import libcst as cst
import pytest

from fixloop.propose.scopes import walk
from fixloop.propose.syntax import SyntaxView, Unparsable
from fixloop.records.source import SourceText


def view_of(text: str, newline: str = "\n") -> SyntaxView:
    return SyntaxView(SourceText("mod.py", dedent(text).replace("\n", newline).encode()))


def name(view: SyntaxView, value: str, nth: int = 0) -> cst.Name:
    found = [node for node in walk(view.module) if isinstance(node, cst.Name) and node.value == value]
    return sorted(found, key=view.span)[nth]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("a  <=  b\n", cst.LessThanEqual, "<="),
        ("a is   not b\n", cst.IsNot, "is   not"),
        ("(a  # why\n and  b)\n", cst.And, "and"),
        ("x  +=  1\n", cst.AddAssign, "+="),
        ("(a + b) * c\n", cst.Add, "+"),
        ("é = ß  //  2\n", cst.FloorDivide, "//"),
    ],
)
def test_an_operator_stands_without_the_space_around_it(
    code: str, kind: type[cst.CSTNode], text: str, newline: str
) -> None:
    view = view_of(code, newline)
    (operator,) = [node for node in walk(view.module) if type(node) is kind]
    assert view.text(operator) == text


def test_parentheses_belong_to_the_outer_span_only() -> None:
    view = view_of("y = ( (a + b) ) * c\n")
    (inner,) = [node for node in walk(view.module) if isinstance(node, cst.BinaryOperation) and node.lpar]
    assert view.text(inner) == "a + b"
    assert view.slice(view.outer(inner)) == "( (a + b) )"


NAMES = """
    import os.path
    import json as j
    from re import compile as build

    LIMIT = 3

    class Box:
        size = 1

        def grow(self, by, *more, step=size, **rest):
            global total
            total = by
            seen = [item for item in more]
            for key, (value, *tail) in rest.items():
                pass
            if (found := key):
                with open(key) as handle, open(value) as (one, two):
                    pass
            try:
                pass
            except OSError as error:
                pass
            match key:
                case {"a": first, **others}:
                    pass
                case [*start] | (1 as start):
                    pass
            late = lambda arg, other=by: arg + HERE_LAMBDA
            def inner(x):
                nonlocal seen
                seen = x
                return HERE_INNER
            return [HERE_COMP for n in HERE_ITER]

        other = HERE_CLASS
"""


@pytest.mark.parametrize(
    ("where", "seen", "unseen"),
    [
        (
            "HERE_INNER",
            "x self by seen key value tail found handle one two error first others start late inner",
            "item n",
        ),
        ("HERE_LAMBDA", "arg other self by more step rest seen", "x size"),
        ("HERE_COMP", "n self by", "item size"),
        ("HERE_ITER", "self by", "n"),
        ("HERE_CLASS", "size grow other", "self by"),
    ],
)
def test_local_names_follow_scope(where: str, seen: str, unseen: str) -> None:
    view = view_of(NAMES)
    names = set(view.local_names(name(view, where)))
    assert names >= set(seen.split())
    assert not names & {*unseen.split(), "total", "LIMIT"}


def test_module_names_include_what_global_binds() -> None:
    assert view_of(NAMES).module_names == ("os", "j", "build", "LIMIT", "Box", "total")


def test_a_default_does_not_see_the_parameters() -> None:
    view = view_of("def f(a, b=HERE):\n    return a\n")
    assert view.local_names(name(view, "HERE")) == ()


def test_names_of_a_function_come_in_order_of_binding() -> None:
    view = view_of("def f(b, a):\n    z = 1\n    y = z\n    return y\n")
    (function,) = view.module.body
    assert isinstance(function, cst.FunctionDef)
    assert view.own_names(function) == ("b", "a", "z", "y")
    assert view.local_names(function) == ("b", "a", "z", "y")


def texts_on(view: SyntaxView, line: int) -> list[str]:
    return [view.text(node) for node in view.nodes_by_line.get(line, ()) if isinstance(node, cst.Name | cst.Integer)]


def test_a_compound_statement_belongs_to_its_header_only() -> None:
    view = view_of(
        """\
        @mark(1)
        def f(a):
            if (a and
                    b):
                return 2
            else:
                return 3
        """
    )
    assert texts_on(view, 2) == ["mark", "f", "a", "1"] or texts_on(view, 2) == ["mark", "1", "f", "a"]
    assert texts_on(view, 3) == ["a", "b"]
    assert texts_on(view, 4) == ["b"]
    assert texts_on(view, 5) == ["2"]
    assert texts_on(view, 6) == []
    assert not [node for node in view.nodes_by_line[5] if isinstance(node, cst.If)]


def test_a_statement_over_many_lines_is_also_found_at_its_first() -> None:
    view = view_of("x = f(\n    1,\n    2,\n)\n")
    assert texts_on(view, 1) == ["x", "f", "1", "2"]
    assert texts_on(view, 3) == ["2"]


def test_match_belongs_to_its_subject_line() -> None:
    view = view_of("match a:\n    case 1:\n        b\n")
    assert [type(node) for node in view.nodes_by_line[3]] == [cst.SimpleStatementLine, cst.Expr, cst.Name]


def test_statement_lines_take_decorators_along() -> None:
    view = view_of("a = 1\n@d\ndef f():\n    pass\n")
    assert view.slice(view.statement_lines(view.module.body[1])) == "@d\ndef f():\n    pass\n"


def test_vocabulary_sorts_words_by_kind() -> None:
    view = view_of(
        """
        class Box:
            kind = 1
            def __init__(self, size):
                self.size, self.other = size, 2
                self.label: str = ""
            async def open(self): ...
        def make(width=1): return Box(size=width)["key"] or {"other": 1}
        """
    )
    words = view.vocabulary
    assert words.methods == ("__init__", "open")
    assert words.coroutines == ("open",)
    assert words.callables == ("Box", "make")
    assert words.keys == ("key", "other")
    assert set(words.keywords) == {"self", "size", "width"}
    (box, _) = view.module.body
    assert isinstance(box, cst.ClassDef)
    assert set(words.own_attributes(box)) == {"size", "other", "label", "kind"}


def test_latin_1_and_bom_texts_have_positions() -> None:
    latin = SyntaxView(SourceText("a.py", "# -*- coding: latin-1 -*-\né = 'ü' + x\n".encode("latin-1")))
    assert latin.text(name(latin, "x")) == "x"
    marked = SyntaxView(SourceText("a.py", b"\xef\xbb\xbfx = y\n"))
    assert marked.text(name(marked, "y")) == "y"


@pytest.mark.parametrize("text", ["def f(:\n", "x = (\n", "if x:\ny\n", "a = 'b\n"])
def test_what_does_not_parse_is_refused_with_a_line(text: str) -> None:
    with pytest.raises(Unparsable) as refused:
        view_of(text)
    assert refused.value.line >= 1


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "(" * 9000 + "1" + ")" * 9000,
        "x = " + "[" * 3000 + "]" * 3000,
        "x = " + "-" * 3000 + "1",
        "x = " + "1 + " * 3000 + "1",
        "x = a" + ".b" * 3000,
        "if a: pass\n" + "elif a: pass\n" * 3000,
    ],
    ids=lambda text: text[4:9],
)
def test_what_is_nested_too_deeply_is_refused_and_not_fatal(text: str) -> None:
    with pytest.raises(Unparsable):
        view_of(text + "\n")
