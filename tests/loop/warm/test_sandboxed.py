"""The warm evaluator in the real sandbox: the same hints, and nothing that a candidate does reaches the host."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from fixloop.evaluate.warm import Way
from fixloop.sandbox.run import Tier, choose_tier
from projects import fingerprint
from warm_bench import Bench, request

MakeBench = Callable[..., Bench]
CHECK = "test_it.py::test_a"
TEST = "from mod import X, f\ndef test_a(tmp_path): assert f(1) == 2 == X\n"
TEXT = "X = 2\ndef f(x):\n    return x - 1\n"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or choose_tier().tier is not Tier.FULL, reason="only the full tier has warm processes"
)


def test_candidates_are_tried_behind_walls(bench: MakeBench) -> None:
    made = bench({"mod.py": TEXT, "test_it.py": TEST}, sandboxed=True)
    before = fingerprint(made.root)
    harm = (
        "import os, shutil; open('mod.py', 'w').write('f = None'); shutil.rmtree('.', ignore_errors=True); return x + 1"
    )
    new = [harm, "while True: pass", "import os; os._exit(0)", "import os; os.kill(os.getppid(), 9)", "return x + 1"]
    candidates = made.replacing("mod.py", "return x - 1", *new)
    executions = made.screen(candidates, request(CHECK, check_seconds=0.5))
    assert [execution.outcome(CHECK).value for execution in executions][1:3] == ["timeout", "crashed"]
    assert executions[-1].outcome(CHECK).value == "passed"
    assert fingerprint(made.root) == before


def test_what_is_imported_anew_is_behind_them_too(bench: MakeBench) -> None:
    made = bench({"mod.py": TEXT, "test_it.py": TEST}, sandboxed=True)
    before = fingerprint(made.root)
    new = ["X = 3\n", "open('mod.py', 'w').close()\nX = 2\n"]
    candidates = [made.candidate({"mod.py": text + "def f(x):\n    return x + 1\n"}) for text in new]
    executions = made.screen(candidates, request(CHECK))
    assert [execution.outcome(CHECK).value for execution in executions] == ["failed", "passed"]
    assert fingerprint(made.root) == before
    assert sum(made.warm.ways[way] for way in (Way.AFRESH, Way.COLD)) == 2
