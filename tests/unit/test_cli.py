"""The terminal front end over a fake engine: documents, text, exit statuses, signals and ``--apply``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fakes import FakeCancellation
from fixloop.assembly import Evaluation, Place, Refused
from fixloop.cli import exits
from fixloop.cli.apply import NotApplied, apply_patch
from fixloop.cli.arguments import UsageError, parse
from fixloop.cli.main import run
from fixloop.cli.story import shown_as
from fixloop.evaluate.static import Diagnostic, Report
from fixloop.ports import Cancellation, Cancelled
from fixloop.records.attempt import Attempt, Candidate, Evidence, Provenance, Suspect, Verdict
from fixloop.records.events import (
    Attempted,
    BaselineMeasured,
    Event,
    Finding,
    RepairResult,
    Stage,
    StageEntered,
    Stopped,
    StopReason,
    SuspectsRanked,
)
from fixloop.records.execution import CheckResult, Execution, Failure, Location, Outcome, Problem, ProblemKind
from fixloop.records.settings import Settings
from fixloop.records.source import Patch, SourceText, edit_between
from fixloop.report.doctor import DoctorItem
from fixloop.report.status import Status
from projects import fingerprint, write

FILES = {"cart.py": b"def due(items):\n    return items > 3\n", "test_cart.py": b"assert due(3)\n"}
SUSPECT = Suspect("cart.py", 2, 0.9)
HELD = Evidence("target", held=True, detail="The failing test passes now.")
LOST = Evidence("regression", held=False, detail="Passed before, not now: test_b.")
FAILURE = Failure("AssertionError", "assert \x1b[31mFalse\n--- a/x\n+++ b/x")
FAILING = CheckResult("test_cart.py::test_due", Outcome.FAILED, 0.1, Location("test_cart.py", 1), FAILURE)
PASSING = CheckResult("test_cart.py::test_b", Outcome.PASSED)


def patch_of(files: Mapping[str, bytes], old: str = ">", new: str = ">=") -> Patch:
    sources = (SourceText(path, data) for path, data in sorted(files.items()))
    edits = (edit_between(source, source.text.replace(old, new)) for source in sources)
    return Patch(tuple(edit for edit in edits if edit.edits))


def repaired(reason: StopReason, verdict: Verdict | None = None, *evidence: Evidence) -> RepairResult:
    """A result of a repair of FILES; with a verdict, one that has a patch."""
    patch = patch_of(FILES)
    candidate = Candidate(patch, (Provenance("template", "comparison-boundary"),), SUSPECT, 1.0, "replace > by >=")
    found = Finding(candidate, patch, verdict, evidence) if verdict else None
    attempt = Attempt(candidate, verdict or Verdict.REJECTED, "assert 1 == 2", (), (FAILING.id,))
    ran = reason not in {StopReason.ENVIRONMENT, StopReason.REFUSED}
    return RepairResult(
        reason,
        reason.value,
        finding=found,
        suspects=(SUSPECT,) if ran else (),
        targets=(FAILING,) if ran else (),
        trajectory=(attempt,) if ran else (),
        candidates=3,
        interpreter="/env/bin/python",
        tier="full",
        scope="the whole suite",
    )


VERIFIED = repaired(StopReason.VERIFIED, Verdict.VERIFIED, HELD)
PLAUSIBLE = repaired(StopReason.PLAUSIBLE_ONLY, Verdict.PLAUSIBLE, HELD, LOST)
EVALUATED = Evaluation(
    Execution((FAILING, PASSING), "/env/bin/python", "full", 0.5),
    Report("ruff", (Diagnostic("cart.py", 1, "F401", "unused"),)),
    Report(None, (), "The project configures none."),
    "the whole suite",
)
ITEMS = (
    DoctorItem("interpreter", "python", ok=True, detail="Python 3.11"),
    DoctorItem("editors", "Neovim", ok=False, detail="not found", remedy="Install it."),
)


@dataclass
class FakeEngine:
    """Answers with what it was given; an exception is raised in place of the answer."""

    root: Path
    result: RepairResult = VERIFIED
    evaluation: Evaluation | Exception = EVALUATED
    refusal: str = ""
    during: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    asked: list[object] = field(default_factory=list[object])

    def locate(self, target: str, cwd: Path, root: Path | None = None) -> Place:
        self.asked += [target, root]
        if self.refusal:
            raise Refused(self.refusal)
        return Place(self.root)

    def start_repair(
        self, place: Place, target: str, cwd: Path, settings: Settings, cancellation: Cancellation
    ) -> Iterator[Event]:
        self.asked.append(settings)
        yield StageEntered(Stage.BASELINE, "test_cart.py")
        yield BaselineMeasured(EVALUATED.execution, self.result.targets)
        yield SuspectsRanked(self.result.suspects)
        for number, attempt in enumerate(self.result.trajectory, 1):
            yield Attempted(attempt, number, 100.0)
        for path, data in self.during.items():
            (self.root / path).write_bytes(data)
        stopped = RepairResult(StopReason.CANCELLED, StopReason.CANCELLED.value)
        yield Stopped(stopped if cancellation.requested() else self.result)

    def evaluate(
        self, place: Place, targets: Sequence[str], cwd: Path, settings: Settings, cancellation: Cancellation
    ) -> Evaluation:
        self.asked += [tuple(targets), settings]
        if isinstance(self.evaluation, Exception):
            raise self.evaluation
        return self.evaluation

    def diagnose(self, place: Place, settings: Settings) -> tuple[DoctorItem, ...]:
        return ITEMS


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = write(tmp_path / "work", FILES)
    monkeypatch.chdir(folder)
    return folder


def call(engine: FakeEngine, *arguments: str) -> int:
    return run(arguments, lambda: engine, FakeCancellation())


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


# Exit statuses and documents


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (StopReason.VERIFIED, 0),
        (StopReason.PLAUSIBLE_ONLY, 1),
        (StopReason.EXHAUSTED, 1),
        (StopReason.BUDGET, 1),
        (StopReason.FLAKY, 1),
        (StopReason.ENVIRONMENT, 2),
        (StopReason.REFUSED, 2),
        (StopReason.NOTHING_FAILING, 3),
        (StopReason.CANCELLED, 130),
    ],
)
@pytest.mark.parametrize("json_wanted", [True, False])
def test_the_exit_status_of_fix(
    reason: StopReason, status: int, json_wanted: bool, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = fingerprint(root)
    result = {StopReason.VERIFIED: VERIFIED, StopReason.PLAUSIBLE_ONLY: PLAUSIBLE}.get(reason, repaired(reason))
    assert call(FakeEngine(root, result), "fix", "test_cart.py", *(["--json"] if json_wanted else [])) == status
    out = capsys.readouterr().out
    if json_wanted:
        assert json.loads(out)["stop_reason"] == reason.code
    else:
        assert reason.value in out
    assert fingerprint(root) == before


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (Status.PASSED, 0),
        (Status.FAILED, 1),
        (Status.TIMEOUT, 2),
        (Status.ENVIRONMENT, 2),
        (Status.NO_TESTS, 2),
        (Status.REFUSED, 2),
        (Status.CANCELLED, 130),
    ],
)
def test_the_exit_status_of_evaluate(status: Status, code: int) -> None:
    assert exits.of_evaluation(status) == code


@pytest.mark.parametrize(
    ("evaluation", "refusal", "word", "code"),
    [
        (EVALUATED, "", "failed", 1),
        (Cancelled(), "", "cancelled", 130),
        (Refused("Too far away."), "", "refused", 2),
        (EVALUATED, "Too far away.", "refused", 2),
        (RuntimeError("boom"), "", "refused", 2),
    ],
)
def test_evaluate_prints_one_document_in_every_case(
    evaluation: Evaluation | Exception,
    refusal: str,
    word: str,
    code: int,
    root: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine = FakeEngine(root, evaluation=evaluation, refusal=refusal)
    assert call(engine, "evaluate", "--json", "test_cart.py") == code
    assert document(capsys)["status"] == word


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["fix", "--json"], "stop_reason"),
        (["fix", "t.py", "--json", "--budget-seconds", "0"], "stop_reason"),
        (["fix", "t.py", "--json", "--budget-seconds", "nan"], "stop_reason"),
        (["fix", "t.py", "--json", "--nonsense"], "stop_reason"),
        (["evaluate", "--json", "--test-seconds", "-1"], "status"),
    ],
)
def test_a_mistaken_command_line_is_refused_in_a_document(
    arguments: list[str], key: str, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(root)
    assert call(engine, *arguments) == 2
    captured = capsys.readouterr()
    assert json.loads(captured.out)[key] == "refused"
    assert "Nothing was run." in captured.err
    assert engine.asked == []


def test_a_refusal_to_locate_is_a_result(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeEngine(root, refusal="It is elsewhere."), "fix", "--json", "../x.py") == 2
    found = document(capsys)
    assert (found["stop_reason"], found["message"]) == ("refused", "It is elsewhere.")


def test_options_reach_the_engine(root: Path) -> None:
    engine = FakeEngine(root)
    limits = ("--budget-seconds", "5", "--test-seconds", "2")
    options = (*limits, "--interpreter", "/p", "--seed", "3", "--model", "none", "--root", "sub", "--json")
    options += ("--sandbox", "reduced")
    assert call(engine, "fix", "t.py", *options) == 0
    assert engine.asked == ["t.py", Path("sub"), Settings("/p", "none", 5.0, 2.0, 3, "reduced")]
    engine.asked.clear()
    call(engine, "evaluate", "--json", "a.py", "b.py", "--test-seconds", "4", "--sandbox", "reduced")
    assert engine.asked == ["a.py", None, ("a.py", "b.py"), Settings(check_seconds=4.0, sandbox="reduced")]


def test_nothing_named_means_here(root: Path) -> None:
    engine = FakeEngine(root)
    call(engine, "evaluate", "--json")
    assert engine.asked[:3] == [".", None, ()]


def test_version_and_help_need_no_engine(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"], lambda: pytest.fail("loaded"), FakeCancellation()) == 0
    assert capsys.readouterr().out.startswith("fixloop ")
    assert run(["fix", "--help"], lambda: pytest.fail("loaded"), FakeCancellation()) == 0
    with pytest.raises(UsageError):
        parse([])


def test_doctor(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeEngine(root), "doctor", "--json") == 0
    assert [item["name"] for item in document(capsys)["items"]] == ["python", "Neovim"]
    assert call(FakeEngine(root), "doctor") == 0
    assert "Install it." in capsys.readouterr().out
    assert call(FakeEngine(root, refusal="No."), "doctor", "--json") == 2


@pytest.mark.parametrize(("debug", "traced"), [("1", True), ("", False)])
def test_a_bug_is_one_sentence(
    debug: str, traced: bool, root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIXLOOP_DEBUG", debug)
    assert call(FakeEngine(root, evaluation=KeyError("lost")), "evaluate") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "fixloop itself failed (KeyError: 'lost' at test_cli.py:" in captured.err
    assert ("Traceback" in captured.err) == traced


# The text


TEXT = """\
✗ test_cart.py::test_due
  test_cart.py:1  assert due(3)
  AssertionError: assert \\x1b[31mFalse

1 patch tried of 3 proposed, 0.0 s; likeliest places: cart.py:2
Python: /env/bin/python; sandbox: full; scope: the whole suite

--- a/cart.py
+++ b/cart.py
@@ -1,2 +1,2 @@
 def due(items):
-    return items > 3
+    return items >= 3

A fix was found and verified.
  ✓ target  The failing test passes now.

Nothing was written. Either of these applies it:
  fixloop fix test_cart.py --apply
  fixloop fix test_cart.py | git apply
"""


def test_the_text_of_a_verified_repair(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(FakeEngine(root), "fix", "test_cart.py")
    assert capsys.readouterr().out == TEXT


PLAUSIBLE_TEXT = """
A patch makes the failing tests pass, but not every gate held, so it is not offered as a fix.
  ✓ target      The failing test passes now.
  ✗ regression  Passed before, not now: test_b.
"""


def test_a_plausible_patch_is_shown_only_on_request(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(FakeEngine(root, PLAUSIBLE), "fix", "test_cart.py")
    out = capsys.readouterr().out
    assert PLAUSIBLE_TEXT in out
    assert "+++ b/cart.py" not in out
    assert "The patch: fixloop fix test_cart.py --show-plausible\n" in out
    call(FakeEngine(root, PLAUSIBLE), "fix", "test_cart.py", "--show-plausible")
    assert "+++ b/cart.py\n" in capsys.readouterr().out


def test_what_was_found_out_without_a_fix(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(FakeEngine(root, repaired(StopReason.EXHAUSTED)), "fix", "test_cart.py")
    out = capsys.readouterr().out
    assert "suspects  cart.py:2  return items > 3\n" in out
    assert "tried     comparison-boundary: 1, for example replace > by >=\n" in out
    assert "next      What should cart.py:2 (return items > 3) do?" in out
    assert "The whole handoff note: fixloop fix test_cart.py --json\n" in out


@pytest.mark.parametrize(
    ("data", "below"),
    [(FILES["cart.py"], False), (b"# coding: latin-1\r\ns = '\xe9'\r\nx = 2 > 3", False), (FILES["cart.py"], True)],
)
def test_piped_output_is_what_git_apply_takes(
    data: bytes, below: bool, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write(tmp_path / "proj", {**FILES, "cart.py": data})
    cwd = tmp_path if below else root
    monkeypatch.chdir(cwd)
    patch = patch_of({"cart.py": data})
    finding = Finding(VERIFIED.finding.candidate, patch, Verdict.VERIFIED, (HELD,))
    result = RepairResult(StopReason.VERIFIED, "--- a/x\n+++ b/x\n@@ -1 +1 @@", finding, targets=(FAILING,))
    assert call(FakeEngine(root, result), "fix", "test_cart.py") == 0
    piped = capfdbinary.readouterr().out
    done = subprocess.run(["git", "apply"], cwd=cwd, input=piped, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (root / "cart.py").read_bytes() == data.replace(b">", b">=")


@pytest.mark.parametrize(
    ("cwd", "shown"), [("/a", "b/c/m.py"), ("/a/b", "c/m.py"), ("/a/b/c", "m.py"), ("/a/b/other", "c/m.py")]
)
def test_paths_are_relative_to_where_git_apply_would_run(cwd: str, shown: str) -> None:
    assert shown_as("c/m.py", Path("/a/b"), Path(cwd)) == shown


def test_evaluate_as_text(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeEngine(root), "evaluate") == 1
    out = capsys.readouterr().out
    assert "Lint (ruff): 1 finding\n  cart.py:1 F401 unused\nTypes: The project configures none.\n" in out
    assert out.endswith("1 failed, 1 passed in 0.5 s.\n")


def test_an_environment_problem_is_told_with_its_remedy(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    problem = Problem(ProblemKind.NO_PYTEST, "pytest is not installed.", "Install it.")
    execution = Execution((), "/env/bin/python", "reduced", problem=problem)
    nothing = Report(None, (), "Not asked for.")
    assert call(FakeEngine(root, evaluation=Evaluation(execution, nothing, nothing, "")), "evaluate") == 2
    assert capsys.readouterr().out.endswith("pytest is not installed. Install it.\n")


def test_progress_is_sparse_lines_in_a_log(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(FakeEngine(root), "fix", "test_cart.py", "--json")
    assert capsys.readouterr().err.splitlines() == [
        "fixloop: running the tests: test_cart.py",
        "fixloop: 1 failing test to repair",
        "fixloop: trying patches, first at cart.py:2",
    ]


# --apply


def test_apply_writes_what_was_verified(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(FakeEngine(root), "fix", "test_cart.py", "--apply") == 0
    assert (root / "cart.py").read_bytes() == FILES["cart.py"].replace(b">", b">=")
    out = capsys.readouterr().out
    assert out.endswith("Applied to cart.py.\n")
    assert "Nothing was written" not in out


@pytest.mark.parametrize("result", [PLAUSIBLE, repaired(StopReason.EXHAUSTED)])
def test_apply_writes_nothing_else(result: RepairResult, root: Path) -> None:
    before = fingerprint(root)
    assert call(FakeEngine(root, result), "fix", "test_cart.py", "--apply", "--show-plausible") == 1
    assert fingerprint(root) == before


@pytest.mark.parametrize(("options", "status"), [([], 2), (["--apply"], 1)])
def test_a_result_that_went_stale_is_discarded(
    options: list[str], status: int, root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(root, during={"cart.py": b"typed = 1\n"})
    assert call(engine, "fix", "test_cart.py", "--json", *options) == status
    found = document(capsys)
    assert (found["stop_reason"], found["patch"], found["files"]) == ("refused", None, [])
    assert found["message"].startswith("cart.py changed while the repair ran")
    assert (root / "cart.py").read_bytes() == b"typed = 1\n"


TWO = {
    "a.py": b"# coding: latin-1\r\ns = '\xe9' > 'a'\r\n",
    "pkg/b.py": b"\xef\xbb\xbfx = 1 > 2\n",
}


def test_apply_keeps_bytes_and_modes(tmp_path: Path) -> None:
    root = write(tmp_path, TWO)
    (root / "a.py").chmod(0o755)
    (root / "pkg" / "b.py").chmod(0o600)
    apply_patch(patch_of(TWO), root)
    for path, data in TWO.items():
        assert (root / path).read_bytes() == data.replace(b">", b">=")
    assert [(root / path).stat().st_mode & 0o777 for path in TWO] == [0o755, 0o600]
    assert len([file for file in root.rglob("*") if file.is_file()]) == 2


def test_apply_refuses_all_when_one_file_is_stale(tmp_path: Path) -> None:
    root = write(tmp_path, {**TWO, "pkg/b.py": b"y = 1 > 2\n"})
    before = fingerprint(root)
    with pytest.raises(NotApplied, match=r"pkg/b\.py changed while the repair ran.*Nothing was changed"):
        apply_patch(patch_of(TWO), root)
    assert fingerprint(root) == before


def test_apply_puts_the_first_file_back_when_the_second_fails(tmp_path: Path) -> None:
    root = write(tmp_path, TWO)
    before = fingerprint(root)
    seen: list[bytes] = []

    def full_disk(staged: Path, file: Path) -> None:
        if file.name == "b.py":
            seen.append((root / "a.py").read_bytes())
            raise OSError(28, "No space left on device")
        staged.replace(file)

    with pytest.raises(NotApplied, match=r"No space left on device\. Nothing was changed"):
        apply_patch(patch_of(TWO), root, full_disk)
    assert seen == [TWO["a.py"].replace(b">", b">=")]
    assert fingerprint(root) == before


def test_apply_follows_a_link_inside_the_workspace_and_refuses_one_out_of_it(tmp_path: Path) -> None:
    root = write(tmp_path / "work", {"real.py": b"x = 1 > 2\n"})
    outside = write(tmp_path / "outside", {"o.py": b"x = 1 > 2\n"})
    (root / "link.py").symlink_to("real.py")
    (root / "out.py").symlink_to(outside / "o.py")
    apply_patch(patch_of({"link.py": b"x = 1 > 2\n"}), root)
    assert (root / "link.py").is_symlink()
    assert (root / "real.py").read_bytes() == b"x = 1 >= 2\n"
    with pytest.raises(NotApplied, match=r"out\.py leads out of the workspace"):
        apply_patch(patch_of({"out.py": b"x = 1 > 2\n"}), root)
    assert (outside / "o.py").read_bytes() == b"x = 1 > 2\n"


def test_apply_refuses_a_file_that_has_gone(tmp_path: Path) -> None:
    with pytest.raises(NotApplied, match=r"a\.py is no longer a file"):
        apply_patch(patch_of(TWO), tmp_path)


# Real processes


_HANGING = """
import signal, sys, time
from fixloop.cli.main import run
from fixloop.cli.interruption import Interruption
sys.path.insert(0, sys.argv[1])
from test_cli import FakeEngine
from pathlib import Path

class Slow(FakeEngine):
    def start_repair(self, place, target, cwd, settings, cancellation):
        print("ready", file=sys.stderr, flush=True)
        while not (sys.argv[2] == "polite" and cancellation.requested()):
            time.sleep(0.01)
        yield from super().start_repair(place, target, cwd, settings, cancellation)

with Interruption() as interruption:
    sys.exit(run(["fix", "--json", "t.py"], lambda: Slow(Path.cwd()), interruption))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("manners", ["polite", "stubborn"])
def test_the_first_signal_stops_the_work_and_the_second_the_process(
    number: signal.Signals, manners: str, tmp_path: Path
) -> None:
    here = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", _HANGING, str(here), manners],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(here.parent)},
        text=True,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "ready\n"
        process.send_signal(number)
        if manners == "stubborn":
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.3)
            process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert out == "" if manners == "stubborn" else json.loads(out)["stop_reason"] == "cancelled"


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    read, end = os.pipe()
    os.close(read)
    with os.fdopen(end, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "fixloop.cli", "evaluate", "--json", "missing.py"],
            cwd=tmp_path,
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (2, "")


def test_a_machine_readable_evaluation_does_not_load_the_display(tmp_path: Path) -> None:
    script = (
        "import sys; from fixloop.cli.main import main; main(['evaluate', '--json', 'missing.py']);"
        " sys.exit('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "refused")
