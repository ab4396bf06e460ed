"""What a newcomer runs into: each case a clear sentence, the documented exit status, and nothing changed on disk."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from projects import fingerprint, write

GOOD = {"mod.py": "def f():\n    return 1\n", "test_mod.py": "from mod import f\ndef test_f():\n    assert f() == 1\n"}
HANG = "import time\ndef test_f():\n    while True: time.sleep(1)\n"
WRITES = "import pathlib\ndef test_f():\n    pathlib.Path(__file__).write_text('x = 1')\n    assert False\n"


@dataclass(frozen=True)
class Case:
    """``evaluated`` and ``fixed``: exit status, then ``status`` or ``stop_reason``, then what the message says."""

    files: dict[str, str | bytes]
    target: str
    evaluated: tuple[int, str, str]
    fixed: tuple[int, str, str]
    options: tuple[str, ...] = ()
    mode: dict[str, int] = field(default_factory=dict)


CASES = {
    "all green": Case(GOOD, "test_mod.py", (0, "passed", "1"), (3, "nothing_failing", "1 test passed")),
    "no tests": Case(
        {"mod.py": "x = 1\n"},
        "mod.py",
        (2, "no_tests", "No tests were found"),
        (2, "environment", "No tests were found"),
    ),
    "syntax error in the source": Case(
        {**GOOD, "mod.py": "def f(:\n    return 1\n"},
        "mod.py",
        (1, "failed", ""),
        (2, "environment", r"mod\.py, line 1 is not valid Python"),
    ),
    "syntax error in the test": Case(
        {**GOOD, "test_mod.py": "def test_f(:\n"},
        "test_mod.py",
        (1, "failed", ""),
        (2, "environment", r"test_mod\.py, line 1 is not valid Python"),
    ),
    "missing package": Case(
        {"test_mod.py": "import no_such_package\ndef test_f(): pass\n"},
        "test_mod.py",
        (2, "environment", "`no_such_package` is not installed"),
        (2, "environment", "`no_such_package` is not installed"),
    ),
    "wrong interpreter": Case(
        GOOD,
        "test_mod.py",
        (2, "environment", "/no/such/python does not exist"),
        (2, "environment", "/no/such/python does not exist"),
        options=("--interpreter", "/no/such/python"),
    ),
    "an interpreter that is none": Case(
        GOOD,
        "test_mod.py",
        (2, "environment", "does not run as a Python interpreter"),
        (2, "environment", "does not run as a Python interpreter"),
        options=("--interpreter", "/bin/true"),
    ),
    "a suite that hangs": Case(
        {**GOOD, "test_mod.py": HANG},
        "test_mod.py",
        (2, "timeout", ""),
        (1, "exhausted", "No line that a fix may change"),
        options=("--test-seconds", "1"),
    ),
    "a suite that writes into the tree": Case(
        {**GOOD, "test_mod.py": WRITES},
        "test_mod.py",
        (1, "failed", ""),
        (1, "exhausted", "No line that a fix may change"),
    ),
    "unreadable file": Case(
        {**GOOD, "mod.py": b"x = '\xff'\n"},
        "mod.py",
        (2, "refused", "mod.py cannot be decoded"),
        (2, "refused", "mod.py cannot be decoded"),
    ),
    "file without permission": Case(
        GOOD,
        "mod.py",
        (2, "refused", "permission denied"),
        (2, "refused", "permission denied"),
        mode={"mod.py": 0},
    ),
    "not a Python file": Case(
        {**GOOD, "notes.txt": "hello"},
        "notes.txt",
        (2, "refused", "is not a Python file"),
        (2, "refused", "is not a Python file"),
    ),
    "no such file": Case(GOOD, "gone.py", (2, "refused", "does not exist"), (2, "refused", "does not exist")),
    "no such test": Case(
        GOOD, "test_mod.py::test_g", (2, "no_tests", "no such test"), (2, "environment", "no such test")
    ),
    "outside the workspace": Case(
        GOOD, "../elsewhere.py", (2, "refused", "outside the workspace"), (2, "refused", "outside the workspace")
    ),
    "an unknown model": Case(
        GOOD,
        "test_mod.py",
        (0, "passed", ""),
        (2, "refused", "repairs offline only"),
        options=("--model", "some/model"),
    ),
}

# Root reads every file unless it gives that up.
ORDINARY = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()


def fixloop(cwd: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command as it is installed; its exit status and the one document that it prints."""
    done = subprocess.run(
        [*ORDINARY, sys.executable, "-m", "fixloop.cli", *arguments],
        cwd=cwd,
        env={**os.environ, "HOME": str(cwd), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("command", ["evaluate", "fix"])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_hard_case(tmp_path: Path, case: Case, command: str) -> None:
    root = write(tmp_path / "project", {"pyproject.toml": "", **case.files})
    (tmp_path / "elsewhere.py").write_text("")
    for name, mode in case.mode.items():
        (root / name).chmod(mode)
    before = fingerprint(tmp_path)
    options = tuple(option for option in case.options if command == "fix" or option not in {"--model", "some/model"})
    status, document = fixloop(root, command, "--json", *options, case.target)
    expected, word, says = case.fixed if command == "fix" else case.evaluated
    found = document["stop_reason" if command == "fix" else "status"]
    assert (status, found) == (expected, word), document["message"]
    assert re.search(says, document["message"])
    assert "Traceback" not in document["message"]
    assert fingerprint(tmp_path) == before


def test_i2_nothing_is_written_without_apply(tmp_path: Path) -> None:
    files = {
        "mod.py": "def f(n):\n    return n + 2\n",
        "test_mod.py": "from mod import f\ndef test_f(): assert f(1) == 2\n",
    }
    root = write(tmp_path, {"pyproject.toml": "", **files})
    before = fingerprint(root)
    status, document = fixloop(root, "fix", "--json", "test_mod.py")
    assert (status, document["verdict"]) == (0, "verified")
    assert fingerprint(root) == before
    subprocess.run(["git", "apply", "-"], input=document["patch"], text=True, cwd=root, check=True)
    assert fixloop(root, "evaluate", "--json")[0] == 0
    (root / "mod.py").write_text(files["mod.py"])
    assert fixloop(root, "fix", "--json", "--apply", "test_mod.py")[0] == 0
    assert fixloop(root, "evaluate", "--json")[0] == 0
