"""Single faults seeded at random into real packages, each given to ``fixloop fix`` as a user would.

The faults are made here, on the syntax tree, without looking at fixloop's templates; only those that the package's
own tests notice count. Beside each repair stands one lean cold pytest run of the first failing test.
"""

from __future__ import annotations

import ast
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from _common import Figure, main
from rich.table import Table

CACHE = Path(__file__).parent.parent / ".bench-cache"
BIN = Path(sys.executable).parent
BUDGET_SECONDS = 60
QUICK_BUDGET_SECONDS = 15
SEED = 20261124


@dataclass(frozen=True)
class Package:
    """A pinned source distribution: the modules that get faults, and its tests."""

    requirement: str
    modules: tuple[str, ...]
    tests: str


PACKAGES = (
    Package("inflection==0.5.1", ("inflection/__init__.py",), "test_inflection.py"),
    Package("toolz==1.1.0", ("toolz/itertoolz.py", "toolz/dicttoolz.py", "toolz/functoolz.py"), "toolz/tests"),
    Package("parse==1.20.2", ("parse.py",), "tests"),
    Package("more-itertools==10.8.0", ("more_itertools/recipes.py", "more_itertools/more.py"), "tests"),
)


@dataclass(frozen=True)
class Fault:
    """A text that replaces one expression or statement."""

    module: str
    line: int
    kind: str
    text: str


def measure(quick: bool, say: Callable[[str], None]) -> tuple[Sequence[Figure], Sequence[Table]]:
    each = 1 if quick else 4
    table = Table(title="Faults seeded into real packages", title_justify="left")
    for heading in ("package", "fault", "ended", "as before", "seconds", "candidates", "cold run s", "in cold runs"):
        table.add_column(heading, justify="right" if heading[0] in "sci" else "left")
    packages: set[str] = set()
    verified: list[bool] = []
    same: list[bool] = []
    in_cold_runs: list[float] = []
    for package in PACKAGES[:3] if quick else PACKAGES:
        original = unpack(package)
        for fault, failing in noticed(package, original, each):
            say(f"{package.requirement}: {fault.module}:{fault.line} {fault.kind}")
            with tempfile.TemporaryDirectory(prefix="fixloop-bench-") as folder:
                copy = Path(folder) / original.name
                shutil.copytree(original, copy)
                (copy / fault.module).write_text(fault.text, "utf-8")
                cold = cold_seconds(copy, failing)
                document = fix(copy, failing.partition("::")[0], QUICK_BUDGET_SECONDS if quick else BUDGET_SECONDS)
                fixed = document["stop_reason"] == "verified"
                restored = fixed and equal_after(copy, original, document["patch"], fault.module)
            packages.add(package.requirement)
            verified.append(fixed)
            if fixed:
                same.append(restored)
                in_cold_runs.append(document["seconds"]["wall"] / cold)
            table.add_row(
                package.requirement,
                f"{fault.kind} ({fault.module}:{fault.line})",
                document["stop_reason"],
                "yes" if restored else "no" if fixed else "-",
                f"{document['seconds']['wall']:.1f}",
                str(document["attempts"]),
                f"{cold:.2f}",
                f"{document['seconds']['wall'] / cold:.0f}",
            )
    share = sum(verified) / len(verified)
    figures = [
        Figure("packages with a fault", len(packages), "at least 3", len(packages) >= 3),
        Figure("faults tried", len(verified), "stated", True),
        Figure("share verified", share, "stated" if quick else "at least 0.5", quick or share >= 0.5),
        Figure("share of those as before the fault", sum(same) / max(1, len(same)), "stated", True),
        Figure("median repair, in lean cold runs", median(in_cold_runs or [0.0]), "stated", True),
    ]
    return figures, [table]


def bare_python() -> Path:
    """An interpreter with pytest and nothing else, as a small project has it; made once."""
    python = CACHE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", CACHE / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", "pytest"], check=True, capture_output=True)
    return python


def unpack(package: Package) -> Path:
    """The package's source, downloaded once by pip."""
    name, version = package.requirement.split("==")
    target = CACHE / f"{name.replace('-', '_')}-{version}"
    if not target.exists():
        CACHE.mkdir(exist_ok=True)
        subprocess.run(
            [BIN / "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", package.requirement, "-d", CACHE],
            check=True,
            capture_output=True,
        )
        archive = next(CACHE.glob(f"{target.name}.tar.gz"))
        with tarfile.open(archive) as stream:
            stream.extractall(CACHE, filter="data")
    return target


def noticed(package: Package, original: Path, wanted: int) -> Iterator[tuple[Fault, str]]:
    """Random faults that at least one test of the package fails for, with that test."""
    choose = random.Random(f"{SEED} {package.requirement}")
    faults = [
        fault for module in package.modules for fault in faults_in(module, (original / module).read_text("utf-8"))
    ]
    choose.shuffle(faults)
    found = 0
    for fault in faults:
        with tempfile.TemporaryDirectory(prefix="fixloop-bench-") as folder:
            copy = Path(folder) / original.name
            shutil.copytree(original, copy)
            (copy / fault.module).write_text(fault.text, "utf-8")
            failing = first_failing(copy, package.tests)
        if failing:
            found += 1
            yield fault, failing
        if found == wanted:
            return


def first_failing(copy: Path, tests: str) -> str | None:
    try:
        done = run_pytest(copy, "-x", "-q", "-rf", tests, seconds=40)
    except subprocess.TimeoutExpired:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    return lines[0].split(" ")[1] if lines else None


def cold_seconds(copy: Path, failing: str) -> float:
    began = time.perf_counter()
    run_pytest(copy, "-x", "-q", failing, seconds=60)
    return time.perf_counter() - began


def run_pytest(copy: Path, *arguments: str, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [bare_python(), "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=copy,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=seconds,
    )


def fix(copy: Path, target: str, budget: int) -> dict:
    done = subprocess.run(
        [BIN / "fixloop", "fix", "--json", "--budget-seconds", str(budget), "--interpreter", bare_python(), target],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def equal_after(copy: Path, original: Path, patch: str, module: str) -> bool:
    """Whether the patch brings back the module as it was, layout aside."""
    subprocess.run(["git", "apply", "-"], input=patch, cwd=copy, text=True, check=True)
    return dump(copy / module) == dump(original / module)


def dump(file: Path) -> str:
    return ast.dump(ast.parse(file.read_text("utf-8")))


COMPARISONS = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Div, ast.Mod: ast.FloorDiv}


def faults_in(module: str, text: str) -> Iterator[Fault]:
    """Every fault that this generator knows, one at a time, inside functions."""
    tree = ast.parse(text)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        for node in ast.walk(function):
            for kind, old, new in slips(node):
                yield Fault(module, old.lineno, kind, replaced(text, old, new))


def slips(node: ast.AST) -> Iterator[tuple[str, ast.expr, str]]:
    """(kind, the node that is replaced, its new text)."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            swapped = ast.Compare(node.left, [COMPARISONS[type(op)]()], node.comparators)
            yield "comparison", node, f"({ast.unparse(swapped)})"
        case ast.BinOp() if type(node.op) in OPERATORS:
            yield "operator", node, f"({ast.unparse(ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right))})"
        case ast.BoolOp(values=[_, _]):
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield "and/or", node, f"({ast.unparse(ast.BoolOp(other, node.values))})"
        case ast.UnaryOp(op=ast.Not()):
            yield "lost negation", node, f"({ast.unparse(node.operand)})"
        case ast.Constant(value=bool()):
            yield "flag", node, str(not node.value)
        case ast.Constant(value=int()):
            yield "constant", node, str(node.value + 1)
        case ast.Call(args=[first, second, *rest]) if not any(isinstance(arg, ast.Starred) for arg in node.args):
            yield "argument order", node, ast.unparse(ast.Call(node.func, [second, first, *rest], node.keywords))
        case ast.Call(func=ast.Name(id="list" | "tuple" | "sorted" | "len" | "set"), args=[only]):
            yield "lost call", node, f"({ast.unparse(only)})"
        case _:
            return


def replaced(text: str, old: ast.expr, new: str) -> str:
    lines = text.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: old.lineno - 1])) + old.col_offset
    end = sum(map(len, lines[: (old.end_lineno or old.lineno) - 1])) + (old.end_col_offset or 0)
    data = text.encode()
    return (data[:start] + new.encode() + data[end:]).decode()


if __name__ == "__main__":
    main(__doc__ or "", measure)
