"""The rules of ARCHITECTURE.md that a machine can hold."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {"fixloop": ROOT / "loop" / "fixloop", "fixloop_lsp": ROOT / "server" / "fixloop_lsp"}
MODULES = sorted(
    ".".join((name, *file.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__")
    for name, folder in PACKAGES.items()
    for file in folder.rglob("*.py")
)


def test_imports_follow_the_layers() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _imports(file: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("file", sorted((PACKAGES["fixloop"] / "probe").glob("*.py")), ids=lambda file: file.name)
def test_i4_the_probe_imports_only_the_standard_library_and_pytest(file: Path) -> None:
    assert _imports(file) <= {*sys.stdlib_module_names, "pytest", "_fixloop_probe"}


@pytest.mark.parametrize("file", sorted((PACKAGES["fixloop"] / "probe").glob("*.py")), ids=lambda file: file.name)
def test_the_probe_is_python_3_9(file: Path) -> None:
    ast.parse(file.read_bytes(), feature_version=(3, 9))


_WATCHED = """
import importlib, os, sys, threading
before = (set(os.listdir("/proc/self/fd")), threading.active_count(), os.getcwd(), dict(os.environ), set(os.listdir()))
importlib.import_module(sys.argv[1])
after = (set(os.listdir("/proc/self/fd")), threading.active_count(), os.getcwd(), dict(os.environ), set(os.listdir()))
assert before == after, (before, after)
"""


@pytest.mark.parametrize("module", [module for module in MODULES if not module.endswith("__main__")])
def test_i9_importing_a_module_has_no_side_effect(module: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-B", "-c", _WATCHED, module], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_architecture_document_names_what_is_there() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`((?:loop|server|editors|tests|bench|examples|docs)/[\w./-]+)`", text))
    assert named
    assert {path for path in named if not (ROOT / path).exists()} == set()


def test_each_invariant_names_a_test_that_exists() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", text))
    defined = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {f"I{number}" for number in range(1, 10)} <= set(re.findall(r"\bI\d\b", text))
    assert named - defined == set()
