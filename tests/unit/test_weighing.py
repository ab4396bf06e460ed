"""Which claims of a test command are believed. Nothing that speaks against a report leaves a pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixloop.evaluate.answer import Answer, read_answer, read_story
from fixloop.evaluate.command import parse_command
from fixloop.evaluate.weighing import Known, Weighed, weigh
from fixloop.records.execution import Outcome, ProblemKind
from fixloop.sandbox.job import Completed, Ended

PYTHON = "/venv/bin/python"
RETURNED = {
    "how": "returned",
    "failing": False,
    "failure": None,
    "cases": [],
    "lines": {},
    "between": {},
    "unclear": False,
}
A, B = '<testcase name="a"/>', '<testcase name="b"/>'
A_FAILS = '<testcase name="a"><failure message="x"/></testcase>'


def report(*cases: str, head: str = "") -> bytes:
    return f"<testsuite {head}>{''.join(cases)}</testsuite>".encode()


def judge(
    text: str,
    answer: Answer,
    *,
    known: Known | None = None,
    patched: bool = False,
    ended: Ended = Ended.EXITED,
    output: bytes = b"",
) -> Weighed:
    completed = Completed(ended, 0, output=output, wall_seconds=2.0)
    return weigh(answer, completed, parse_command(text, PYTHON), known or Known({}), (), patched=patched)


def outcomes(weighed: Weighed) -> dict[str, str]:
    return {result.id: result.outcome.value for result in weighed.results}


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, "passed"), (1, "failed"), (3, "failed"), (-11, "crashed"), (-9, "crashed")]
)
def test_without_a_report_the_command_is_the_only_check(status: int, outcome: str) -> None:
    assert outcomes(judge("make test", Answer(status=status))) == {"make test": outcome}


@pytest.mark.parametrize(
    ("answer", "ended", "outcome"),
    [
        (Answer(status=-9, late=True), Ended.EXITED, "timeout"),
        (Answer(), Ended.WALL_LIMIT, "timeout"),
        (Answer(), Ended.OUTPUT_LIMIT, "crashed"),
        (Answer(), Ended.EXITED, "crashed"),  # what started the command was ended itself
    ],
)
def test_a_run_that_was_cut_short_is_no_verdict(answer: Answer, ended: Ended, outcome: str) -> None:
    for text in ("make test", "tests {junit}"):
        assert outcomes(judge(text, replace(answer, reports=(report(A),)), ended=ended)) == {text: outcome}


REPORTS = {
    "agreed": (0, report(A, B), {"a": "passed", "b": "passed"}),
    "agreed that one fails": (1, report(A_FAILS, B), {"a": "failed", "b": "passed"}),
    "the status is not kept": (0, report(A_FAILS, B), {"a": "failed", "b": "passed"}),
    "nothing failed, says only the report": (1, report(A, B), {"t {junit}": "failed"}),
    "ended by a signal afterwards": (-11, report(A_FAILS, B), {"a": "failed", "t {junit}": "crashed"}),
    "a case twice, once failing": (1, report(A, A_FAILS), {"a": "failed"}),
    "counts more failures than it holds": (1, report(A_FAILS, B, head='failures="2"'), {"a": "failed"}),
    "no report, and a failure": (1, b"", {"t {junit}": "failed"}),
    "half a report, and a failure": (1, report(A)[:-4], {"t {junit}": "failed"}),
}


@pytest.mark.parametrize(("status", "data", "expected"), REPORTS.values(), ids=REPORTS)
def test_a_report_and_an_exit_status_are_set_against_each_other(
    status: int, data: bytes, expected: dict[str, str]
) -> None:
    reports = (data,) if data else ()
    assert outcomes(judge("t {junit}", Answer(status=status, reports=reports))) == expected


NOT_BELIEVED = {
    "no report": Answer(status=0),
    "too large": Answer(status=0, fault="is too large"),
    "half a report": Answer(status=0, reports=(report(A)[:-4],)),
    "more tests than cases": Answer(status=0, reports=(report(A, head='tests="9"'),)),
    "more failures than cases": Answer(status=0, reports=(report(A, head='failures="1"'),)),
    "no case": Answer(status=0, reports=(report(),)),
    "one good report and a broken one": Answer(status=0, reports=(report(A), b"<testsuite>")),
}


@pytest.mark.parametrize("answer", NOT_BELIEVED.values(), ids=NOT_BELIEVED)
def test_exit_status_0_with_such_a_report_passes_nothing(answer: Answer) -> None:
    weighed = judge("t {junit}", answer)
    assert weighed.results == ()
    assert weighed.problem


@pytest.mark.parametrize(
    ("cases", "problem"),
    [((A, B), False), ((A,), True), ((A, A, B), True), ((A, B, '<testcase name="c"/>'), False)],
    ids=["the same", "one gone", "one twice", "a new one"],
)
def test_with_a_patch_every_case_of_the_unchanged_code_is_expected(cases: tuple[str, ...], problem: bool) -> None:
    known = Known({"a": 1, "b": 1})
    weighed = judge("t {junit}", Answer(status=0, reports=(report(*cases),)), known=known, patched=True)
    assert (weighed.problem is not None) is problem
    assert ("passed" in outcomes(weighed).values()) is not problem


def test_what_no_case_explained_has_to_pass_with_a_patch() -> None:
    first = judge("t {junit}", Answer(status=1, reports=(report(A, B),)))
    assert outcomes(first) == {"t {junit}": "failed"}
    known = Known(first.counts or {}, whole=True)
    mended = judge("t {junit}", Answer(status=0, reports=(report(A, B),)), known=known, patched=True)
    assert outcomes(mended) == {"a": "passed", "b": "passed", "t {junit}": "passed"}


@pytest.mark.parametrize(
    ("story", "status", "passes"),
    [
        (RETURNED, 0, True),
        ({**RETURNED, "how": "exit"}, 0, True),
        ({**RETURNED, "how": "raised", "failing": True}, 0, False),
        (None, 0, False),
        ({**RETURNED, "cases": "x"}, 0, False),
        (RETURNED, 1, False),
    ],
    ids=["returned", "exit", "raised, then status 0", "did not come to its end", "a story of no form", "status 1"],
)
def test_a_python_program_passes_only_when_it_came_to_its_end(story: object, status: int, passes: bool) -> None:
    weighed = judge("python run.py", Answer(status=status, story=read_story(story, "/w")))
    assert (outcomes(weighed) == {"python run.py": "passed"}) is passes
    assert passes or "passed" not in outcomes(weighed).values()


@pytest.mark.parametrize(
    ("text", "answer", "kind"),
    [
        ("no-such", Answer(not_started="No such file or directory"), ProblemKind.BAD_CONFIGURATION),
        ("sh -c x", Answer(status=127), ProblemKind.BAD_CONFIGURATION),
        ("env x", Answer(status=126), ProblemKind.BAD_CONFIGURATION),
        ("make test", Answer(not_hidden="no ctypes"), ProblemKind.SANDBOX),
        ("python -m unittest", Answer(status=5, story=read_story(RETURNED, "")), ProblemKind.NO_TESTS),
        ("python -m unittest", Answer(status=0, story=read_story(RETURNED, "")), ProblemKind.NO_TESTS),
    ],
)
def test_what_could_not_run_is_named_as_that(text: str, answer: Answer, kind: ProblemKind) -> None:
    weighed = judge(text, answer)
    assert weighed.results == ()
    assert weighed.problem
    assert (weighed.problem.kind, bool(weighed.problem.remedy)) == (kind, True)


def test_i3_an_answer_without_the_token_is_ignored() -> None:
    forged = b'{"kind": "stopped", "status": 0, "late": false, "token": "guess"}\n[]\nnot json\n'
    assert read_answer(forged, "T") == Answer()


def test_tests_that_could_not_be_loaded_are_the_commands_own_failure() -> None:
    loading = '<testcase classname="unittest.loader._FailedTest" name="m"><error message="x"/></testcase>'
    weighed = judge("t {junit}", Answer(status=1, reports=(report(loading, B),)))
    assert outcomes(weighed) == {"t {junit}": Outcome.FAILED.value, "b": "passed"}
    assert weighed.counts == {"b": 1}
