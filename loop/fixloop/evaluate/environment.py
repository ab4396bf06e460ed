"""The environment that code under test gets: built from nothing, so that no secret of the caller's is in it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from fixloop.evaluate.interpreter import Interpreter

# What a project's own tests may need of the caller's environment; everything else stays out.
PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "DJANGO_SETTINGS_MODULE")


def environment(interpreter: Interpreter, environ: Mapping[str, str], granted: Sequence[str] = ()) -> dict[str, str]:
    """The whole environment of a run with that interpreter. ``granted`` names further variables of ``environ``."""
    env = {name: environ[name] for name in (*PASSED_ON, *granted) if name in environ}
    env.setdefault("LANG", "C.UTF-8")
    env["PATH"] = os.pathsep.join([str(interpreter.scripts), "/usr/local/bin", "/usr/bin", "/bin"])
    env["PYTHONDONTWRITEBYTECODE"] = "1"
    if (interpreter.scripts.parent / "pyvenv.cfg").is_file():
        env["VIRTUAL_ENV"] = str(interpreter.scripts.parent)
    return env
