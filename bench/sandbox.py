"""What the sandbox costs: a candidate's slot over a plain fork, a run over a plain subprocess, a suite over a bare one.

Everything is measured side by side in one process tree, the confined and the bare one in turns.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from _common import Figure, main
from rich.table import Table

import fixloop
from fixloop.sandbox.run import Ended, Job, Limits, SessionOver, Tier, open_session, run

PROBE = Path(fixloop.__file__).parent / "probe"
PREFIXES = (Path(sys.prefix), Path(sys.base_prefix))
MS = 1000.0

WARM = """
import json, os, resource, sys, time
sys.path.insert(0, sys.argv[1])
from _fixloop_jail.slot import Slots
import pytest, gc
gc.freeze()
slots = Slots(os.getcwd())
cycles, kinds, busy = int(sys.argv[2]), sys.argv[3].split(), float(sys.argv[4])

def cycle(kind):
    began = time.perf_counter()
    child = os.fork() if kind == "fork" else slots.fork()
    if child == 0:
        until = time.perf_counter() + busy
        while time.perf_counter() < until:
            pass
        os._exit(0)
    os.waitpid(child, 0)
    if kind == "slot":
        slots.release()
    return time.perf_counter() - began

taken = {kind: [] for kind in kinds}
for _ in range(cycles):
    for kind in kinds:
        taken[kind].append(cycle(kind))
os.write(4, json.dumps(taken).encode() + b"\\n")
"""

SUITE = """
import json, pytest
@pytest.mark.parametrize("number", range(150))
def test_text(number, tmp_path):
    file = tmp_path / "numbers.json"
    file.write_text(json.dumps(list(range(number))))
    assert sum(json.loads(file.read_text())) == number * (number - 1) // 2

@pytest.mark.parametrize("number", range(150))
def test_numbers(number):
    assert sorted(range(2000 + number, 0, -1))[number] == number + 1
"""


def measure(quick: bool, say: Callable[[str], None]) -> tuple[Sequence[Figure], Sequence[Table]]:
    """All figures, times in milliseconds."""
    table = Table(title="Medians", title_justify="left")
    for heading in ("what", "bare, ms", "confined, ms", "added, ms", "ratio"):
        table.add_column(heading, justify="left" if heading == "what" else "right")

    def compare(what: str, bare: Sequence[float], confined: Sequence[float]) -> tuple[float, float]:
        before, after = median(bare) * MS, median(confined) * MS
        added, ratio = after - before, after / before
        table.add_row(what, f"{before:.2f}", f"{after:.2f}", f"{added:+.2f}", f"{ratio:.2f}")
        return added, ratio

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        cycles, pairs = (60, 8) if quick else (400, 30)
        say("slots")
        idle = candidates(folder, cycles, 0.0)
        second, _ = compare("warm fork, exit at once: wall", idle["fork"], idle["slot"])
        working = candidates(folder, cycles, 0.005)
        second_working, _ = compare("warm fork, 5 ms of work: wall", working["fork"], working["slot"])
        cpu = [cpu_of_a_cycle(folder, cycles, kind) for kind in ("fork", "slot")]
        compare("warm fork, exit at once: CPU of all processes", cpu[:1], cpu[1:])
        say("runs")
        walls, cpus = starts(folder, pairs)
        stage, _ = compare("python -c pass: wall", *walls)
        compare("python -c pass: CPU", *cpus)
        say("workspaces")
        few, many, copied = workspaces(folder, pairs)
        lay, _ = compare("workspace of 2,000 files over one of 10: wall", few, many)
        compare("the same as a copy: wall", [0.001], copied)
        say("suite")
        bare, confined = suites(folder, 3 if quick else 10)
        _, factor = compare("pytest, 300 tests: CPU", bare, confined)
    return (
        Figure("candidate stage over a warm fork, ms", second, "at most 4", second <= 4),
        Figure("the same while candidates work 5 ms, ms", second_working, "at most 4", second_working <= 4),
        Figure("server stage over a plain subprocess, ms", stage, "at most 30", stage <= 30),
        Figure("laying over 2,000 files, ms", lay, "at most 2", lay <= 2),
        Figure("CPU of a 300-test suite, times bare", factor, "at most 1.05", factor <= 1.05),
    ), (table,)


def _job(root: Path, *argv: str, env: dict[str, str] | None = None) -> Job:
    return Job(argv, root, {}, PREFIXES, PROBE, env or {"PATH": "/usr/bin:/bin"}, b"", Limits(wall_seconds=300))


def _warm(folder: Path, cycles: int, kinds: str, busy: float) -> tuple[dict[str, list[float]], float]:
    """Seconds of each cycle, by kind, and the CPU seconds of the whole session."""
    workspace = folder / "workspace"
    workspace.mkdir(exist_ok=True)
    job = _job(workspace, sys.executable, "-s", "-c", WARM, "{tools}", str(cycles), kinds, str(busy))
    over: SessionOver | None = None
    taken: dict[str, list[float]] = {}
    try:
        with open_session(job, Tier.FULL) as session:
            taken = json.loads(session.receive(300) or b"")
            session.receive(60)
    except SessionOver as end:
        over = end
    if over is None or over.completed.ended is not Ended.EXITED:
        raise RuntimeError(f"the warm process did not end as it should: {over}")
    return taken, over.completed.cpu_seconds


def candidates(folder: Path, cycles: int, busy: float) -> dict[str, list[float]]:
    """Fork, run, reap; plainly and in a slot, in turns."""
    return _warm(folder, cycles, "fork slot", busy)[0]


def cpu_of_a_cycle(folder: Path, cycles: int, kind: str) -> float:
    """CPU seconds that a cycle adds to a session, the making of its slot included."""
    return (_warm(folder, 3 * cycles, kind, 0.0)[1] - _warm(folder, cycles, kind, 0.0)[1]) / (2 * cycles)


def starts(folder: Path, pairs: int) -> tuple[tuple[list[float], list[float]], tuple[list[float], list[float]]]:
    """Wall and CPU of an interpreter that does nothing, bare and confined in turns."""
    argv = (sys.executable, "-I", "-S", "-c", "pass")
    workspace = folder / "workspace"
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(pairs):
        bare = _timed(lambda: subprocess.run(argv, check=True))
        confined = _timed(lambda: _must_exit(_job(workspace, *argv)))
        taken.append((bare[0], confined[0], bare[1], confined[1]))
    columns = [list(column) for column in zip(*taken, strict=True)]
    return (columns[0], columns[1]), (columns[2], columns[3])


def workspaces(folder: Path, pairs: int) -> tuple[list[float], list[float], list[float]]:
    """Wall of a run in a small and in a large workspace in turns, and of copying the large one."""
    small, large = folder / "small", folder / "large"
    for root, count in ((small, 10), (large, 2000)):
        for number in range(count):
            file = root / f"package{number % 20}" / f"module{number}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"VALUE = {number}\n" * 20)
    few: list[float] = []
    many: list[float] = []
    copied: list[float] = []
    for number in range(pairs):
        few.append(_timed(lambda: _must_exit(_job(small, "true")))[0])
        many.append(_timed(lambda: _must_exit(_job(large, "true")))[0])
        if number < 3:
            copied.append(_timed(lambda: shutil.copytree(large, folder / "copy"))[0])
            shutil.rmtree(folder / "copy")
    return few, many, copied


def suites(folder: Path, pairs: int) -> tuple[list[float], list[float]]:
    """CPU of one suite, bare and confined in turns."""
    root = folder / "suite"
    root.mkdir()
    (root / "test_suite.py").write_text(SUITE)
    env = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    argv = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    bare: list[float] = []
    confined: list[float] = []
    for _ in range(pairs):
        bare.append(_timed(lambda: subprocess.run(argv, cwd=root, env=env, check=True, stdout=subprocess.DEVNULL))[1])
        confined.append(_timed(lambda: _must_exit(_job(root, *argv, env=env)))[1])
    return bare, confined


def _must_exit(job: Job) -> None:
    completed = run(job, Tier.FULL, lambda: False)
    assert (completed.ended, completed.status) == (Ended.EXITED, 0), completed


def _timed(action: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds; CPU of this process's children, which have all ended."""
    wall, cpu = time.perf_counter(), _cpu()
    action()
    return time.perf_counter() - wall, _cpu() - cpu


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(__doc__ or "", measure)
