"""Start a program of the user's own (a shim on the path, Neovim) outside the sandbox and take its output.

Never used for anything that the workspace supplies or names, an interpreter of its own included.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


class ProcessFailed(Exception):
    """It could not be started, took too long, or ended with another status than 0."""


def capture(argv: Sequence[str], cwd: Path, env: Mapping[str, str], seconds: float) -> str:
    """Standard output of a command that has to succeed. Raises ProcessFailed."""
    try:
        done = subprocess.run(  # noqa: S603 (argv comes from discovery, never from the workspace)
            argv,
            cwd=cwd,
            env=dict(env),
            timeout=seconds,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProcessFailed(f"no answer within {seconds:g} s") from None
    except OSError as error:
        raise ProcessFailed(error.strerror or str(error)) from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ProcessFailed(f"exit status {done.returncode}, {last}")
    return done.stdout
