"""What counts as passed."""

from __future__ import annotations

import pytest

from fixloop.judge.gates import has_passed
from fixloop.records.execution import CheckResult, Execution, Outcome


@pytest.mark.parametrize(
    ("target", "outcomes", "expected"),
    [
        ("t.py::a", {"t.py::a": "passed"}, True),
        ("t.py::a", {"t.py::a": "skipped"}, False),
        ("t.py::a", {}, False),
        ("t.py::a", {"t.py::ab": "passed"}, False),
        ("t.py", {"t.py::a": "passed", "t.py::b": "skipped"}, True),
        ("t.py", {"t.py::a": "passed", "t.py::b": "failed"}, False),
        ("t.py", {"t.py": "error", "t.py::a": "passed"}, False),
        ("t.py", {"t.py::a": "skipped"}, False),
        ("t.py::T", {"t.py::T::a": "passed"}, True),
        ("t.py::T", {"t.py::T::a": "passed", "t.py::T::b": "error"}, False),
        ("t.py::T", {"t.py::T": "error"}, False),
        ("t.py::T", {"t.py::Tb::a": "passed"}, False),
    ],
)
def test_a_file_or_class_that_could_not_be_collected_passes_with_what_it_holds(
    target: str, outcomes: dict[str, str], expected: bool
) -> None:
    results = tuple(CheckResult(check, Outcome(outcome)) for check, outcome in outcomes.items())
    assert has_passed(target, Execution(results, "python", "none")) is expected
