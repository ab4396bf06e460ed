"""Candidates that hang, die, print or leave something behind cost themselves alone."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fakes import FakeCancellation
from fixloop.evaluate.warm import LARGEST_BATCH, Way
from fixloop.ports import Cancelled
from warm_bench import Bench, outcomes, request

MakeBench = Callable[..., Bench]
CHECK = "test_it.py::test_a"
FUNCTION = "def f(x):\n    return x - 1\n"
TEST = "from mod import f\ndef test_a(): assert f(1) == 2\n"

HANGS = "while True: pass"
STUBBORN = "while True:\n        try:\n            while True: pass\n        except BaseException: pass"
SLEEPS = "import time; time.sleep(60)"
RECURS = "return f(x - 1) + f(x - 2) if x > -100 else x"
DIES = "import os; os._exit(0)"
FAULTS = "import ctypes; ctypes.string_at(0)"
FLOODS = "print('x' * 10_000_000)"
FORKS = "import os, time\n    if os.fork() == 0: time.sleep(60)"


@pytest.mark.parametrize(
    ("bad", "outcome"),
    [
        (HANGS, "timeout"),
        (STUBBORN, "timeout"),
        (SLEEPS, "timeout"),
        (RECURS, "timeout"),
        (DIES, "crashed"),
        (FAULTS, "crashed"),
        (FLOODS, "failed"),
        (FORKS, "failed"),
    ],
)
def test_one_bad_candidate_costs_itself_alone(bench: MakeBench, bad: str, outcome: str) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST})
    new = ["return x * 1", bad, "return x * 2", "return x + 1", "return x + 2"]
    executions = made.screen(made.replacing("mod.py", "return x - 1", *new), request(CHECK, check_seconds=0.5))
    wanted = ["failed", outcome, "passed", "passed", "failed"]
    assert [execution.outcome(CHECK).value for execution in executions] == wanted
    assert made.warm.ways == {Way.EXCHANGED: 5}
    assert len(made.sessions) == 1


def test_a_check_that_the_limit_cut_short_may_take_the_users_own_limit(bench: MakeBench) -> None:
    slow = "import time; time.sleep(1); return x + 1"
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST})
    candidates = made.replacing("mod.py", "return x - 1", slow)
    (short,) = made.screen(candidates, request(CHECK, check_seconds=0.5))
    (patient,) = made.screen(candidates, request(CHECK, check_seconds=5.0))
    assert [short.outcome(CHECK).value, patient.outcome(CHECK).value] == ["timeout", "passed"]


# Each keeps a count in its own way; `RESULT` is what is edited.
STATES = {
    "a list of the module": "seen = []\ndef f(x):\n    seen.append(x)\n    return len(seen) * RESULT\n",
    "a default": "def f(x, seen=[]):\n    seen.append(x)\n    return len(seen) * RESULT\n",
    "an attribute of a class": "class C: n = 0\ndef f(x):\n    C.n += 1\n    return C.n * RESULT\n",
    "an object": """
        class C:
            def __init__(self): self.n = 0
        c = C()
        def f(x):
            c.n += 1
            return c.n * RESULT
    """,
    "the environment": """
        import os
        def f(x):
            os.environ["N"] = n = os.environ.get("N", "") + "n"
            return len(n) * RESULT
    """,
    "a closure": """
        def make():
            n = 0
            def f(x):
                nonlocal n
                n += 1
                return n * RESULT
            return f
        f = make()
    """,
}


@pytest.mark.parametrize("text", STATES.values(), ids=STATES)
def test_what_one_candidate_leaves_behind_does_not_decide_about_the_next(bench: MakeBench, text: str) -> None:
    made = bench({"mod.py": text.replace("RESULT", "(x - 1)"), "test_it.py": TEST})
    candidates = made.replacing("mod.py", "(x - 1)", "(x - 2)", "(x - 3)", "(x + 1)", "(x * 1)")
    executions = made.screen(candidates, request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["failed", "failed", "passed", "failed"]
    assert made.warm.ways == {Way.EXCHANGED: 4}


def test_a_cache_is_emptied_between_candidates(bench: MakeBench) -> None:
    text = "import functools\n@functools.lru_cache(None)\ndef f(x):\n    return x - 1\n"
    made = bench({"mod.py": text, "test_it.py": TEST})
    candidates = made.replacing("mod.py", "x - 1", "x - 2", "x - 3", "x + 1", "x")
    assert [execution.outcome(CHECK).value for execution in made.screen(candidates, request(CHECK))] == [
        "failed",
        "failed",
        "passed",
        "failed",
    ]


def test_a_broken_text_is_an_error_like_any_other(bench: MakeBench) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST})
    bad, good = made.screen(made.replacing("mod.py", "x - 1", "x +", "x + 1"), request(CHECK))
    assert outcomes(bad) == {CHECK: "error"}
    assert outcomes(good) == {CHECK: "passed"}


def test_several_functions_and_files_change_at_once(bench: MakeBench) -> None:
    made = bench(
        {
            "mod.py": "import other\ndef f(x):\n    return g(x)\n\ndef g(x):\n    return other.h(x)\n",
            "other.py": "def h(x):\n    return x\n",
            "test_it.py": TEST,
        }
    )
    new = {
        "mod.py": "import other\ndef f(x):\n    y = x\n    return g(y) - 1\n\ndef g(x):\n    return other.h(x) * 2\n",
        "other.py": "def h(x):\n    return x + 0.5\n",
    }
    (execution,) = made.screen([made.candidate(new)], request(CHECK))
    assert outcomes(execution) == {CHECK: "passed"}
    assert made.warm.ways == {Way.EXCHANGED: 1}


def test_the_first_failure_may_be_enough(bench: MakeBench) -> None:
    tests = TEST + "def test_b(): assert f(2) == 3\n"
    made = bench({"mod.py": FUNCTION, "test_it.py": tests})
    asked = request(CHECK, "test_it.py::test_b", stop_at_first=True)
    executions = made.screen(made.replacing("mod.py", "x - 1", "x", "3 - x", "2 * x", "x + 1"), asked)
    assert [list(outcomes(execution).values()) for execution in executions] == [
        ["failed"],
        ["passed", "failed"],
        ["passed", "failed"],
        ["passed", "passed"],
    ]


def test_candidates_are_taken_as_they_are_consumed(bench: MakeBench) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST})
    taken: list[int] = []

    def offered():
        for number in range(200):
            taken.append(number)
            yield from made.replacing("mod.py", "x - 1", f"x - {number}")

    screening = made.warm.screen(offered(), request(CHECK))
    for _ in range(10):
        next(screening)
    assert len(taken) <= 10 + LARGEST_BATCH
    screening.close()
    assert made.sessions[0].process.poll() is None
    made.warm.close()
    assert made.sessions[0].process.poll() is not None


def test_cancelling_ends_the_screening(bench: MakeBench) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST}, cancellation=FakeCancellation(after=30))
    candidates = made.replacing("mod.py", "return x - 1", *[SLEEPS] * 8)
    with pytest.raises(Cancelled):
        made.screen(candidates, request(CHECK, check_seconds=5.0))


def test_a_file_that_changes_on_disk_is_loaded_again(bench: MakeBench) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST, "more.py": "Y = 1\n"})
    (made.root / "mod.py").write_text("from more import Y\n" + FUNCTION)
    candidates = made.replacing("mod.py", "x - 1", "x * 1", "x + Y", "x * 1", "x + Y", "x + Y", "x * 1", "x")
    screening = made.warm.screen(candidates, request(CHECK))
    before = [next(screening)[1].outcome(CHECK).value for _ in range(4)]
    (made.root / "more.py").write_text("Y = 2\n")
    os.utime(made.root / "more.py", ns=(1, 1))
    after = [execution.outcome(CHECK).value for _, execution in screening]
    assert before == ["failed", "passed", "failed", "passed"]
    assert after == ["failed", "failed", "failed"]
    assert len(made.sessions) == 2


UNFIT = {
    "starts threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n",
    "fails otherwise": "import sys\nclass Warm(Exception): pass\nif '_fixloop_probe.warm' in sys.modules: raise Warm\n",
    "does not load": "import sys, os\nif '_fixloop_probe.warm' in sys.modules: os._exit(3)\n",
}


@pytest.mark.parametrize("text", UNFIT.values(), ids=UNFIT)
def test_a_workspace_that_is_unfit_is_screened_cold_and_why_is_told(bench: MakeBench, text: str) -> None:
    made = bench({"mod.py": text + FUNCTION, "test_it.py": TEST})
    executions = made.screen(made.replacing("mod.py", "x - 1", "x * 1", "x + 1"), request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["failed", "passed"]
    assert made.warm.ways == {Way.COLD: 2}
    assert executions[0].notes[0].startswith("Candidates were tried in cold runs, which is slower: ")
    assert not executions[1].notes
    assert all(session.process.poll() is not None for session in made.sessions)


FORGES = """
import sys
frame = sys._getframe()
while frame:
    for held in list(frame.f_locals.values()):
        answers = getattr(held, "_answers", None)
        if answers is not None:
            answers.taken = None
            answers.send("tried", results=7)
            answers.send("tried")
    frame = frame.f_back
return x + 1
"""


def test_an_answer_that_makes_no_sense_is_none(bench: MakeBench) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST})
    forges = FORGES.strip().replace("\n", "\n    ")
    executions = made.screen(made.replacing("mod.py", "return x - 1", forges, "return x * 1"), request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["passed", "failed"]
    assert "cannot be understood" in executions[0].notes[0]


def test_nothing_is_left_behind(bench: MakeBench, tmp_path: Path) -> None:
    made = bench({"mod.py": FUNCTION, "test_it.py": TEST})
    leaves = "import os, time\n    if os.fork() == 0:\n        while True: time.sleep(0.1)"
    made.screen(made.replacing("mod.py", "return x - 1", leaves, "return x + 1"), request(CHECK))
    made.warm.close()
    assert _processes_in(str(made.root)) == []


def _processes_in(folder: str) -> list[str]:
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if str((process / "cwd").readlink()) == folder:
                found.append(process.name)
        except OSError:
            continue
    return found
