"""What decides whether a candidate takes effect by exchanging code, and what it exchanges."""

from __future__ import annotations

import gc
import textwrap
from collections.abc import Mapping
from types import CodeType, FunctionType

import pytest

from fixloop.probe.segments import OutsideStatements, Segments, spliced
from fixloop.probe.swap import NotExchangeable, apply, plan

FILE = "<exchanged>"


class Module:
    """A text that was run, with its functions as they are found in memory."""

    def __init__(self, text: str) -> None:
        self.code = compile(textwrap.dedent(text), FILE, "exec", dont_inherit=True)
        self.names: dict[str, object] = {"__name__": "exchanged"}
        exec(self.code, self.names)
        found = [thing for thing in gc.get_objects() if type(thing) is FunctionType]
        self.functions = [each for each in found if each.__globals__ is self.names]

    def live(self, code: CodeType) -> list[FunctionType] | None:
        found = [each for each in self.functions if each.__code__ == code]
        return found if len({each.__code__ for each in found}) < 2 else None

    def exchanged(self, text: str, ran: tuple[str, ...] = ()) -> object:
        """The value of ``f()`` once the text has become ``text``."""
        new = compile(textwrap.dedent(text), FILE, "exec", dont_inherit=True)
        apply(plan(self.code, new, self.live, lambda code: code.co_name in ran))
        return self.names["f"]()  # pyright: ignore[reportCallIssue]


EXCHANGED: Mapping[str, tuple[str, str, object]] = {
    "a constant": ("def f(): return 1", "def f(): return 2", 2),
    "the type of a constant": ("def f(): return (1, 0.0)", "def f(): return (True, -0.0)", (True, -0.0)),
    "a name": ("a = 1; b = 2\ndef f(): return a", "a = 1; b = 2\ndef f(): return b", 2),
    "more lines before another function": (
        "def g():\n    return 1\ndef f(): return g()",
        "def g():\n    x = 1\n    x += 1\n    return x\ndef f(): return g()",
        2,
    ),
    "a method": (
        "class C:\n    def m(self): return 1\nc = C()\ndef f(): return c.m()",
        "class C:\n    def m(self): return 2\nc = C()\ndef f(): return c.m()",
        2,
    ),
    "a function held elsewhere": (
        "def g(): return 1\nheld = [g, g]\ndef f(): return held[1]()",
        "def g(): return 2\nheld = [g, g]\ndef f(): return held[1]()",
        2,
    ),
    "a lambda": ("g = lambda: 1\ndef f(): return g()", "g = lambda: 2\ndef f(): return g()", 2),
    "a comprehension in a function": (
        "def f(): return [n for n in (1, 2)]",
        "def f(): return [n + 1 for n in (1, 2)]",
        [2, 3],
    ),
    "another function inside": (
        "def f():\n    def g(): return 1\n    return g()",
        "def f():\n    h = lambda: 1\n    def g(): return h() + 1\n    return g()",
        2,
    ),
    "a closure that exists, over the same variables": (
        "def make(x):\n    def g(): return x\n    return g\nf = make(1)",
        "def make(x):\n    def g(): return x + 1\n    return g\nf = make(1)",
        2,
    ),
}


@pytest.mark.parametrize(("old", "new", "value"), EXCHANGED.values(), ids=EXCHANGED)
def test_exchanged_code_is_seen(old: str, new: str, value: object) -> None:
    module = Module(old)
    found = module.exchanged(new, ran=("make",))
    assert (found, repr(found)) == (value, repr(value))


REFUSED: Mapping[str, tuple[str, str, tuple[str, ...], str]] = {
    "the module": ("x = 1\ndef f(): return x", "x = 2\ndef f(): return x", (), "the module runs only"),
    "a class body": ("class C: x = 1\ndef f(): pass", "class C: x = 2\ndef f(): pass", (), "C runs only"),
    "a default": ("def f(x=1): return x", "def f(x=2): return x", (), "the module runs only"),
    "a decorator": ("def d(g): return g\ndef f(): pass", "def d(g): return g\n@d\ndef f(): pass", (), "the module"),
    "parameters": ("def f(x=1): return x", "def f(y=1): return y", (), "f is called in another way"),
    "a generator instead": ("def f(): return 1", "def f(): yield 1", (), "f is called in another way"),
    "other variables around": (
        "def make(x, y):\n    def g(): return x\n    return g, y\nf = make(1, 2)[0]",
        "def make(x, y):\n    def g(): return y\n    return g, x\nf = make(1, 2)[0]",
        (),
        "g uses other variables",
    ),
    "what ran at import": ("def f(): return 1\nx = f()", "def f(): return 2\nx = f()", ("f",), "f ran when"),
    "what ran inside of what ran at import": (
        "def f(): return (lambda: 1)()\nx = f()",
        "def f(): return (lambda: 2)()\nx = f()",
        ("f", "<lambda>"),
        "<lambda> ran when",
    ),
    "functions made already, and others now": (
        "def make():\n    def g(): return 1\n    return g\nf = make()",
        "def make():\n    def h(): return 2\n    def g(): return h()\n    return g\nf = make()",
        (),
        "functions made by make exist",
    ),
    "a function that is gone": ("def f(): pass\ndel f", "def f(): return 1\ndel f", (), "f runs only"),
    "documentation": ("def f():\n    'a'", "def f():\n    'b'", (), "the documentation of f"),
}


@pytest.mark.parametrize(("old", "new", "ran", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_exchanged_is_refused(old: str, new: str, ran: tuple[str, ...], reason: str) -> None:
    with pytest.raises(NotExchangeable, match=reason):
        Module(old).exchanged(new, ran)


def test_an_exchange_is_taken_back() -> None:
    module = Module("def f(): return 1")
    new = compile("def f(): return 2", FILE, "exec", dont_inherit=True)
    before = apply(plan(module.code, new, module.live, lambda code: False))
    assert module.names["f"]() == 2  # pyright: ignore[reportCallIssue]
    apply(before)
    assert module.names["f"]() == 1  # pyright: ignore[reportCallIssue]


TEXT = '''"""Documentation."""
from __future__ import annotations
import functools

X = 1

@functools.cache
def f(x):
    return x + 1

class C:
    def m(self):
        return 1

def g(): return 1
def h(): return 2; return 3
'''


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x + 1", "return x - 1"),
        ("@functools.cache", "@functools.lru_cache"),
        ("return x + 1", "y = x\n    return y"),
        ("def m(self):\n        return 1", "def m(self):\n        return 2\n    x = 3"),
        ("g(): return 1", "g(): return 'é'"),
    ],
)
def test_a_statement_compiles_as_in_its_file(old: str, new: str, newline: str, mark: str) -> None:
    text, old, new = (part.replace("\n", newline) for part in (TEXT, old, new))
    segments = Segments(FILE, (mark + text).encode())
    start = segments.text.index(old)
    edit = (start, start + len(old), new)
    whole = compile(spliced(segments.text, [edit]), FILE, "exec", dont_inherit=True)
    ((at, code),) = segments.new([edit])
    (inner,) = (part for part in _codes(code) if part.co_name not in {"<module>"})
    assert inner in _codes(whole)
    (before,) = (part for part in _codes(segments.old(at)) if part.co_name not in {"<module>"})
    assert before in _codes(segments.whole)


def _codes(code: CodeType) -> list[CodeType]:
    return [code, *(constant for constant in code.co_consts if isinstance(constant, CodeType))]


def test_later_statements_move_with_the_lines_that_an_edit_adds() -> None:
    segments = Segments(FILE, TEXT.encode())
    first, second = TEXT.index("return x + 1"), TEXT.index("return 1")
    edits = [(first, first, "x = x\n    "), (second, second + len("return 1"), "return 2")]
    whole = compile(spliced(TEXT, edits), FILE, "exec", dont_inherit=True)
    lines = {code.co_name: code.co_firstlineno for code in _codes(whole)}
    for _, code in segments.new(edits):
        inner = _codes(code)[1]
        assert inner.co_firstlineno == lines[inner.co_name]


@pytest.mark.parametrize("old", ["X = 1", "functools\n", "Documentation", "+ 1\n\nclass C:\n    def m"])
def test_an_edit_outside_of_one_definition_is_told(old: str) -> None:
    segments = Segments(FILE, TEXT.encode())
    start = TEXT.index(old)
    with pytest.raises(OutsideStatements):
        segments.new([(start, start + len(old), "")])


def test_two_statements_in_one_line_are_not_taken_apart() -> None:
    segments = Segments(FILE, b"def f(): pass\nx = 1; y = 2\nclass C: pass\n")
    with pytest.raises(OutsideStatements):
        segments.new([(14, 15, "z")])
