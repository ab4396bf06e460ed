"""What results become: documents, diffs, sentences and the handoff note."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fakes import FakeSources
from fixloop.evaluate.static import Diagnostic, Report
from fixloop.records.attempt import Attempt, Candidate, Evidence, Provenance, Suspect, Verdict
from fixloop.records.events import Finding, Outcomes, RepairResult, StopReason
from fixloop.records.execution import CheckResult, Execution, Failure, Frame, Location, Outcome, Problem, ProblemKind
from fixloop.records.source import Edit, FileEdit, Patch, SourceText, Span, StaleText, edit_between
from fixloop.report.diff import diff_bytes, diff_text
from fixloop.report.doctor import DoctorItem, can_repair
from fixloop.report.documents import doctor_document, evaluation_document, no_evaluation_document, repair_document
from fixloop.report.handoff import handoff
from fixloop.report.status import Status, sentence, status_of
from fixloop.report.words import duration, one_line, printable
from fixloop.sandbox.gaps import gaps_of

NOTHING = {"read": [], "ports": [], "env": []}
CART = "def discount(total, items):\n    if items > 3:\n        return total * 0.9\n    return total\n"
TEST = "def test_three():\n    assert discount(100, 3) == 90\n"
SOURCES = FakeSources({"cart.py": CART, "test_cart.py": TEST})
FAILING = CheckResult(
    "test_cart.py::test_three",
    Outcome.FAILED,
    0.01,
    Location("test_cart.py", 2),
    Failure(
        "AssertionError",
        "assert 100 == 90\n +  where ...",
        (Frame("test_cart.py", 2, "test_three"), Frame("cart.py", 4, "discount", (("items", "3"), ("total", "100")))),
    ),
)
OTHER = CheckResult("test_cart.py::test_four", Outcome.ERROR)
HELD = Evidence("target", held=True, detail="The failing test now passes.")
REFUSED = Evidence("regression", held=False, detail="Passed before, not now: test_cart.py::test_two.")


def patch_of(old: str, new: str, path: str = "cart.py") -> Patch:
    source = SOURCES.read(path)
    return Patch((edit_between(source, source.text.replace(old, new)),))


def candidate(old: str, new: str, template: str = "comparison-boundary") -> Candidate:
    made = (Provenance("template", template),)
    return Candidate(patch_of(old, new), made, Suspect("cart.py", 2, 0.9), 1.0, f"replace `{old}` by `{new}`")


GOOD = candidate(">", ">=")


def finding(verdict: Verdict, *evidence: Evidence) -> Finding:
    return Finding(GOOD, GOOD.patch, verdict, evidence)


def rejected(old: str, new: str, template: str, *fixed: str) -> Attempt:
    still = tuple(check.id for check in (FAILING, OTHER) if check.id not in fixed)
    return Attempt(candidate(old, new, template), Verdict.REJECTED, f"{still[0]}: assert 1 == 2", fixed, still)


def result(reason: StopReason, **fields: object) -> RepairResult:
    known: dict[str, object] = {
        "targets": (FAILING,),
        "suspects": (Suspect("cart.py", 2, 0.91234), Suspect("gone.py", 1, 0.5)),
        "candidates": 7,
        "wall_seconds": 1.23456,
        "cpu_seconds": 0.5,
        "baseline": Outcomes(passed=2, failed=1),
        "scope": "the whole suite",
        "interpreter": "/env/bin/python",
        "tier": "full",
    }
    return RepairResult(reason, reason.value, **{**known, **fields})  # pyright: ignore[reportArgumentType]


VERIFIED = result(
    StopReason.VERIFIED,
    finding=finding(Verdict.VERIFIED, HELD),
    alternatives=(finding(Verdict.PLAUSIBLE, REFUSED),),
    trajectory=(Attempt(GOOD, Verdict.VERIFIED, "Every gate held.", (FAILING.id,)),),
)


def test_the_document_of_a_verified_repair() -> None:
    diff = diff_text(GOOD.patch, SOURCES.read)
    assert repair_document(VERIFIED, SOURCES.read, None) == {
        "version": 1,
        "stop_reason": "verified",
        "message": "A fix was found and verified.",
        "verdict": "verified",
        "patch": diff,
        "files": [
            {
                "path": "cart.py",
                "base_sha256": SOURCES.read("cart.py").sha256,
                "edits": [{"start": 42, "end": 42, "start_line": 2, "replacement": "="}],
            }
        ],
        "evidence": [{"gate": "target", "held": True, "detail": "The failing test now passes."}],
        "alternatives": [
            {
                "patch": diff,
                "verdict": "plausible",
                "evidence": [{"gate": "regression", "held": False, "detail": REFUSED.detail}],
                "summary": "replace `>` by `>=`",
            }
        ],
        "suspects": [
            {"path": "cart.py", "line": 2, "score": 0.9123},
            {"path": "gone.py", "line": 1, "score": 0.5},
        ],
        "attempts": 1,
        "candidates": 7,
        "seconds": {"wall": 1.235, "cpu": 0.5},
        "model": None,
        "sandbox": {"tier": "full", "gaps": list(gaps_of("full")), "grants": NOTHING},
        "interpreter": "/env/bin/python",
        "baseline": {"passed": 2, "failed": 1},
        "scope": "the whole suite",
        "notes": [],
        "handoff": None,
    }


@pytest.mark.parametrize("reason", StopReason)
def test_every_stop_reason_has_the_same_keys(reason: StopReason) -> None:
    document = repair_document(RepairResult(reason, "said"), SOURCES.read, None)
    assert document.keys() == repair_document(VERIFIED, SOURCES.read, None).keys()
    assert (document["stop_reason"], document["verdict"], document["patch"]) == (reason.name.lower(), None, None)
    assert json.loads(json.dumps(document)) == document


@pytest.mark.parametrize(
    "data",
    [
        b"a = 7\n",
        "s = 'é'; a = 7\n".encode(),
        b"\xef\xbb\xbfs = 'x'; a = 7\r\n",
        b"# coding: latin-1\ns = '\xe9'; a = 7\n",
    ],
)
def test_byte_offsets_point_into_the_file(data: bytes) -> None:
    source = SourceText("m.py", data)
    start = source.text.index("7")
    patch = Patch((FileEdit("m.py", source.sha256, (Edit(Span(start, start + 1), "22"),)),))
    found = Finding(GOOD, patch, Verdict.VERIFIED, ())
    document = repair_document(result(StopReason.VERIFIED, finding=found), lambda _: source, None)
    (edit,) = document["files"][0]["edits"]
    changed = data[: edit["start"]] + edit["replacement"].encode() + data[edit["end"] :]
    assert changed == data.replace(b"7", b"22")
    assert changed == patch.files[0].apply(source).data


EVALUATION_KEYS = [
    "version", "status", "message", "checks", "counts", "lint", "types", "interpreter", "sandbox", "seconds", "scope",
    "notes",
]  # fmt: skip


def test_the_document_of_an_evaluation() -> None:
    execution = Execution((FAILING, CheckResult("t.py::ok", Outcome.PASSED, 0.25)), "/py", "reduced", 1.5)
    lint = Report("ruff", (Diagnostic("cart.py", 3, "F401", "unused"),))
    document = evaluation_document(execution, lint, Report(None, (), "None is configured."), "test_cart.py")
    assert list(document) == EVALUATION_KEYS
    assert document["status"] == "failed"
    assert document["message"] == "1 failed, 1 passed in 1.5 s."
    assert document["checks"] == [
        {
            "id": "test_cart.py::test_three",
            "outcome": "failed",
            "seconds": 0.01,
            "message": "AssertionError: assert 100 == 90",
            "location": {"path": "test_cart.py", "line": 2},
        },
        {"id": "t.py::ok", "outcome": "passed", "seconds": 0.25, "message": None, "location": None},
    ]
    assert document["counts"] == {outcome.value: 0 for outcome in Outcome} | {"failed": 1, "passed": 1, "total": 2}
    assert document["lint"] == {
        "tool": "ruff",
        "diagnostics": [{"path": "cart.py", "line": 3, "code": "F401", "message": "unused"}],
        "note": "",
    }
    assert document["types"] == {"tool": None, "diagnostics": [], "note": "None is configured."}
    sandbox = {"tier": "reduced", "gaps": list(gaps_of("reduced")), "grants": NOTHING}
    assert (document["sandbox"], document["seconds"]) == (sandbox, 1.5)


def test_an_evaluation_that_did_not_happen_has_the_same_keys() -> None:
    document = no_evaluation_document(Status.CANCELLED, "Cancelled.")
    assert list(document) == EVALUATION_KEYS
    assert document["status"] == "cancelled"


def outcomes(*given: Outcome, problem: ProblemKind | None = None, complete: bool = True) -> Execution:
    results = tuple(CheckResult(f"t.py::t{n}", outcome) for n, outcome in enumerate(given))
    said = Problem(problem, "It is so.", "Do this.") if problem else None
    return Execution(results, "/py", "reduced", 1.0, problem=said, complete=complete)


@pytest.mark.parametrize(
    ("execution", "status", "said"),
    [
        (outcomes(Outcome.PASSED, Outcome.SKIPPED), Status.PASSED, "1 passed, 1 skipped in 1.0 s."),
        (outcomes(Outcome.PASSED, Outcome.FAILED), Status.FAILED, "1 failed, 1 passed in 1.0 s."),
        (outcomes(Outcome.ERROR, Outcome.ERROR), Status.FAILED, "2 errors in 1.0 s."),
        (outcomes(Outcome.TIMEOUT, Outcome.FAILED), Status.FAILED, "1 failed, 1 timed out in 1.0 s."),
        (outcomes(Outcome.TIMEOUT, Outcome.PASSED), Status.TIMEOUT, "1 timed out, 1 passed in 1.0 s."),
        (outcomes(Outcome.CRASHED, Outcome.PASSED), Status.ENVIRONMENT, "1 crashed, 1 passed in 1.0 s."),
        (
            outcomes(complete=False),
            Status.TIMEOUT,
            "No test ended in 1.0 s. The run ended before every test had reported.",
        ),
        (outcomes(), Status.NO_TESTS, "No test was found."),
        (outcomes(problem=ProblemKind.NO_TESTS), Status.NO_TESTS, "It is so. Do this."),
        (outcomes(problem=ProblemKind.TIMEOUT), Status.TIMEOUT, "It is so. Do this."),
        (outcomes(problem=ProblemKind.NO_PYTEST), Status.ENVIRONMENT, "It is so. Do this."),
        (outcomes(problem=ProblemKind.CRASHED), Status.ENVIRONMENT, "It is so. Do this."),
    ],
)
def test_the_status_of_an_evaluation(execution: Execution, status: Status, said: str) -> None:
    assert (status_of(execution), sentence(execution)) == (status, said)


@pytest.mark.parametrize(
    ("path", "data", "old", "new"),
    [
        ("m.py", b"a = 1\nb = 2\n", "2", "3"),
        ("pkg/with space.py", b"a = 1\n", "1", "2"),
        ("m.py", b"a = 1\r\nb = 2\r\nc = 3\r\n", "2", "22"),
        ("m.py", b"a = 1\nb = 2", "2", "3"),
        ("m.py", b"\xef\xbb\xbfa = 1\nb = 2\n", "1", "3"),
        ("m.py", b"# coding: latin-1\na = '\xe9'\nb = 2\n", "2", "3"),
        ("m.py", "a = 'ü'\n\x0c\nb = 2\n".encode(), "2", "3"),
        ("ünï.py", b"a = 1\n", "1", "2"),
        ('quo"te.py', b"a = 1\n", "1", "2"),
    ],
)
def test_a_diff_is_what_git_apply_takes(path: str, data: bytes, old: str, new: str, tmp_path: Path) -> None:
    source = SourceText(path, data)
    patch = Patch((edit_between(source, source.text.replace(old, new)),))
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
    done = subprocess.run(
        ["git", "apply"], cwd=tmp_path, input=diff_bytes(patch, lambda _: source), capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert file.read_bytes() == patch.files[0].apply(source).data


def test_a_diff_of_other_texts_is_refused() -> None:
    with pytest.raises(StaleText):
        diff_text(GOOD.patch, FakeSources({"cart.py": CART + "\n"}).read)


HANDOFF = """\
# Handoff: `tests/test_cart.py`

Every candidate was tried and none makes the failing tests pass.

Run with `/env/bin/python` in the sandbox tier `full`; scope: the whole suite. \
Before any change 1 test failed and 2 passed.

## What fails

- `test_cart.py::test_three` at `test_cart.py:2`: `AssertionError: assert 100 == 90`
  - in `discount`, `cart.py:4`: `items = 3`, `total = 100`
- `test_cart.py::test_four`: `error`

## Where the fault probably is

- `cart.py:2` (0.91): `if items > 3:`
- `gone.py:1` (0.50)

## What was tried

3 patches in 1.2 s. By kind, with the commonest reason for failing:

- `comparison-boundary`, 2 tried, for example replace `>` by `<`: \
`test_cart.py::test_three: assert 1 == 2` (2 times)
- `integer-constant`, 1 tried, for example replace `3` by `2`: `test_cart.py::test_four: assert 1 == 2` (1 time)

## Closest patch so far

Not a fix: 1 of 2 failing tests pass with it.

```diff
--- a/cart.py
+++ b/cart.py
@@ -1,4 +1,4 @@
 def discount(total, items):
-    if items > 3:
+    if items > 2:
         return total * 0.9
     return total
```

## Next question

What does test_cart.py::test_four need beyond the closest patch so far?
"""


def test_the_handoff_note() -> None:
    stopped = result(
        StopReason.EXHAUSTED,
        targets=(FAILING, OTHER),
        trajectory=(
            rejected(">", "<", "comparison-boundary"),
            rejected(">", "!=", "comparison-boundary"),
            rejected("3", "2", "integer-constant", FAILING.id),
        ),
    )
    assert handoff(stopped, "tests/test_cart.py", SOURCES.read) == HANDOFF


@pytest.mark.parametrize("reason", StopReason)
def test_a_note_is_made_exactly_where_there_is_something_to_hand_over(reason: StopReason) -> None:
    none = {StopReason.VERIFIED, StopReason.NOTHING_FAILING, StopReason.REFUSED}
    for known in (result(reason), RepairResult(reason, reason.value)):
        note = handoff(known, "t.py", SOURCES.read)
        assert (note is None) == (reason in none)
        assert note is None or "## Next question" in note


@pytest.mark.parametrize(
    ("stopped", "asked"),
    [
        (
            result(StopReason.BUDGET),
            "What should cart.py:2 (if items > 3:) do with items = 3, total = 100? test_cart.py::test_three says:",
        ),
        (result(StopReason.EXHAUSTED, suspects=()), "Is the test itself right?"),
        (
            result(StopReason.PLAUSIBLE_ONLY, finding=finding(Verdict.PLAUSIBLE, HELD, REFUSED)),
            "at a price: Passed before, not now: test_cart.py::test_two.",
        ),
        (result(StopReason.FLAKY), "What differs between two runs"),
    ],
)
def test_the_next_question_fits_the_ending(stopped: RepairResult, asked: str) -> None:
    assert asked in (handoff(stopped, "t.py", SOURCES.read) or "")


def test_a_note_cannot_be_broken_out_of() -> None:
    failure = Failure("Error", "`` ``` <b>\x1b[31m", ())
    check = CheckResult("t.py::t[`]", Outcome.FAILED, failure=failure)
    note = handoff(result(StopReason.BUDGET, targets=(check,)), "t.py", SOURCES.read) or ""
    assert r"- ``t.py::t[`]``: ````Error: `` ``` <b>\x1b[31m````" in note


def test_a_note_survives_a_text_that_changed() -> None:
    stopped = result(StopReason.BUDGET, trajectory=(rejected("3", "2", "integer-constant", FAILING.id),))
    note = handoff(stopped, "t.py", FakeSources({"cart.py": "other\n"}).read) or ""
    assert "Its diff cannot be shown: cart.py changed since this edit was computed." in note


def test_what_steers_a_terminal_is_spelt_out() -> None:
    assert printable("a\x1b[2Jb\u202ec\x9b\ud800é\t\n") == "a\\x1b[2Jb\\u202ec\\x9b\\ud800é\t\n"
    assert one_line(" a\r\nb \n") == "a b"
    assert one_line("x" * 9, limit=5) == "xxxx…"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (12.4, "12 s"), (119, "119 s"), (185, "3 min 5 s")]
)
def test_durations(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_only_what_a_repair_needs_decides_whether_it_is_ready() -> None:
    python = DoctorItem("interpreter", "python", ok=True, detail="3.11")
    neovim = DoctorItem("editors", "Neovim", ok=False, detail="not found", remedy="Install it.")
    no_pytest = DoctorItem("interpreter", "pytest", ok=False, detail="not installed", remedy="Install it.")
    assert can_repair((python, neovim))
    assert not can_repair((python, no_pytest))
    assert doctor_document((python, neovim)) == {
        "version": 1,
        "ok": True,
        "message": "",
        "items": [
            {"area": "interpreter", "name": "python", "ok": True, "detail": "3.11", "remedy": ""},
            {"area": "editors", "name": "Neovim", "ok": False, "detail": "not found", "remedy": "Install it."},
        ],
    }
    assert doctor_document((), "Refused.")["ok"] is False
