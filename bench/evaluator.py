"""How much cheaper a candidate is in the warm evaluator than in a lean cold run of the same failing test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

from _common import Figure, main
from rich.table import Table

from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.imports import imported_packages
from fixloop.evaluate.inspection import inspect
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.evaluate.warm import LARGEST_BATCH, WarmEvaluator, Way
from fixloop.evaluate.warmed import Afresh, Warmed
from fixloop.localize.rank import rank_suspects
from fixloop.ports import Brief, RunRequest
from fixloop.propose.portfolio import OfflineProposer
from fixloop.records.attempt import Candidate
from fixloop.records.execution import Execution, Outcome
from fixloop.sandbox.run import Job, Tier, choose_tier, open_session

EXAMPLE = Path(__file__).parents[1] / "examples" / "basket"
CHECK = "tests/test_basket.py::test_shares_add_up[10.00-weights0-shares0]"
CACHE = Path(__file__).parents[1] / ".bench-cache"
LEAN = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}


class Never:
    def requested(self) -> bool:
        return False


@dataclass(frozen=True)
class Cost:
    wall: float
    cpu: float


class Bench:
    """One interpreter on the example. ``pids``: the launchers of the warm processes that were started."""

    def __init__(self, python: Path, root: Path, tier: Tier) -> None:
        self.python, self.root, self.tier = python, root, tier
        self.sources = WorkspaceSources(root, {})
        interpreter = inspect(python, "bench", root, os.environ)
        self.cold = ColdEvaluator(root, {}, self.sources, interpreter, tier, Never(), {}, workers=1)
        self.request = RunRequest((CHECK,), wall_seconds=20, check_seconds=2.0, lean=True)

    def candidates(self, at_most: int) -> list[Candidate]:
        first = self.cold.run(RunRequest((), spectrum=True))
        failing = [result for result in first.broken if result.id == CHECK]
        suspects = rank_suspects(failing, first.passed, first.spectrum, self.sources)
        proposed = OfflineProposer().propose(Brief(suspects, failing, self.sources, 0))
        return list(islice(proposed, at_most))

    @contextmanager
    def warmed(self) -> Iterator[Warmed]:
        start: Callable[[Job], object] = partial(open_session, tier=self.tier)
        packages = imported_packages(self.root)
        warmed = Warmed.start(start, self.cold, self.root, self.request, "0", packages, Never().requested)  # type: ignore[arg-type]
        try:
            yield warmed
        finally:
            warmed.close()

    def pytest(self, *arguments: str) -> Cost:
        argv = [str(self.python), "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
        began = time.perf_counter()
        process = subprocess.Popen(argv, cwd=self.root, env=LEAN, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)


def descendants() -> list[int]:
    """This process's children and theirs."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def cpu_of_descendants() -> float:
    """Seconds, of those that have ended and were waited for, too."""
    total = 0
    for process in descendants():
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def memory_of(processes: Sequence[int]) -> float:
    """MB, shared pages counted once."""
    total = 0
    for process in processes:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def cost_each(run: Callable[[], object], count: int, times: int) -> Cost:
    walls: list[float] = []
    cpu = cpu_of_descendants()
    for _ in range(times):
        began = time.perf_counter()
        run()
        walls.append((time.perf_counter() - began) / count)
    return Cost(median(walls), (cpu_of_descendants() - cpu) / (count * times))


def interpreters(say: Callable[[str], None]) -> list[Path]:
    """Bare ones, with pytest and nothing else: of this one, and of those that FIXLOOP_BENCH_PYTHONS names."""
    found: list[Path] = []
    for name in [sys.executable, *os.environ.get("FIXLOOP_BENCH_PYTHONS", "").split()]:
        ask = "import sys; print(*sys.version_info[:2], sep='.')"
        version = subprocess.run([name, "-c", ask], capture_output=True, text=True, check=True)
        folder = CACHE / f"bare-{version.stdout.strip()}"
        if not (folder / "bin" / "pytest").exists():
            say(f"making {folder.name}")
            subprocess.run([name, "-m", "venv", folder], check=True)
            subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "-q", "pytest"], check=True)
        found.append(folder / "bin" / "python")
    return found


def failing_and_fixing(
    answers: Sequence[Execution | Afresh], tried: Sequence[Candidate]
) -> tuple[list[Candidate], list[Candidate]]:
    outcomes = [answer.outcome(CHECK) if isinstance(answer, Execution) else None for answer in answers]
    pairs = list(zip(tried, outcomes, strict=True))
    return (
        [candidate for candidate, outcome in pairs if outcome is Outcome.FAILED],
        [candidate for candidate, outcome in pairs if outcome is Outcome.PASSED],
    )


def measure_one(
    bench: Bench, quick: bool, say: Callable[[str], None]
) -> tuple[list[Figure], Sequence[tuple[str, Cost]]]:
    runs = 5 if quick else 15
    version = bench.python.parent.parent.name.removeprefix("bare-")
    say(f"Python {version}: cold runs")
    cold = [bench.pytest("-x", CHECK) for _ in range(runs)]
    collect = [bench.pytest("--collect-only", CHECK) for _ in range(runs)]
    cold_cost = Cost(median(cost.wall for cost in cold), median(cost.cpu for cost in cold))
    candidates = bench.candidates(300 if quick else 1000)
    say(f"Python {version}: {len(candidates)} candidates")
    with bench.warmed() as warmed:
        warmed.load(bench.request)
        attempt = partial(warmed.attempt, request=bench.request, patient=False)
        failing, fixing = failing_and_fixing(attempt(candidates[:200]), candidates[:200])
        batch = failing[:LARGEST_BATCH]
        filtering = cost_each(lambda: attempt(batch), len(batch), 10 * runs)
        confirming = cost_each(lambda: attempt(fixing[:1] * 16), 16, runs)
        loads: list[float] = []
        for _ in range(runs):
            began = time.perf_counter()
            warmed.load(bench.request)
            loads.append(time.perf_counter() - began)
        say(f"Python {version}: memory")
        extra = memory_of(warm_processes()) - memory_alone(bench)
    with closing(
        WarmEvaluator(bench.cold, bench.root, Never(), 10.0, partial(open_session, tier=bench.tier))
    ) as evaluator:
        next(evaluator.screen(candidates[:1], bench.request))
        began = time.perf_counter()
        for _ in evaluator.screen(candidates, bench.request):
            pass
        each = (time.perf_counter() - began) / len(candidates)
        ways = evaluator.ways
    goal = 300 if version >= "3.13" else 100
    ready = median(loads) / median(cost.wall for cost in collect)
    figures = [
        ratio(f"{version}: a cold run, in filtered candidates, CPU", cold_cost.cpu / filtering.cpu, 500),
        ratio(f"{version}: a cold run, in confirmed candidates, CPU", cold_cost.cpu / confirming.cpu, 50),
        ratio(f"{version}: candidates a second, end to end, over a cold loop", cold_cost.wall / each, goal),
        Figure(
            f"{version}: share of them imported anew or cold", 1 - ways[Way.EXCHANGED] / ways.total(), "stated", True
        ),
        Figure(f"{version}: from a save to ready, in runs of --collect-only", ready, "at most 0.6", ready <= 0.6),
        Figure(f"{version}: memory of the warm parents above the project's, MB", extra, "under 60", extra < 60),
    ]
    return figures, [("cold run", cold_cost), ("filter", filtering), ("confirm", confirming)]


def ratio(name: str, value: float, goal: int) -> Figure:
    return Figure(name, value, f"at least {goal}", value >= goal)


def warm_processes() -> list[int]:
    return [process for process in descendants() if _is_warm(process)]


def _is_warm(process: int) -> bool:
    try:
        return b"_fixloop_probe.warm" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


def memory_alone(bench: Bench) -> float:
    """MB of an interpreter that has imported the project and nothing else."""
    code = "import basket, sys; print(flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [bench.python, "-c", code], cwd=bench.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()
    found = memory_of([process.pid])
    process.communicate()
    return found


def measure(quick: bool, say: Callable[[str], None]) -> tuple[Sequence[Figure], Sequence[Table]]:
    tier = choose_tier().tier
    if tier is not Tier.FULL:
        return [Figure("the full sandbox tier is there", 0, "needed", False)], []
    figures: list[Figure] = []
    table = Table(title="Medians for one failing test, ms", title_justify="left")
    for heading in ("Python", "what", "wall", "CPU"):
        table.add_column(heading, justify="right" if heading in {"wall", "CPU"} else "left")
    with tempfile.TemporaryDirectory(prefix="fixloop-bench-") as folder:
        root = Path(folder).resolve() / EXAMPLE.name
        shutil.copytree(EXAMPLE, root)
        for python in interpreters(say):
            found, costs = measure_one(Bench(python, root, tier), quick, say)
            figures += found
            for name, cost in costs:
                version = python.parent.parent.name.removeprefix("bare-")
                table.add_row(version, name, f"{cost.wall * 1000:.2f}", f"{cost.cpu * 1000:.2f}")
    return figures, [table]


if __name__ == "__main__":
    main(__doc__ or "", measure)
