"""The loop against fake ports: whole repairs, each ending for exactly one reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fakes import World
from fixloop.engine.repair import repair
from fixloop.records.attempt import Verdict
from fixloop.records.events import Attempted, Event, RepairResult, Stopped, StopReason
from fixloop.records.execution import Outcome, Problem, ProblemKind
from fixloop.records.task import Budget, Selection, Task

P, F = Outcome.PASSED, Outcome.FAILED
TEXTS = {"a.py": "x = 1\ny = 1\n", "test_a.py": "...\n"}
TASK = Task(Selection(("test_a.py",), (), "test_a.py"), Budget(seconds=100))


def judge(texts: Mapping[str, str]) -> Mapping[str, Outcome]:
    """``x`` wants to be 2 and ``y`` wants to stay 1."""
    text = texts["a.py"]
    return {
        "test_a.py::test_x": P if "x = 2" in text else F,
        "test_a.py::test_y": P if "y = 1" in text else F,
    }


def judge_two_faults(texts: Mapping[str, str]) -> Mapping[str, Outcome]:
    """Both want to be 2."""
    return {f"test_a.py::test_{name}": P if f"{name} = 2" in texts["a.py"] else F for name in "xy"}


def run(world: World, task: Task = TASK) -> tuple[list[Event], RepairResult]:
    events = list(repair(task, world.ports))
    assert [isinstance(event, Stopped) for event in events] == [False] * (len(events) - 1) + [True]
    last = events[-1]
    assert isinstance(last, Stopped)
    return events, last.result


def patched(world: World, result: RepairResult) -> str:
    assert result.finding is not None
    return "".join(file.apply(world.sources.read(file.path)).text for file in result.finding.patch.files)


def test_the_first_candidate_that_holds_every_gate_is_the_fix() -> None:
    world = World(TEXTS, judge, (("x = 1", "x = 3"), ("x = 1", "x = 2"), ("x = 1", "x = 4")))
    _, result = run(world)
    assert result.reason is StopReason.VERIFIED
    assert patched(world, result) == "x = 2\ny = 1\n"
    assert result.finding is not None
    assert [(found.gate, found.held) for found in result.finding.evidence] == [
        ("target", True),
        ("regression", True),
        ("scope", True),
    ]
    assert len(result.trajectory) == 2
    assert (result.baseline.passed, result.baseline.failed) == (1, 1)


def test_a_patch_that_breaks_another_check_is_only_plausible() -> None:
    world = World(TEXTS, judge, (("1", "2"),))
    _, result = run(world)
    assert result.reason is StopReason.PLAUSIBLE_ONLY
    assert result.finding is not None
    assert result.finding.verdict is Verdict.PLAUSIBLE
    assert "test_a.py::test_y (failed)" in result.message


def test_an_edit_that_is_not_needed_is_left_out() -> None:
    texts = {"a.py": "x = 1\n\n\ny = 1\nz = 1\n", "test_a.py": ""}
    world = World(texts, judge, (("x = 1\n\n\ny = 1\nz = 1", "x = 2\n\n\ny = 1\nz = 5"),))
    _, result = run(world)
    assert patched(world, result) == "x = 2\n\n\ny = 1\nz = 1\n"


def test_two_faults_are_repaired_one_on_top_of_the_other() -> None:
    world = World(TEXTS, judge_two_faults, (("x = 1", "x = 2"), ("y = 1", "y = 2")))
    _, result = run(world)
    assert result.reason is StopReason.VERIFIED
    assert patched(world, result) == "x = 2\ny = 2\n"
    assert result.finding is not None
    assert len(result.finding.candidate.provenance) == 2


@pytest.mark.parametrize(
    ("world", "reason", "says"),
    [
        (World(TEXTS, judge, (("x = 1", "x = 3"),)), StopReason.EXHAUSTED, "1 patch tried"),
        (World(TEXTS, judge), StopReason.EXHAUSTED, "0 patches tried"),
        (
            World({"test_a.py": ""}, lambda _: {"test_a.py::t": F}),
            StopReason.EXHAUSTED,
            "No line that a fix may change",
        ),
        (World(TEXTS, judge, (("x = 1", "x = 3"),) * 9, step=20), StopReason.BUDGET, "Nothing was changed"),
        (World(TEXTS, judge, flaky=frozenset({"test_a.py::test_x"})), StopReason.FLAKY, "test_a.py::test_x"),
        (World(TEXTS, lambda _: {"test_a.py::test_x": P}), StopReason.NOTHING_FAILING, "1 test passed"),
        (
            World(TEXTS, lambda _: {"test_a.py::test_x": P, "test_a.py::test_y": Outcome.MISSING}),
            StopReason.BUDGET,
            "1 test passed and none failed",
        ),
        (
            World(TEXTS, judge, problem=Problem(ProblemKind.MISSING_PACKAGE, "No yaml.", "Install it.")),
            StopReason.ENVIRONMENT,
            "No yaml. Install it.",
        ),
        (World(TEXTS, judge, (("x = 1", "x = 2"),), cancel_after=0), StopReason.CANCELLED, "Nothing was changed"),
        (World(TEXTS, judge, (("x = 1", "x = 2"),), cancel_after=4), StopReason.CANCELLED, "Nothing was changed"),
    ],
    ids=lambda value: value.code if isinstance(value, StopReason) else None,
)
def test_i7_every_repair_ends_for_one_stated_reason(world: World, reason: StopReason, says: str) -> None:
    _, result = run(world)
    assert result.reason is reason
    assert says in result.message


def test_a_baseline_that_was_cut_off_says_so_in_its_scope() -> None:
    world = World(TEXTS, lambda texts: {**judge(texts), "test_a.py::test_z": Outcome.MISSING}, (("x = 1", "x = 2"),))
    _, result = run(world)
    assert result.reason is StopReason.VERIFIED
    assert result.scope.startswith("what ran within this budget of test_a.py")


def test_a_test_that_passes_by_luck_beside_a_candidate_verifies_nothing() -> None:
    rewrites = (("x = 1", "x = 3"), ("x = 1", "x = 4"))
    world = World(TEXTS, judge, rewrites, frozenset({"test_a.py::test_x"}), failing_runs=6)
    _, result = run(world)
    assert (result.reason, result.finding) == (StopReason.FLAKY, None)
    assert "test_a.py::test_x" in result.message
    assert "Also passing without the patch" in result.trajectory[-1].critique


@pytest.mark.parametrize(("check_seconds", "reason"), [(10, StopReason.VERIFIED), (4, StopReason.EXHAUSTED)])
def test_a_fix_that_takes_its_time_is_given_what_the_user_allows(check_seconds: float, reason: StopReason) -> None:
    only_x = {"test_a.py::test_x"}
    world = World(
        TEXTS,
        lambda texts: {check: outcome for check, outcome in judge(texts).items() if check in only_x},
        (("x = 1", "x = 3"), ("x = 1", "x = 2"), ("x = 1", "x = 4")),
        takes_seconds=5,
    )
    _, result = run(world, Task(TASK.selection, Budget(seconds=100, check_seconds=check_seconds)))
    assert result.reason is reason
    assert len(result.trajectory) == 3


def test_i8_each_attempt_is_recorded_before_the_next_begins() -> None:
    world = World(TEXTS, judge, tuple(("x = 1", f"x = {number}") for number in range(3, 9)))
    for event in repair(TASK, world.ports):
        if isinstance(event, Attempted):
            assert len(world.recorder.attempts) == event.number == len(world.evaluator.screened)


def test_i6_the_same_ports_give_the_same_events() -> None:
    rewrites = (("x = 1", "x = 3"), ("1", "2"), ("x = 1", "x = 2"))
    assert run(World(TEXTS, judge, rewrites))[0] == run(World(TEXTS, judge, rewrites))[0]


def test_screening_is_closed_when_a_fix_is_found_and_when_the_caller_walks_away() -> None:
    world = World(TEXTS, judge, (("x = 1", "x = 2"),))
    run(world)
    assert world.evaluator.closed
    world = World(TEXTS, judge, (("x = 1", "x = 3"), ("x = 1", "x = 4")))
    events = repair(TASK, world.ports)
    next(event for event in events if isinstance(event, Attempted))
    events.close()  # type: ignore[attr-defined]
    assert world.evaluator.closed


def test_only_cold_runs_with_and_without_the_patch_verify() -> None:
    world = World(TEXTS, judge, (("x = 1", "x = 2"),))
    run(world)
    runs = [(request.hash_seed, request.patch is not None) for request in world.evaluator.requests[-4:]]
    assert runs == [(0, True), (1, True), (0, False), (1, False)]
