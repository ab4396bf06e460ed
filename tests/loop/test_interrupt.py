"""Ctrl-C at any moment: the documented exit status, no process and no file left behind."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from projects import fingerprint, write

PR_SET_CHILD_SUBREAPER = 36
FILES = {
    "pyproject.toml": "",
    "mod.py": "def f(items):\n    total = 0\n    for item in items:\n        total += item\n    return total\n",
    "test_mod.py": "import time\nfrom mod import f\ndef test_f():\n    time.sleep(0.3)\n    assert f([1, 2]) == 'no'\n",
}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans to count them needs Linux")


@pytest.fixture
def adopting() -> Iterator[None]:
    """Whatever outlives the command becomes a child of this process, where it can be seen."""
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def children() -> set[int]:
    return {int(pid) for task in Path("/proc/self/task").iterdir() for pid in (task / "children").read_text().split()}


@pytest.mark.usefixtures("adopting")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.0, 0.3, 0.6, 1.0, 1.6, 2.5])
def test_an_interrupt_leaves_nothing(tmp_path: Path, number: signal.Signals, seconds: float) -> None:
    root, scratch = write(tmp_path / "project", FILES), tmp_path / "scratch"
    scratch.mkdir()
    before, own = fingerprint(root), children()
    process = subprocess.Popen(
        [sys.executable, "-B", "-m", "fixloop.cli", "fix", "--json", "test_mod.py"],
        cwd=root,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    time.sleep(seconds)
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    if said:  # the very first moments belong to the interpreter, which only dies
        assert json.loads(said)["stop_reason"] == "cancelled", said
        assert process.returncode == 130
    deadline = time.monotonic() + 0.5
    while children() - own and time.monotonic() < deadline:
        time.sleep(0.02)
    assert children() - own == set()
    assert list(scratch.iterdir()) == []
    assert fingerprint(root) == before
