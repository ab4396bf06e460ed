"""Suspects from outcomes and lines."""

from __future__ import annotations

import pytest

from fakes import FakeSources
from fixloop.localize.rank import rank_suspects
from fixloop.records.execution import CheckResult, Failure, Frame, Outcome

SOURCE = """\
RATE = 3
LIMITS = {"a": 1}

def price(n, rate=RATE):
    if n > 2:
        return n * rate
    return n

class Shop:
    tax = 2

    def total(self, n):
        return price(n) * self.tax
"""


def failing(name: str, *lines: int) -> CheckResult:
    frames = tuple(Frame("a.py", line, "f") for line in lines)
    return CheckResult(name, Outcome.FAILED, failure=Failure("AssertionError", "", frames))


def ranked(targets: list[CheckResult], spectrum: dict[str, set[int]], passed: list[str]) -> list[tuple[int, float]]:
    sources = FakeSources({"a.py": SOURCE, "test_a.py": ""})
    full = {check: {"a.py": frozenset(lines), "test_a.py": frozenset({1})} for check, lines in spectrum.items()}
    return [(suspect.line, suspect.score) for suspect in rank_suspects(targets, passed, full, sources)]


def test_lines_that_only_failing_checks_run_come_first() -> None:
    suspects = ranked([failing("f")], {"f": {5, 6}, "p": {5, 7}}, ["p"])
    assert suspects[0] == (6, 0.8)
    assert dict(suspects)[5] == pytest.approx(0.8 / 2**0.5, abs=1e-6)
    assert 7 not in dict(suspects)


def test_the_innermost_frame_of_the_traceback_breaks_ties() -> None:
    suspects = ranked([failing("f", 13, 6)], {"f": {5, 6, 13}}, [])
    assert [line for line, _ in suspects[:3]] == [6, 13, 5]


def test_definitions_that_feed_suspicious_lines_are_suspects_too() -> None:
    lines = dict(ranked([failing("f")], {"f": {5, 6, 13}}, []))
    assert lines[4] == pytest.approx(0.48)  # the header: its defaults
    assert lines[10] == pytest.approx(0.48)  # the class attribute that line 13 reads
    assert 1 not in lines  # RATE feeds the header only, which is a guess already
    assert 2 not in lines


def test_tests_are_never_suspects() -> None:
    sources = FakeSources({"test_a.py": ""})
    spectrum = {"f": {"test_a.py": frozenset({1})}}
    assert rank_suspects([failing("f")], [], spectrum, sources) == ()


def test_a_file_that_does_not_parse_keeps_its_traced_lines() -> None:
    sources = FakeSources({"a.py": "def f(:\n    x\n"})
    assert [suspect.line for suspect in rank_suspects([failing("f", 2)], [], {}, sources)] == [2]
