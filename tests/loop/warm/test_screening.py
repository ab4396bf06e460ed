"""The warm evaluator on real projects: its hints are those of cold runs, whatever the project is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from fixloop.evaluate.warm import Way
from fixloop.records.execution import Outcome
from warm_bench import Bench, outcomes, request

MakeBench = Callable[..., Bench]
CHECK = "test_it.py::test_a"

# Each project holds `return x - 1` in mod.py, and `test_a`, which passes when it is `return x + 1`.
FUNCTION = "def f(x):\n    return x - 1\n"
PROJECTS: Mapping[str, tuple[Mapping[str, str], str]] = {
    "imported by name": ({"test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2"}, CHECK),
    "under another name": (
        {"test_it.py": "import mod as m\ng = m.f\ndef test_a(): assert g(1) == 2 == list(map(g, [1]))[0]"},
        CHECK,
    ),
    "fixtures of every scope": (
        {
            "conftest.py": """
                import pytest
                from mod import f
                @pytest.fixture(scope="session")
                def a(): return f(0)
                @pytest.fixture(scope="package")
                def b(a): return f(a)
                @pytest.fixture(scope="module")
                def c(b): return f(b)
                @pytest.fixture(scope="class")
                def d(c): yield f(c)
                @pytest.fixture
                def e(d, tmp_path, monkeypatch, request):
                    (tmp_path / "x").write_text("")
                    return f(d)
            """,
            "test_it.py": "class TestIt:\n  def test_a(self, e, d, c, b, a): assert [a, b, c, d, e] == [1, 2, 3, 4, 5]",
        },
        "test_it.py::TestIt::test_a",
    ),
    "an instance for each test": (
        {
            "test_it.py": """
                from mod import f
                class TestIt:
                    seen = None
                    def setup_method(self): self.seen = []
                    def test_a(self):
                        self.seen.append(f(1))
                        self.mine = getattr(self, "mine", 0) + f(1)
                        assert (self.seen, self.mine) == ([2], 2)
            """
        },
        "test_it.py::TestIt::test_a",
    ),
    "parameters": (
        {
            "test_it.py": """
                import pytest
                from mod import f
                @pytest.mark.parametrize("x, y", [(1, 2), (5, 6)], ids=["one", "é[5]"])
                def test_a(x, y): assert f(x) == y
            """
        },
        "test_it.py::test_a[\\xe9[5]]",
    ),
    "marks that skip": (
        {
            "test_it.py": """
                import pytest, mod
                @pytest.mark.skipif("mod.f(1) == 7")
                @pytest.mark.xfail(False, reason="never")
                def test_a(): assert mod.f(1) == 2
            """
        },
        CHECK,
    ),
    "unittest": (
        {
            "test_it.py": """
                import unittest, mod
                class TestIt(unittest.TestCase):
                    @classmethod
                    def setUpClass(cls): cls.one = 1
                    def setUp(self): self.got = mod.f(self.one)
                    def test_a(self): self.assertEqual(self.got, 2)
            """
        },
        "test_it.py::TestIt::test_a",
    ),
    "a plugin that wraps each test": (
        {
            "conftest.py": """
                import pytest, mod
                @pytest.hookimpl(hookwrapper=True)
                def pytest_runtest_call(item):
                    item.funcargs["extra"] = mod.f(0)
                    yield
            """,
            "test_it.py": "from mod import f\ndef test_a(request): assert request.node.funcargs['extra'] == f(0) == 1",
        },
        CHECK,
    ),
    "warnings as errors": (
        {
            "pytest.ini": "[pytest]\nfilterwarnings = error\n",
            "test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2",
        },
        CHECK,
    ),
    "captured output and log": (
        {
            "test_it.py": """
                import logging
                from mod import f
                def test_a(capsys, caplog):
                    print("hello"); logging.getLogger().warning("careful")
                    assert capsys.readouterr().out == "hello\\n" and len(caplog.records) == 1
                    assert f(1) == 2
            """
        },
        CHECK,
    ),
    "strict configuration, options of plugins": (
        {
            "pytest.ini": "[pytest]\naddopts = --strict-config --strict-markers -p no:logging -x\nmarkers = slow\n",
            "test_it.py": "import pytest\nfrom mod import f\n@pytest.mark.slow\ndef test_a(): assert f(1) == 2",
        },
        CHECK,
    ),
    "a source folder": (
        {
            "src/mod.py": FUNCTION,
            "tests/test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2",
        },
        "tests/test_it.py::test_a",
    ),
    "a namespace package": (
        {
            "ns/mod.py": FUNCTION,
            "test_it.py": "import ns.mod\ndef test_a(): assert ns.mod.f(1) == 2",
        },
        CHECK,
    ),
    "import mode importlib": (
        {
            "pytest.ini": "[pytest]\naddopts = --import-mode=importlib\n",
            "tests/a/test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2",
        },
        "tests/a/test_it.py::test_a",
    ),
    "a server on the loopback": (
        {
            "test_it.py": """
                import socket, threading
                from mod import f
                def test_a():
                    with socket.create_server(("127.0.0.1", 0)) as server:
                        def serve():
                            with server.accept()[0] as there: there.sendall(bytes([f(1)]))
                        thread = threading.Thread(target=serve); thread.start()
                        with socket.create_connection(server.getsockname()) as here: assert here.recv(1) == b"\\2"
                        thread.join()
            """
        },
        CHECK,
    ),
    "a coroutine": (
        {
            "test_it.py": """
                import asyncio, mod
                async def g(): return mod.f(1)
                def test_a(): assert asyncio.run(g()) == 2
            """
        },
        CHECK,
    ),
    "decorated, with a closure": (
        {
            "mod.py": """
                import functools
                def twice(function):
                    @functools.wraps(function)
                    def both(x):
                        function(x)
                        return function(x)
                    return both
                @twice
                def f(x):
                    return x - 1
            """,
            "test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2",
        },
        CHECK,
    ),
    "a method, a property, a static method": (
        {
            "mod.py": """
                class C:
                    one = 1
                    @staticmethod
                    def s(x): return C.f(x)
                    @property
                    def p(self): return self.f(self.one)
                    @classmethod
                    def f(cls, x):
                        return x - 1
            """,
            "test_it.py": "from mod import C\nc = C()\ndef test_a(): assert c.p == C.s(1) == C.f(1) == 2",
        },
        CHECK,
    ),
    "lines that end otherwise, and a byte order mark": (
        {
            "mod.py": "\ufeff# é\r\ndef f(x):\r\n    return x - 1\r\n",
            "test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2",
        },
        CHECK,
    ),
}


@pytest.mark.parametrize(("files", "check"), PROJECTS.values(), ids=PROJECTS)
def test_hints_are_those_of_cold_runs(bench: MakeBench, files: Mapping[str, str], check: str) -> None:
    path = next((path for path, text in files.items() if "return x - 1" in text), "mod.py")
    made = bench({path: FUNCTION, **files})
    new = ["return x * 1", "return x / 0", "return x + 2", "return x + 1", "return None"]
    candidates = made.replacing(path, "return x - 1", *new)
    executions = made.screen(candidates, request(check))
    assert [execution.outcome(check).value for execution in executions] == [
        execution.outcome(check).value for execution in made.cold_of(candidates, request(check))
    ]
    assert [execution.outcome(check) is Outcome.PASSED for execution in executions] == [
        False,
        False,
        False,
        True,
        False,
    ]
    assert not any(execution.notes for execution in executions), executions[0].notes
    assert made.warm.ways == {Way.EXCHANGED: 5}


# Each of these replaces `OLD` in mod.py by `NEW`; exchanging code would show nothing of it.
AFRESH: Mapping[str, tuple[str, str, str]] = {
    "a constant of the module": ("X = 1\ndef f(): return X\n", "X = 1", "X = 2"),
    "a default": ("def f(x=1):\n    return x\n", "x=1", "x=2"),
    "a decorator": (
        "def one(f): return lambda: 1\ndef two(f): return lambda: 2\n@one\ndef f(): pass\n",
        "@one",
        "@two",
    ),
    "a class body": ("class C:\n    x = 1\ndef f(): return C.x\n", "x = 1", "x = 2"),
    "a field of a dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int = 1\ndef f(): return C().x\n",
        "int = 1",
        "int = 2",
    ),
    "a function that was called at import": (
        "def g():\n    return 1\nX = g()\ndef f(): return X\n",
        "return 1",
        "return 2",
    ),
    "what a closure holds": (
        "def make(y):\n    z = 2\n    def inner():\n        return y\n    return inner\nf = make(1)\n",
        "return y",
        "return z",
    ),
    "parameters": ("def g(x): return x\ndef f(): return g(1)\n", "g(x): return x", "g(x, y=1): return x + y"),
    "a comprehension of a class body": (
        "class C:\n    x = [n for n in (1,)]\ndef f(): return C.x[0]\n",
        "[n for",
        "[n + 1 for",
    ),
    "a base class": (
        "class A: x = 1\nclass B: x = 2\nclass C(A):\n    def f(self): pass\ndef f(): return C().x\n",
        "C(A)",
        "C(B)",
    ),
    "a cached result of import time": (
        "import functools\n@functools.lru_cache(None)\ndef g(x):\n    return x\nX = g(1)\ndef f(): return g(1)\n",
        "return x",
        "return x + 1",
    ),
}


@pytest.mark.parametrize(("text", "old", "new"), AFRESH.values(), ids=AFRESH)
def test_what_exchanged_code_cannot_show_is_imported_anew(bench: MakeBench, text: str, old: str, new: str) -> None:
    made = bench({"mod.py": text, "test_it.py": "import mod\ndef test_a(): assert mod.f() == 2"})
    (execution,) = made.screen(made.replacing("mod.py", old, new), request(CHECK))
    assert outcomes(execution) == {CHECK: "passed"}
    assert made.warm.ways == {Way.AFRESH: 1}


def test_what_ran_when_a_conftest_was_imported_is_imported_anew(bench: MakeBench) -> None:
    conftest = "import mod, pytest\nX = mod.f(1)\n@pytest.fixture\ndef one(): return X\n"
    made = bench({"mod.py": FUNCTION, "conftest.py": conftest, "test_it.py": "def test_a(one): assert one == 2\n"})
    executions = made.screen(made.replacing("mod.py", "x - 1", "x * 1", "x + 1"), request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["failed", "passed"]
    assert made.warm.ways == {Way.AFRESH: 2}


STARTS = """
    import subprocess, sys
    from mod import f
    def test_a():
        assert f(1) == 2
        assert subprocess.check_output([sys.executable, "-c", "import mod; print(mod.f(1))"]) == b"2\\n"
"""
READS = """
    import importlib, mod
    def test_a():
        assert mod.f(1) == 2
        assert importlib.reload(mod).f(1) == 2
"""
LATE = "def test_a():\n    from mod import f\n    assert f(1) == 2\n"


@pytest.mark.parametrize(
    ("test", "ways"),
    [(STARTS, {Way.EXCHANGED: 1, Way.COLD: 1}), (READS, {Way.EXCHANGED: 1, Way.AFRESH: 1}), (LATE, {Way.AFRESH: 2})],
    ids=["starts a program", "imports again", "imports late"],
)
def test_a_test_that_goes_back_to_the_disk_is_shown_the_candidate(
    bench: MakeBench, test: str, ways: Mapping[Way, int]
) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": test})
    executions = made.screen(made.replacing("mod.py", "x - 1", "x * 1", "x + 1"), request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["failed", "passed"]
    assert made.warm.ways == ways


def test_tests_that_cannot_be_collected_are_tried_by_importing_anew(bench: MakeBench) -> None:
    made = bench(
        {"mod.py": "X = y\ndef f(): return X\n", "test_it.py": "import mod\ndef test_a(): assert mod.f() == 1"}
    )
    executions = made.screen(made.replacing("mod.py", "X = y", "X = z", "X = 1"), request("test_it.py"))
    assert [outcomes(execution) for execution in executions] == [{"test_it.py": "error"}, {CHECK: "passed"}]
    assert made.warm.ways == {Way.AFRESH: 2}


def test_a_doctest_in_the_edited_file_is_read_from_it_and_so_run_cold(bench: MakeBench) -> None:
    text = "def f(x):\n    '''\n    >>> f(1)\n    2\n    '''\n    return x - 1\n"
    made = bench({"pytest.ini": "[pytest]\naddopts = --doctest-modules\n", "mod.py": text})
    executions = made.screen(made.replacing("mod.py", "x - 1", "x * 1", "x + 1"), request("mod.py::mod.f"))
    assert [execution.outcome("mod.py::mod.f").value for execution in executions] == ["failed", "passed"]
    assert made.warm.ways == {Way.COLD: 2}


def test_unsaved_buffers_are_what_is_loaded(bench: MakeBench) -> None:
    made = bench(
        {"mod.py": "def f(x): return 7", "test_it.py": "from mod import f\ndef test_a(): assert f(1) == 2"},
        overlay={"mod.py": FUNCTION.encode()},
    )
    executions = made.screen(made.replacing("mod.py", "x - 1", "x * 1", "x + 1"), request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["failed", "passed"]
    assert made.warm.ways == {Way.EXCHANGED: 2}
