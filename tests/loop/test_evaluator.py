"""Real runs in the real sandbox: every kind of outcome, every way in which a project is laid out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from fakes import FakeCancellation
from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.interpreter import find_interpreter
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.ports import Cancelled, RunRequest
from fixloop.records.attempt import Candidate, Provenance, Suspect
from fixloop.records.execution import AT_IMPORT, Execution, Outcome, ProblemKind
from fixloop.records.source import Patch, edit_between
from fixloop.sandbox.run import choose_tier
from projects import fingerprint, write


def evaluator(
    root: Path, overlay: Mapping[str, bytes] | None = None, cancel_after: int | None = None, **environ: str
) -> ColdEvaluator:
    sources = WorkspaceSources(root, overlay or {})
    interpreter = find_interpreter(root, None, os.environ)
    cancellation = FakeCancellation(cancel_after)
    tier = choose_tier().tier
    return ColdEvaluator(root, overlay or {}, sources, interpreter, tier, cancellation, environ, workers=2)


def run(root: Path, *checks: str, **more: object) -> Execution:
    request = RunRequest(checks, wall_seconds=30, check_seconds=5, lean=True, **more)  # type: ignore[arg-type]
    return evaluator(root).run(request)


OUTCOMES = """
    import os, pytest, sys, time, unittest

    def test_passed(): pass
    def test_failed(): assert [1, 2] == [1, 3]
    def test_raised(): {}["key"]
    def test_skipped(): pytest.skip("no")
    def test_exit(): sys.exit(0)
    @pytest.mark.xfail
    def test_xfailed(): assert False
    @pytest.mark.xfail
    def test_xpassed(): pass
    @pytest.mark.xfail(strict=True)
    def test_strict(): pass
    @pytest.fixture
    def broken(): raise OSError("no service")
    def test_setup(broken): pass
    @pytest.fixture
    def late():
        yield
        raise OSError("teardown")
    def test_teardown(late): pass
    @pytest.mark.parametrize("text", ["a::b", "é[0]", "with space"])
    def test_named(text): pass
    def test_hangs():
        while True:
            try:
                time.sleep(60)
            except Exception:
                pass

    class TestUnit(unittest.TestCase):
        def test_case(self): self.assertEqual(1, 1)
        def test_case_fails(self): self.assertEqual(1, 2)
        @unittest.skip("no")
        def test_case_skipped(self): pass
"""


def test_every_outcome_is_reported_as_what_it_was(tmp_path: Path) -> None:
    root = write(tmp_path, {"test_it.py": OUTCOMES})
    execution = evaluator(root).run(RunRequest((), wall_seconds=60, check_seconds=1, lean=True))
    assert {result.id.partition("::")[2]: result.outcome.value for result in execution.results} == {
        "test_passed": "passed",
        "test_failed": "failed",
        "test_raised": "failed",
        "test_skipped": "skipped",
        "test_exit": "failed",
        "test_xfailed": "xfailed",
        "test_xpassed": "xpassed",
        "test_strict": "failed",
        "test_setup": "error",
        "test_teardown": "error",
        "test_named[a::b]": "passed",
        "test_named[\\xe9[0]]": "passed",
        "test_named[with space]": "passed",
        "test_hangs": "timeout",
        "TestUnit::test_case": "passed",
        "TestUnit::test_case_fails": "failed",
        "TestUnit::test_case_skipped": "skipped",
    }
    failed = execution.result("test_it.py::test_failed")
    assert failed is not None
    assert failed.location is not None
    assert (failed.location.path, failed.location.line) == ("test_it.py", 4)
    assert failed.message == "AssertionError: assert [1, 2] == [1, 3]"
    assert execution.complete


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("import os; os._exit(0)", Outcome.CRASHED),
        ("import ctypes; ctypes.string_at(0)", Outcome.CRASHED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", Outcome.CRASHED),
        ("import os\n    if os.fork() == 0: os._exit(0)\n    os.wait()", Outcome.PASSED),
    ],
)
def test_a_dying_process_is_neither_passed_nor_failed(tmp_path: Path, body: str, outcome: Outcome) -> None:
    root = write(tmp_path, {"test_it.py": f"def test_a():\n    {body}\ndef test_b(): pass\n"})
    execution = run(root)
    assert execution.outcome("test_it.py::test_a") is outcome
    assert execution.complete is (outcome is Outcome.PASSED)


LAYOUTS = {
    "flat": {"mod.py": "X = 1", "tests/test_it.py": "from mod import X\ndef test_a(): assert X == 1"},
    "package beside tests": {
        "pkg/__init__.py": "",
        "pkg/mod.py": "X = 1",
        "tests/__init__.py": "",
        "tests/test_it.py": "from pkg.mod import X\ndef test_a(): assert X == 1",
    },
    "src": {"src/pkg/__init__.py": "X = 1", "tests/test_it.py": "import pkg\ndef test_a(): assert pkg.X == 1"},
    "namespace package": {"ns/mod.py": "X = 1", "test_it.py": "import ns.mod\ndef test_a(): assert ns.mod.X == 1"},
    "tests inside the package": {
        "pkg/__init__.py": "",
        "pkg/mod.py": "X = 1",
        "pkg/tests/__init__.py": "",
        "pkg/tests/test_it.py": "from ..mod import X\ndef test_a(): assert X == 1",
    },
    "conftest": {
        "conftest.py": "import pytest\n@pytest.fixture\ndef one(): return 1",
        "test_it.py": "def test_a(one): assert one == 1",
    },
    "import mode importlib": {
        "pytest.ini": "[pytest]\naddopts = --import-mode=importlib --strict-markers --strict-config",
        "mod.py": "X = 1",
        "a/test_it.py": "from mod import X\ndef test_a(): assert X == 1",
    },
    "options that narrow or stop": {
        "pytest.ini": "[pytest]\naddopts = -x --lf -p no:terminal",
        "test_it.py": "def test_0(): assert 0\ndef test_a(): pass",
    },
    "options that go on from an earlier run": {
        "pytest.ini": "[pytest]\naddopts = --lf --sw",
        ".pytest_cache/v/cache/lastfailed": '{"test_it.py::test_0": true}',
        ".pytest_cache/v/cache/stepwise": '"test_it.py::test_0"',
        "test_it.py": "def test_0(): assert 0\ndef test_a(): pass",
    },
    "a module of the project called pytest": {"pytest.py": "1/0", "test_it.py": "def test_a(): pass"},
    "modules of the project that hide the standard library": {
        "tests/random.py": "",
        "json/__init__.py": "raise ImportError",
        "test_it.py": "def test_a(): pass",
    },
}


@pytest.mark.parametrize("files", LAYOUTS.values(), ids=LAYOUTS)
def test_projects_are_found_as_they_are_laid_out(tmp_path: Path, files: Mapping[str, str]) -> None:
    execution = run(write(tmp_path, files))
    outcomes = {result.id.rpartition("::")[2]: result.outcome for result in execution.results}
    assert outcomes.get("test_a") is Outcome.PASSED, (execution.problem, execution.output)


def test_an_id_names_the_test_from_the_workspace_wherever_pytest_sees_its_root(tmp_path: Path) -> None:
    broken = "import pytest\n@pytest.mark.parametrize('a', [1], ids=['x/y::z'])\ndef test_a(a): assert 0\n"
    files = {
        "pyproject.toml": "",
        "tests/pytest.ini": "[pytest]\n",
        "tests/test_it.py": broken,
        "tests/test_no.py": "1/0",
    }
    root = write(tmp_path, files)
    execution = run(root, spectrum=True)
    assert [result.id for result in execution.results] == ["tests/test_no.py", "tests/test_it.py::test_a[x/y::z]"]
    assert execution.complete
    assert "tests/test_it.py::test_a[x/y::z]" in execution.spectrum
    assert run(root, "tests/test_it.py::test_a[x/y::z]").results[0].id == "tests/test_it.py::test_a[x/y::z]"


def test_a_project_inside_the_workspace_is_importable_for_its_own_tests(tmp_path: Path) -> None:
    files = {
        "pytest.ini": "[pytest]\n",
        "packages/a/pyproject.toml": "",
        "packages/a/src/mod.py": "X = 1",
        "packages/a/tests/test_it.py": "from mod import X\ndef test_a(): assert X == 1",
    }
    root = write(tmp_path, files)
    assert run(root, "packages/a/tests/test_it.py::test_a").passed == ("packages/a/tests/test_it.py::test_a",)


def test_an_import_path_of_the_caller_is_kept(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere/mod.py": "X = 1"})
    root = write(tmp_path / "project", {"test_it.py": "from mod import X\ndef test_a(): assert X == 1"})
    execution = evaluator(root, PYTHONPATH=str(tmp_path / "elsewhere")).run(RunRequest((), lean=True))
    assert execution.passed == ("test_it.py::test_a",)


def test_an_import_path_reaches_the_interpreters_that_tests_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"elsewhere/mod.py": "X = 1"})
    body = "import subprocess, sys\ndef test_a(): subprocess.run([sys.executable, '-c', 'import mod'], check=True)\n"
    root = write(tmp_path / "project", {"test_it.py": body})
    monkeypatch.chdir(tmp_path)
    execution = evaluator(root, PYTHONPATH="elsewhere").run(RunRequest((), lean=True))
    assert execution.passed == ("test_it.py::test_a",)


def test_lines_and_frames_name_the_file_behind_a_link(tmp_path: Path) -> None:
    files = {
        "real/mod.py": "def f():\n    return 1 // 0\n",
        "test_it.py": "from link import mod\ndef test_a(): mod.f()\n",
    }
    root = write(tmp_path, files)
    (root / "link").symlink_to("real", target_is_directory=True)
    execution = run(root, spectrum=True)
    failed = execution.results[0]
    assert failed.failure
    assert failed.failure.frames[-1].path == "real/mod.py"
    assert set(execution.spectrum[failed.id]) == {"real/mod.py", "test_it.py"}


def test_unsaved_buffers_and_patches_are_what_runs_and_the_disk_stays(tmp_path: Path) -> None:
    root = write(tmp_path, {"mod.py": "X = 1\nY = 1\n", "test_it.py": "import mod\ndef test_a(): assert mod.Z == 3\n"})
    before = fingerprint(root)
    overlay = {"mod.py": b"X = 1\nZ = 2\n"}
    sources = WorkspaceSources(root, overlay)
    patch = Patch((edit_between(sources.read("mod.py"), "X = 1\nZ = 3\n"),))
    assert evaluator(root, overlay).run(RunRequest((), patch, lean=True)).passed == ("test_it.py::test_a",)
    assert evaluator(root, overlay).run(RunRequest((), lean=True)).passed == ()
    assert fingerprint(root) == before


def test_a_suite_that_writes_into_the_tree_changes_nothing(tmp_path: Path) -> None:
    body = """
        import pathlib, shutil
        def test_a():
            here = pathlib.Path(__file__).parent
            (here / "new.txt").write_text("x")
            (here / "mod.py").write_text("X = 2")
            shutil.rmtree(here / "data")
    """
    root = write(tmp_path, {"test_it.py": body, "mod.py": "X = 1", "data/a.txt": "a"})
    before = fingerprint(root)
    assert run(root).passed == ("test_it.py::test_a",)
    assert fingerprint(root) == before


def test_lines_are_credited_to_each_check_that_ran_them(tmp_path: Path) -> None:
    source = "def f(x):\n    if x:\n        return 1\n    return 2\n"
    tests = "from mod import f\ndef test_a(): assert f(1)\ndef test_b(): assert f(0)\ndef test_c(): assert f(1)\n"
    execution = run(write(tmp_path, {"mod.py": source, "test_it.py": tests}), spectrum=True)
    lines = {check.partition("::")[2]: set(files.get("mod.py", ())) for check, files in execution.spectrum.items()}
    assert lines.pop(AT_IMPORT) == {1}
    assert lines == {"test_a": {2, 3}, "test_b": {2, 4}, "test_c": {2, 3}}


def test_values_at_the_failure_are_told(tmp_path: Path) -> None:
    source = "class Odd:\n    def __repr__(self): raise ValueError\ndef f(n):\n    odd = Odd()\n    return n // 0\n"
    root = write(tmp_path, {"mod.py": source, "test_it.py": "from mod import f\ndef test_a(): f(7)\n"})
    failed = run(root).results[0]
    assert failed.failure is not None
    inner = failed.failure.frames[-1]
    assert (inner.path, inner.line, inner.function) == ("mod.py", 5, "f")
    assert dict(inner.values)["n"] == "7"
    assert "Odd" in dict(inner.values)["odd"]


@pytest.mark.parametrize("spectrum", [False, True])
def test_what_the_code_under_test_says_of_itself_cannot_end_the_run(tmp_path: Path, spectrum: bool) -> None:
    body = """
        import time
        class Hangs:
            def __repr__(self):
                while True: time.sleep(1)
        class Leaves(Exception):
            def __str__(self): raise SystemExit
        def test_hangs():
            hangs = Hangs()
            assert 0
        def test_leaves(): raise Leaves
        def test_a(): pass
    """
    root = write(tmp_path, {"test_it.py": body, "pytest.ini": "[pytest]\naddopts = --showlocals\n"})
    request = RunRequest((), wall_seconds=30, check_seconds=1, spectrum=spectrum)
    execution = evaluator(root).run(request)
    assert [result.outcome.value for result in execution.results] == ["failed", "failed", "passed"]
    assert execution.complete
    assert execution.results[0].failure
    assert dict(execution.results[0].failure.frames[-1].values) == {"hangs": "<Hangs>"}


def test_the_environment_is_built_from_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-k nothing")
    body = "import os\ndef test_a():\n    assert 'SECRET_TOKEN' not in os.environ\n    assert hash('a') != 0\n"
    assert run(write(tmp_path, {"test_it.py": body})).passed == ("test_it.py::test_a",)


def test_hashes_are_reproducible_for_one_seed_and_differ_between_seeds(tmp_path: Path) -> None:
    root = write(tmp_path, {"test_it.py": "def test_a(): raise KeyError(hash('a'))"})
    said = [run(root, hash_seed=seed).results[0].message for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2]


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        ({"mod.py": ""}, ProblemKind.NO_TESTS),
        ({"test_it.py": "import no_such_package\ndef test_a(): pass"}, ProblemKind.MISSING_PACKAGE),
        ({"conftest.py": "import no_such_package", "test_it.py": "def test_a(): pass"}, ProblemKind.MISSING_PACKAGE),
        ({"pytest.ini": "[pytest]\naddopts = --no-such", "test_it.py": ""}, ProblemKind.BAD_CONFIGURATION),
        ({"conftest.py": "1/0", "test_it.py": "def test_a(): pass"}, ProblemKind.BAD_CONFIGURATION),
        (
            {"conftest.py": "def pytest_sessionstart(): 1/0", "test_it.py": "def test_a(): pass"},
            ProblemKind.BAD_CONFIGURATION,
        ),
        (
            {
                "conftest.py": "import pytest\ndef pytest_configure(): pytest.exit('no')",
                "test_it.py": "def test_a(): pass",
            },
            ProblemKind.BAD_CONFIGURATION,
        ),
        ({"test_it.py": "import os; os._exit(0)"}, ProblemKind.CRASHED),
    ],
)
def test_what_keeps_the_tests_from_running_is_named(tmp_path: Path, files: dict[str, str], kind: ProblemKind) -> None:
    problem = run(write(tmp_path, files)).problem
    assert problem is not None
    assert problem.kind is kind, problem


def test_a_suite_that_hangs_while_it_is_collected_is_ended(tmp_path: Path) -> None:
    root = write(tmp_path, {"test_it.py": "while True: pass\n"})
    problem = evaluator(root).run(RunRequest((), wall_seconds=2, lean=True)).problem
    assert problem is not None
    assert problem.kind is ProblemKind.TIMEOUT


def candidates(root: Path, texts: list[str]) -> list[Candidate]:
    source = WorkspaceSources(root, {}).read("mod.py")
    suspect = Suspect("mod.py", 1, 1.0)
    return [
        Candidate(Patch((edit_between(source, text),)), (Provenance("template", "t"),), suspect, 1.0, text)
        for text in texts
    ]


def test_screening_keeps_the_order_and_stops_when_it_is_closed(tmp_path: Path) -> None:
    root = write(tmp_path, {"mod.py": "X = 0\n", "test_it.py": "from mod import X\ndef test_a(): assert X == 2\n"})
    offered: list[str] = []

    def source() -> object:
        for candidate in candidates(root, [f"X = {number}\n" for number in range(1, 50)]):
            offered.append(candidate.summary)
            yield candidate

    screening = evaluator(root).screen(source(), RunRequest(("test_it.py::test_a",), lean=True))  # type: ignore[arg-type]
    seen = [
        (candidate.summary.strip(), bool(execution.passed))
        for candidate, execution in (next(screening), next(screening))
    ]
    assert seen == [("X = 1", False), ("X = 2", True)]
    screening.close()
    assert len(offered) < 8


def test_cancelling_ends_a_run(tmp_path: Path) -> None:
    root = write(tmp_path, {"test_it.py": "import time\ndef test_a(): time.sleep(60)\n"})
    with pytest.raises(Cancelled):
        evaluator(root, cancel_after=5).run(RunRequest((), wall_seconds=60, check_seconds=60, lean=True))
