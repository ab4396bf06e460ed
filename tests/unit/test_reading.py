"""What an execution showed, from what the probe reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixloop.evaluate.reading import read_execution
from fixloop.records.execution import Execution, Outcome, ProblemKind
from fixloop.report.status import sentence
from fixloop.sandbox.job import Completed, Ended

READY = {"kind": "ready", "python": "3.11", "pytest": "8"}


def result(check: str, outcome: str, **more: object) -> dict[str, object]:
    return {"kind": "result", "id": check, "outcome": outcome, "seconds": 0.1, "path": "t.py", "line": 3, **more}


def broken(check: str, exception: str, message: str) -> dict[str, object]:
    return result(check, "error", exception=exception, message=message, frames=[["t.py", 1, "<module>", []]])


def read(
    *records: dict[str, object],
    ended: Ended = Ended.EXITED,
    status: int | None = 0,
    output: str = "",
    token: str = "T",
    root: Path = Path("/nowhere"),
    detail: str = "",
) -> Execution:
    lines = [json.dumps({"token": token, **record}) for record in records]
    completed = Completed(
        ended=ended,
        status=status,
        channel="\n".join(lines).encode(),
        output=output.encode(),
        wall_seconds=5.0,
        cpu_seconds=1.0,
        detail=detail,
    )
    return read_execution(completed, "T", "python", "full", root, check_seconds=2.0)


def test_i3_forged_records_are_ignored() -> None:
    forged = read(READY, result("t.py::a", "passed"), token="guess")
    assert forged.results == ()
    assert forged.outcome("t.py::a") is Outcome.MISSING
    noise = Completed(Ended.EXITED, 0, b'not json\n[1]\n"x"\n', b"1 passed", 0.0, 0.0, "")
    assert read_execution(noise, "T", "python", "full", Path("/nowhere"), 2.0).results == ()


@pytest.mark.parametrize(
    ("ended", "status", "after", "outcome"),
    [
        (Ended.WALL_LIMIT, None, 1.0, Outcome.TIMEOUT),
        (Ended.WALL_LIMIT, None, 4.0, Outcome.MISSING),  # the run had 5 s, a check may take 2 s, this one had 1 s
        (Ended.CPU_LIMIT, None, 1.0, Outcome.TIMEOUT),
        (Ended.CPU_LIMIT, None, 4.0, Outcome.MISSING),
        (Ended.MEMORY_LIMIT, None, 4.0, Outcome.CRASHED),
        (Ended.OUTPUT_LIMIT, None, 4.0, Outcome.CRASHED),
        (Ended.EXITED, 0, 4.0, Outcome.CRASHED),
        (Ended.EXITED, -11, 4.0, Outcome.CRASHED),
    ],
)
def test_a_check_that_began_and_never_reported_has_not_passed(
    ended: Ended, status: int, after: float, outcome: Outcome
) -> None:
    started = {"kind": "started", "id": "t.py::a", "after": after}
    records = (READY, {"kind": "collected", "ids": ["t.py::a", "t.py::b"]}, started)
    execution = read(*records, ended=ended, status=status)
    assert execution.outcome("t.py::a") is outcome
    assert execution.outcome("t.py::b") is Outcome.MISSING
    assert not execution.complete


def test_a_limit_that_ended_the_run_is_said() -> None:
    started = {"kind": "started", "id": "t.py::a", "after": 4.0}
    execution = read(READY, started, ended=Ended.MEMORY_LIMIT, status=None, detail="Too much.")
    assert execution.limit == "Too much."
    assert [check.message for check in execution.results] == ["MemoryLimit: Too much."]
    assert sentence(execution).endswith("The run ended before every test had reported. Too much.")


def test_a_failure_names_the_limit_that_may_be_behind_it() -> None:
    check = read(READY, broken("t.py::a", "OSError", "[Errno 24] Too many open files: 'x'\nmore")).results[0]
    hint = "It reported 'Too many open files'; the sandbox allows 1,024 open files to one process."
    assert check.outcome is Outcome.ERROR
    assert check.message == f"OSError: [Errno 24] Too many open files: 'x' ({hint})"


MISSING = "No module named 'numpy'"


@pytest.mark.parametrize(
    ("records", "more", "kind"),
    [
        ((), {"ended": Ended.NOT_STARTED}, ProblemKind.SANDBOX),
        ((), {"status": 1, "output": "Fatal Python error"}, ProblemKind.NO_INTERPRETER),
        (({"kind": "problem", "what": "no_pytest", "message": ""},), {}, ProblemKind.NO_PYTEST),
        ((READY, {"kind": "end", "status": 5}), {}, ProblemKind.NO_TESTS),
        ((READY, {"kind": "end", "status": 4}), {"output": "ERROR: not found: t.py::zz"}, ProblemKind.NO_TESTS),
        (
            (READY, {"kind": "end", "status": 4}),
            {"output": "x: error: unrecognized arguments: --cov"},
            ProblemKind.BAD_CONFIGURATION,
        ),
        (
            (READY, {"kind": "end", "status": 4}),
            {"output": f"conftest.py:1\nE   ModuleNotFoundError: {MISSING}"},
            ProblemKind.MISSING_PACKAGE,
        ),
        ((READY, broken("t.py", "ModuleNotFoundError", MISSING)), {}, ProblemKind.MISSING_PACKAGE),
        ((READY,), {"ended": Ended.WALL_LIMIT}, ProblemKind.TIMEOUT),
        (
            (READY, {"kind": "collected", "ids": ["t.py::a"]}, {"kind": "started", "id": "t.py::a", "after": 4.0}),
            {"ended": Ended.WALL_LIMIT},
            ProblemKind.TIMEOUT,
        ),
        (
            (
                READY,
                {"kind": "collected", "ids": ["t.py::a", "t.py::b"]},
                result("t.py::a", "passed"),
                {"kind": "end", "status": 3},
            ),
            {"output": "INTERNALERROR> ValueError: a plugin"},
            ProblemKind.BAD_CONFIGURATION,
        ),
        ((READY,), {"status": -11}, ProblemKind.CRASHED),
        ((READY,), {"ended": Ended.MEMORY_LIMIT}, ProblemKind.LIMIT),
        ((), {"ended": Ended.CPU_LIMIT}, ProblemKind.LIMIT),
        ((READY,), {"ended": Ended.OUTPUT_LIMIT}, ProblemKind.LIMIT),
    ],
)
def test_a_failure_of_the_environment_is_named_as_that(records: tuple, more: dict, kind: ProblemKind) -> None:
    problem = read(*records, **more).problem
    assert problem is not None
    assert problem.kind is kind
    assert problem.remedy


@pytest.mark.parametrize(
    "records",
    [
        (broken("t.py", "ModuleNotFoundError", "No module named 'colections'"),),  # a slip in the code
        (broken("t.py", "ModuleNotFoundError", MISSING), result("u.py::a", "passed")),
        (broken("t.py", "NameError", "name 'x' is not defined"),),
    ],
)
def test_what_a_patch_could_mend_is_not_the_environment(records: tuple) -> None:
    assert read(READY, *records).problem is None


def test_a_file_that_cannot_be_collected_points_to_where_it_broke() -> None:
    execution = read(READY, {**broken("t.py", "NameError", "name 'x' is not defined"), "line": 0})
    found = execution.result("t.py")
    assert found is not None
    assert (found.location.path, found.location.line) == ("t.py", 1) if found.location else None
    assert found.message == "NameError: name 'x' is not defined"


def test_a_check_that_ran_twice_has_passed_only_if_it_passed_twice() -> None:
    for outcomes in (("failed", "passed"), ("passed", "failed"), ("skipped", "passed"), ("passed", "xfailed")):
        execution = read(READY, *(result("t.py::a", outcome) for outcome in outcomes))
        assert execution.passed == ()
        assert execution.broken or "failed" not in outcomes
