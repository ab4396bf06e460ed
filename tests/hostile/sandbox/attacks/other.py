"""Has attacks and other code carried out by an ordinary user, where the tests themselves run as root."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from boxes import PACKAGES, SYSTEM_PYTHON, system_python_serves_others

OTHER = 54321
_TESTS = Path(__file__).parents[3]


def as_other(where: str, codes: Mapping[str, str | tuple[str, str, str]]) -> dict[str, object]:
    """Name -> [damage, what went wrong] for each code, or attack as ``drive`` reads it, in a tier or ``bare``."""
    if not Path(SYSTEM_PYTHON).exists() or not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    asked = {name: (code, "", "alone") if isinstance(code, str) else code for name, code in codes.items()}
    done = subprocess.run(
        [SYSTEM_PYTHON, "-m", "hostile.sandbox.attacks.drive", where],
        input=json.dumps(asked),
        user=OTHER,
        group=OTHER,
        extra_groups=[],
        cwd="/",
        env={
            "PYTHONPATH": f"{PACKAGES}:{_TESTS}",
            "PATH": os.defpath,
            "TMPDIR": "/tmp",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
