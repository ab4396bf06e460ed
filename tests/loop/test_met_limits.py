"""A check that met a limit of the sandbox says so, and a run that a limit ended is no verdict about its checks."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from fakes import FakeCancellation
from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.interpreter import find_interpreter
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.ports import RunRequest
from fixloop.records.execution import Execution, Outcome, ProblemKind
from fixloop.report.status import Status, sentence, status_of
from fixloop.sandbox.run import choose_tier
from projects import write

# Children are forked, as one process cannot take more than the limit.
HOG = """
    import os, time

    def hog():
        for _ in range(4):
            if os.fork() == 0:
                data = [b"x" * (1 << 30), b"x" * (200 << 20)]
                time.sleep(60)
        time.sleep(60)
"""
MEETS = """
    import os, subprocess, sys

    def test_descriptors():
        files = [open(__file__) for _ in range(2000)]

    def test_one_allocation():
        bytearray(1 << 40)

    def test_a_file():
        with open("big", "wb") as file:
            file.write(bytes(300 << 20))

    def test_other():
        assert 1 == 2
"""


def run(root: Path) -> Execution:
    sources = WorkspaceSources(root, {})
    interpreter = find_interpreter(root, None, os.environ)
    cold = ColdEvaluator(root, {}, sources, interpreter, choose_tier().tier, FakeCancellation(), {}, workers=1)
    return cold.run(RunRequest((), wall_seconds=40, check_seconds=30, lean=True))


def test_a_check_that_met_a_limit_says_which(tmp_path: Path) -> None:
    execution = run(write(tmp_path, {"test_it.py": MEETS}))
    said = {result.id.split("::")[1]: result for result in execution.results}
    assert {result.outcome for result in said.values()} == {Outcome.FAILED}
    for check, allowed in (
        ("test_descriptors", "1,024 open files to one process"),
        ("test_one_allocation", "4 GiB of memory"),
        ("test_a_file", "files of at most 256 MiB"),
    ):
        assert f"the sandbox allows {allowed}" in (said[check].message or "")
    assert "sandbox" not in (said["test_other"].message or "")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what all processes of a run use")
def test_memory_ends_the_run_and_is_no_failure(tmp_path: Path) -> None:
    test = "from hog import hog\ndef test_fine(): pass\ndef test_hog(): hog()\ndef test_later(): pass\n"
    execution = run(write(tmp_path, {"hog.py": HOG, "test_it.py": test}))
    assert execution.outcome("test_it.py::test_fine") is Outcome.PASSED
    assert execution.outcome("test_it.py::test_hog") is Outcome.CRASHED
    assert execution.outcome("test_it.py::test_later") is Outcome.MISSING
    assert (execution.complete, status_of(execution)) == (False, Status.ENVIRONMENT)
    assert "together held more than the 4 GiB allowed them" in sentence(execution)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what all processes of a run use")
def test_memory_before_any_test_is_a_problem_of_its_own(tmp_path: Path) -> None:
    execution = run(write(tmp_path, {"hog.py": HOG, "test_it.py": "from hog import hog\nhog()\n"}))
    assert execution.problem is not None
    assert execution.problem.kind is ProblemKind.LIMIT
    assert "4 GiB" in execution.problem.message
