"""A JUnit report is a claim: what is read from one, and what refuses to be read."""

from __future__ import annotations

import pytest

from fixloop.evaluate.junit import BadReport, Report, read_report
from fixloop.records.execution import Location, Outcome

ROOT = "/w"
TEXT = (
    "Traceback (most recent call last):\n  File &quot;/w/test_shop.py&quot;, line 7, in test_b\n    x\nValueError: no"
)


def read(cases: str, head: str = "") -> Report:
    return read_report(f"<testsuites><testsuite {head}>{cases}</testsuite></testsuites>".encode(), ROOT)


@pytest.mark.parametrize(
    ("case", "name", "outcome", "message"),
    [
        ('<testcase classname="m.T" name="a" time="0.5"/>', "m.T::a", Outcome.PASSED, None),
        ('<testcase name="a"/>', "a", Outcome.PASSED, None),
        ('<testcase name="a"><system-out>failure</system-out></testcase>', "a", Outcome.PASSED, None),
        ('<testcase name="a"><skipped/></testcase>', "a", Outcome.SKIPPED, None),
        ('<testcase name="a" status="notrun"/>', "a", Outcome.SKIPPED, None),
        ('<testcase name="a"><failure message="AssertionError: 1 != 2"/></testcase>', "a", Outcome.FAILED, "1 != 2"),
        ('<testcase name="a"><error type="builtins.KeyError" message="k"/></testcase>', "a", Outcome.FAILED, "k"),
        (f'<testcase name="a"><failure message="test failure">{TEXT}</failure></testcase>', "a", Outcome.FAILED, "no"),
        ('<testcase name="a"><failure message="x"/><skipped/></testcase>', "a", Outcome.FAILED, "x"),
        ('<testcase name="a"><flakyFailure message="x"/></testcase>', "a", Outcome.FAILED, "x"),
        ('<testcase name="a"><rerunFailure message="x"/></testcase>', "a", Outcome.FAILED, "x"),
    ],
)
def test_a_case_is_what_its_report_says(case: str, name: str, outcome: Outcome, message: str | None) -> None:
    (found,) = read(case).cases
    assert (found.name, found.outcome) == (name, outcome)
    assert (found.failure.message if found.failure else None) == message


def test_a_failure_has_its_frames_and_its_place() -> None:
    (found,) = read(f'<testcase name="b" file="test_shop.py" line="3"><error>{TEXT}</error></testcase>').cases
    assert found.failure
    assert found.failure.exception == "ValueError"
    assert [(frame.path, frame.line, frame.function) for frame in found.failure.frames] == [
        ("test_shop.py", 7, "test_b")
    ]
    assert found.location == Location("test_shop.py", 7)
    (passed,) = read('<testcase name="b" file="test_shop.py" line="3"/>').cases
    assert passed.location == Location("test_shop.py", 3)
    (outside,) = read('<testcase name="b" file="/etc/passwd" line="3"/>').cases
    assert outside.location is None


BOMB = (
    b'<!DOCTYPE t [<!ENTITY a "0000000000"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
    b'<testsuite><testcase name="&c;"/></testsuite>'
)
REFUSED = {
    "empty": b" ",
    "text": b"1 passed",
    "truncated": b'<testsuite tests="2"><testcase name="a"/>',
    "two documents": b"<testsuite/><testsuite/>",
    "entity bomb": BOMB,
    "external entity": b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="&x;"/>',
    "external type": b'<!DOCTYPE t SYSTEM "http://127.0.0.1/t.dtd"><testsuite/>',
    "unknown entity": b'<testsuite><testcase name="&x;"/></testsuite>',
    "another format": b"<html><testcase name='a'/></html>",
    "a case inside a case": b'<testsuite><testcase name="a"><testcase name="b"/></testcase></testsuite>',
    "a case outside a suite": b'<testsuites><testcase name="a"/></testsuites>',
    "a case without a name": b'<testsuite><testcase classname="a"/></testsuite>',
    "not the encoding it declares": b'<?xml version="1.0" encoding="utf-8"?><testsuite name="\xff"/>',
    "an encoding that there is not": b'<?xml version="1.0" encoding="none-such"?><testsuite/>',
    "nested without end": b"<testsuite>" * 100_000,
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(BadReport):
        read_report(data, ROOT)


@pytest.mark.parametrize(
    ("head", "excess"),
    [
        ('tests="2"', "counts 2 tests and holds 1"),
        ('tests="1" failures="1"', "counts 1 failures and holds 0"),
        ('tests="1" errors="1" failures="0"', "counts 1 failures and holds 0"),
        ('tests="1" errors="0" failures="0"', ""),
        ('tests="0"', ""),
        ('tests="many"', ""),
        ("", ""),
    ],
)
def test_a_report_that_counts_more_than_it_holds_says_so(head: str, excess: str) -> None:
    assert read('<testcase name="a"/>', head).excess == excess


@pytest.mark.parametrize(
    "case",
    [
        '<testcase classname="unittest.loader._FailedTest" name="test_shop"><error/></testcase>',
        '<testcase classname="nose2.loader.LoadTestsFailure" name="test_shop"><error/></testcase>',
        '<testcase classname="" name="tests.test_shop"><error message="collection failure"/></testcase>',
        '<testcase classname="m.T" name="setUpClass (m.T)"><error/></testcase>',
    ],
)
def test_a_case_that_stands_for_others_is_known(case: str) -> None:
    assert read(case).cases[0].loading
