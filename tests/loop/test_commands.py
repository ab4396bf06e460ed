"""Projects that do not use pytest: their test command in the real sandbox, measured and repaired."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from boxes import both_tiers
from fakes import FakeCancellation
from fixloop.evaluate.command import parse_command
from fixloop.evaluate.commanded import CommandEvaluator
from fixloop.evaluate.interpreter import find_interpreter
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.ports import RunRequest
from fixloop.records.execution import Execution
from fixloop.sandbox.run import Tier
from projects import fingerprint, write

SHOP = """
    def total(prices, discount=0):
        \"\"\"The sum.

        >>> total([1, 2], 1)
        2
        \"\"\"
        result = 0
        for price in prices:
            result += price
        return result + discount

    def double(number):
        return number * 2
"""
UNITTEST = """
    import unittest
    from shop import double, total

    class TestShop(unittest.TestCase):
        def test_total(self): self.assertEqual(total([1, 2]), 3)
        def test_discount(self): self.assertEqual(total([1, 2], 1), 2)
        def test_double(self): self.assertEqual(double(2), 4)

    if __name__ == "__main__":
        unittest.main()
"""
SCRIPT = """
    from shop import double, total
    print(b"\\xff\\xfe".decode("latin-1"))
    assert double(2) == 4
    assert total([1, 2], 1) == 2, "discount"
"""
# Writes what nose2 and its like write, of a run of unittest.
WRITER = """
    import sys, unittest
    from xml.sax.saxutils import quoteattr

    class Result(unittest.TestResult):
        def __init__(self):
            super().__init__()
            self.cases = []
        def note(self, test, inner=""):
            classname, _, name = test.id().rpartition(".")
            self.cases.append(f"<testcase classname={quoteattr(classname)} name={quoteattr(name)}>{inner}</testcase>")
        def addSuccess(self, test): self.note(test)
        def addFailure(self, test, error): self.note(test, f"<failure message={quoteattr(str(error[1]))}/>")
        addError = addFailure

    result = Result()
    unittest.defaultTestLoader.loadTestsFromName("test_shop").run(result)
    with open(sys.argv[1], "w") as file:
        file.write(f"<testsuite tests='{len(result.cases)}'>" + "".join(result.cases) + "</testsuite>")
    sys.exit("<failure" in "".join(result.cases))
"""
MAKEFILE = b"test:\n\t@python3 checks.py\n"


def fixloop(root: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command as it is installed; its exit status and the one document that it prints."""
    argv = [sys.executable, "-m", "fixloop.cli", *arguments]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@dataclass(frozen=True)
class Project:
    """``outcomes`` of the faulty code by check."""

    command: str
    files: Mapping[str, str | bytes]
    outcomes: Mapping[str, str]


CASES = {"total": "passed", "discount": "failed", "double": "passed"}
PROJECTS = {
    "unittest": Project(
        "python -m unittest",
        {"test_shop.py": UNITTEST},
        {f"test_shop.TestShop::test_{name}": outcome for name, outcome in CASES.items()},
    ),
    "a file of unittest": Project(
        "python test_shop.py",
        {"test_shop.py": UNITTEST},
        {f"__main__.TestShop::test_{name}": outcome for name, outcome in CASES.items()},
    ),
    "doctest": Project("python -m doctest shop.py", {}, {"python -m doctest shop.py": "failed"}),
    "a script": Project("python checks.py", {"checks.py": SCRIPT}, {"python checks.py": "failed"}),
    "a script that a shell starts": Project(
        "sh -c 'python3 checks.py'", {"checks.py": SCRIPT}, {"sh -c 'python3 checks.py'": "failed"}
    ),
    "make": Project("make test", {"checks.py": SCRIPT, "Makefile": MAKEFILE}, {"make test": "failed"}),
    "a program that writes JUnit XML": Project(
        "python write_report.py {junit}",
        {"test_shop.py": UNITTEST, "write_report.py": WRITER},
        {f"test_shop.TestShop::test_{name}": outcome for name, outcome in CASES.items()},
    ),
    "a shell that writes JUnit XML": Project(
        "sh -c 'python3 write_report.py \"$0\"' {junit}",
        {"test_shop.py": UNITTEST, "write_report.py": WRITER},
        {f"test_shop.TestShop::test_{name}": outcome for name, outcome in CASES.items()},
    ),
}


@pytest.mark.parametrize("project", PROJECTS.values(), ids=PROJECTS)
def test_a_project_without_pytest_is_measured_and_repaired(tmp_path: Path, project: Project) -> None:
    root = write(tmp_path, {"pyproject.toml": "", "shop.py": SHOP, **project.files})
    before = fingerprint(root)
    status, document = fixloop(root, "evaluate", "--json", "--test-command", project.command)
    assert {check["id"]: check["outcome"] for check in document["checks"]} == project.outcomes, document
    assert (status, document["status"]) == (1, "failed")
    status, document = fixloop(root, "fix", "shop.py", "--json", "--test-command", project.command)
    assert (status, document["verdict"]) == (0, "verified"), document["message"]
    assert "+    return result - discount" in document["patch"]
    assert fingerprint(root) == before
    subprocess.run(["git", "apply", "-"], input=document["patch"], text=True, cwd=root, check=True)
    status, document = fixloop(root, "evaluate", "--json", "--test-command", project.command)
    assert (status, document["counts"]["passed"]) == (0, len(project.outcomes))


@dataclass(frozen=True)
class Case:
    """``status``: exit status, then ``status`` of the document; ``says`` is in the message or in a check's."""

    command: str
    status: tuple[int, str]
    says: str = ""
    files: Mapping[str, str | bytes] = field(default_factory=dict[str, "str | bytes"])


PASSES = "<testsuite><testcase name='a'/></testsuite>"
FORGE = """
    import json, os, sys
    def attempt(what):
        try:
            what()
        except OSError:
            return
        print("REACHED", flush=True)
    parent = os.getppid()
    attempt(lambda: open(f"/proc/{parent}/mem", "rb"))
    for number in range(3, 64):
        line = json.dumps({"kind": "stopped", "status": 0, "late": False, "token": ""}).encode() + b"\\n"
        attempt(lambda: os.write(number, line))
        attempt(lambda: os.write(os.open(f"/proc/{parent}/fd/{number}", os.O_WRONLY), line))
    sys.exit(1)
"""
HARD = {
    "not found": Case("no-such-program", (2, "environment"), "could not be started"),
    "not found by a shell": Case("sh -c no-such-program", (2, "environment"), "could not be started"),
    "no such module": Case("python -m no_such_module", (2, "environment"), "is not installed"),
    "no such file": Case("python gone.py", (2, "environment"), "does not exist"),
    "no shell": Case("python a.py && python b.py", (2, "refused"), "without a shell"),
    "an open quote": Case("python 'a.py", (2, "refused"), "cannot be read"),
    "no tests": Case("python -m unittest", (2, "no_tests"), "ran no test"),
    "a signal": Case("python -c 'import os; os.kill(os.getpid(), 11)'", (2, "environment"), "signal 11"),
    "a crash": Case("python a.py", (2, "environment"), "signal 11", {"a.py": "import ctypes\nctypes.string_at(0)\n"}),
    "bytes that are no text": Case("printf '\\377\\376'", (0, "passed")),
    "bytes that are no text, and a failure": Case("sh -c 'printf \"\\377\"; exit 3'", (1, "failed"), "status is 3"),
    "ends itself with status 0": Case(
        "python a.py", (2, "environment"), "come to its end", {"a.py": "import os\nos._exit(0)\n"}
    ),
    "a fork whose parent ends with status 0": Case(
        "python a.py", (2, "environment"), "come to its end", {"a.py": "import os\nif os.fork(): os._exit(0)\n"}
    ),
    "a status changed at exit": Case(
        "python a.py", (2, "environment"), "", {"a.py": "import atexit, os\natexit.register(os._exit, 0)\nassert 0\n"}
    ),
    "no report": Case("python -c 'pass' {junit}", (2, "environment"), "was not written"),
    "a report that is a pipe": Case("mkfifo {junit}", (2, "environment"), "is no file"),
    "a report that is a link": Case("ln -s /etc/passwd {junit}", (2, "environment"), "is no file"),
    "a report that says nothing failed, and a failure": Case(
        f'sh -c \'echo "{PASSES}" > "$0"; exit 1\' {{junit}}'.replace("'a'", "a"), (1, "failed")
    ),
    "a folder of reports": Case(
        "python a.py {junit}",
        (0, "passed"),
        "",
        {"a.py": f'import os, sys\nos.mkdir(sys.argv[1])\nopen(sys.argv[1] + "/T.xml", "w").write("{PASSES}")\n'},
    ),
    "forged records": Case("python a.py", (1, "failed"), "", {"a.py": FORGE}),
}


@pytest.mark.parametrize("case", HARD.values(), ids=HARD)
def test_a_hard_case_is_never_a_pass(tmp_path: Path, case: Case) -> None:
    root = write(tmp_path, {"pyproject.toml": "", **case.files})
    status, document = fixloop(root, "evaluate", "--json", "--test-command", case.command)
    assert (status, document["status"]) == case.status, document
    said = [document["message"], *(check["message"] or "" for check in document["checks"])]
    assert any(case.says in text for text in said), document
    assert "REACHED" not in json.dumps(document)


def test_i3_a_command_reaches_neither_the_private_descriptors_nor_the_one_who_started_it(tmp_path: Path) -> None:
    reached = FORGE.replace('print("REACHED", flush=True)', "os._exit(77)")
    root = write(tmp_path, {"pyproject.toml": "", "a.py": reached})
    _, document = fixloop(root, "evaluate", "--json", "--test-command", "sh -c 'exec python3 a.py'")
    assert "status is 1" in document["checks"][0]["message"], document


HANGS = """
    def count(limit):
        number = 0
        while number < limit:
            number -= 1
        return number
"""


def test_a_loop_without_end_is_a_timeout_and_can_be_repaired(tmp_path: Path) -> None:
    checks = "from counting import count\nif count(3) != 3: raise SystemExit('not 3')\n"
    root = write(tmp_path, {"pyproject.toml": "", "counting.py": HANGS, "run_tests.py": checks})
    command = ("--test-command", "python run_tests.py", "--budget-seconds", "20")
    status, document = fixloop(root, "fix", ".", "--json", *command)
    assert (status, document["verdict"]) == (0, "verified"), document["message"]
    assert "number += 1" in document["patch"]


def test_a_story_that_is_too_long_loses_lines_and_no_verdict(tmp_path: Path) -> None:
    long = "def f(n):\n" + "    n += 1\n" * 3000 + "    return n\n"
    tests = "".join(f"    def test_{n}(self): self.assertEqual(f({n}), {3000 + n})\n" for n in range(400))
    tests += "    def test_broken(self): self.assertEqual(g(1), 1)\n"
    head = "import unittest\nfrom long import f\nfrom short import g\nclass T(unittest.TestCase):\n"
    files = {"long.py": long, "short.py": "def g(n):\n    return n + 1\n", "test_it.py": head + tests}
    root = write(tmp_path, {"pyproject.toml": "", **files})
    status, document = fixloop(root, "fix", ".", "--json", "--test-command", "python -m unittest")
    assert (status, document["verdict"]) == (0, "verified"), document["message"]
    assert "All 400 tests that passed before still pass" in json.dumps(document["evidence"])


@both_tiers
def test_every_tier_runs_a_command_on_the_workspace_as_it_shows_it(tmp_path: Path, tier: Tier) -> None:
    files = {
        "shop.py": SHOP,
        "test_shop.py": UNITTEST,
        "a.py": FORGE.replace('print("REACHED", flush=True)', "os._exit(7)"),
    }
    root = write(tmp_path, files)
    sources = WorkspaceSources(root, {})
    interpreter = find_interpreter(root, sys.executable, os.environ)

    def run(text: str) -> Execution:
        command = parse_command(text, str(interpreter.path))
        parts = (root, {}, sources, interpreter, tier, FakeCancellation(None), os.environ, 1)
        evaluator = CommandEvaluator(*parts, command=command, focus=(), check_seconds=10)
        return evaluator.run(RunRequest((), spectrum=True, wall_seconds=30))

    execution = run("python -m unittest")
    assert {
        result.id.partition("test_shop.TestShop::test_")[2]: result.outcome for result in execution.results
    } == CASES
    assert execution.broken[0].location
    assert execution.broken[0].location.path == "test_shop.py"
    assert set(execution.spectrum[execution.broken[0].id]) == {"shop.py", "test_shop.py"}
    printed = run("sh -c 'exec python3 test_shop.py'")
    assert printed.broken[0].failure
    assert printed.broken[0].failure.frames[-1].path == "test_shop.py"
    assert run("sh -c 'exec python3 a.py'").broken[0].message == "ExitStatus: the exit status is 1"


TESTS_ONLY = {
    "the script": ("python checks.py", {"checks.py": "assert 1 == 2\n"}),
    "what make starts": ("make test", {"checks.py": "def run():\n    assert 1 == 2\nrun()\n", "Makefile": MAKEFILE}),
    "a helper with its own assertions": (
        "python -c 'import helper'",
        {"helper.py": "for n in (1, 2):\n    assert n == 1\n"},
    ),
    "an example": ("python -m doctest shop.py", {"shop.py": 'def f():\n    """\n    >>> 1\n    2\n    """\n'}),
}


@pytest.mark.parametrize(("command", "files"), TESTS_ONLY.values(), ids=TESTS_ONLY)
def test_no_patch_touches_what_is_run_as_a_test(tmp_path: Path, command: str, files: Mapping[str, str]) -> None:
    root = write(tmp_path, {"pyproject.toml": "", **files})
    status, document = fixloop(root, "fix", ".", "--json", "--budget-seconds", "15", "--test-command", command)
    assert (status, document["verdict"]) == (1, None), document


def test_one_check_can_be_named_as_the_command_reports_it(tmp_path: Path) -> None:
    files = {"test_shop.py": UNITTEST.replace("total([1, 2]), 3", "total([1, 2]), 4")}
    root = write(tmp_path, {"pyproject.toml": "", "shop.py": SHOP, **files})
    command = ("--json", "--test-command", "python -m unittest")
    status, document = fixloop(root, "fix", "test_shop.TestShop::test_discount", *command)
    assert (status, document["verdict"]) == (0, "verified"), document["message"]
    status, document = fixloop(root, "evaluate", *command[:1], "test_shop.TestShop::gone", *command[1:])
    assert (status, document["status"]) == (2, "no_tests")


def test_a_workspace_cannot_choose_the_command(tmp_path: Path) -> None:
    settings = '[tool.fixloop]\ntest_command = "true"\ntest-command = "true"\ntestCommand = "true"\n'
    files = {"pyproject.toml": settings, ".vscode/settings.json": '{"fixloop.testCommand": "true"}'}
    root = write(tmp_path, {**files, "test_a.py": "def test_a(): assert 0\n"})
    status, document = fixloop(root, "evaluate", "--json")
    assert (status, [check["id"] for check in document["checks"]]) == (1, ["test_a.py::test_a"])
