"""Real commands in the real sandbox: what its tests share. Judge by what happened on the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import fixloop
from fixloop.sandbox.run import Completed, Ended, Job, Limits, Tier

PACKAGES = Path(fixloop.__file__).parents[1]
PREFIXES = (Path(sys.prefix), Path(sys.base_prefix))
NOT_LINUX = sys.platform != "linux"

namespaces = pytest.param(Tier.FULL, marks=pytest.mark.skipif(NOT_LINUX, reason="namespaces exist only on Linux"))
SYSTEM_PYTHON = "/usr/bin/python3"
throw_away = pytest.param(
    Tier.ROOT, marks=pytest.mark.skipif(os.getuid() != 0 or not Path(SYSTEM_PYTHON).exists(), reason="only for root")
)
all_tiers = pytest.mark.parametrize("tier", [namespaces, throw_away, Tier.REDUCED])
host_tiers = pytest.mark.parametrize("tier", [throw_away, Tier.REDUCED])
both_tiers = pytest.mark.parametrize("tier", [namespaces, Tier.REDUCED])
namespaces_only = pytest.mark.parametrize("tier", [namespaces])


def job(root: Path, code: str, *args: str, **changes: object) -> Job:
    """A job that runs Python code; ``tell(value)`` in it answers on the channel."""
    tell = "import json, os, sys\ndef tell(value): os.write(4, json.dumps(value).encode() + b'\\n')\n"
    values: dict[str, object] = {
        "argv": (sys.executable, "-I", "-S", "-c", tell + code, *args),
        "root": root,
        "files": {},
        "visible": PREFIXES,
        "tools": PACKAGES / "fixloop" / "probe",
        "env": {"PATH": "/usr/bin:/bin"},
        "request": b"",
        "limits": Limits(wall_seconds=30),
        **changes,
    }
    return Job(**values)  # pyright: ignore[reportArgumentType]


def job_for(tier: Tier, root: Path, code: str, *args: str, **changes: object) -> Job:
    """The same under a Python that the tier's user can read."""
    if tier is not Tier.ROOT:
        return job(root, code, *args, **changes)
    argv = (SYSTEM_PYTHON, *job(root, code, *args).argv[1:])
    return job(root, code, *args, **{"argv": argv, "visible": (), **changes})


def never() -> bool:
    return False


def told(completed: Completed) -> object:
    assert completed.ended is Ended.EXITED, completed
    assert completed.channel, completed.output.decode()
    return json.loads(completed.channel)


def processes_with(token: str) -> list[str]:
    found: list[str] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if token.encode() in words:
            found.append(f"{folder.name} {words!r}")
    return found


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


STUBBORN = """
import signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.write(4, b"ready\\n")
        time.sleep(600)
    os._exit(0)
"""


PARENT = """
import json, sys
from pathlib import Path
from fixloop.sandbox.run import Job, Limits, Tier, choose_tier, run
asked = json.loads(sys.argv[1])
report = choose_tier() if asked["choose"] else None
completed = run(
    Job(
        argv=(asked["python"] or sys.executable, "-I", "-S", *asked["argv"]),
        root=Path(asked["root"]), files={"text": b"unsaved"},
        visible=() if asked["python"] else (Path(sys.prefix), Path(sys.base_prefix)),
        tools=Path(asked["root"]), env={}, request=b"",
        limits=Limits(wall_seconds=30),
    ),
    Tier(asked["tier"]), lambda: False, lambda record: print(record.decode(), flush=True),
)
print(json.dumps([completed.ended, completed.status, completed.detail, report and report.tier]))
"""


def parent_arguments(
    python: str, root: Path, tier: Tier, *argv: str, choose: bool = False, inside: str = ""
) -> list[str]:
    asked = {"python": inside, "root": str(root), "tier": tier.value, "argv": argv, "choose": choose}
    return [python, "-c", PARENT, json.dumps(asked)]


def system_python_serves_others() -> bool:
    ask = "import sys; sys.path.insert(0, sys.argv[1]); import fixloop.sandbox.run"
    argv = [SYSTEM_PYTHON, "-c", ask, str(PACKAGES)]
    return subprocess.run(argv, user=54321, group=54321, extra_groups=[], cwd="/", check=False).returncode == 0
