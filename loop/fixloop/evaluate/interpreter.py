"""Which Python runs the user's tests, found where its users expect it.

Order: the setting; the project's own environment; the tool's record of one (PDM, Poetry, Pipenv); the activated
environment; the environment that fixloop itself is installed in, unless a tool manager made it for fixloop alone; the
``python3`` of the path. The first that exists wins, and its origin is told: nobody has to guess.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from fixloop.evaluate.inspection import Interpreter, NoInterpreter, NoSandbox, behind_shim, inspect
from fixloop.evaluate.texts import read_small
from fixloop.records.settings import Sandbox

__all__ = ["Interpreter", "NoInterpreter", "NoSandbox", "find_interpreter"]

PROJECT_FOLDERS = (".venv", "venv", "env", ".env")


def find_interpreter(
    root: Path, setting: str | None, environ: Mapping[str, str], sandbox: Sandbox = "auto"
) -> Interpreter:
    """The interpreter for the project at ``root``, asked in the sandbox. Raises NoInterpreter and NoSandbox."""
    if setting:
        path = _as_python(Path(setting).expanduser())
        if path is None:
            raise NoInterpreter(f"The interpreter {setting} does not exist or is not executable.")
        return inspect(behind_shim(path, root, environ), "setting", root, environ, sandbox)
    refused: list[str] = []
    unconfined: NoSandbox | None = None
    for path, origin, by_user in _places(root, environ):
        try:
            asked = behind_shim(path, root, environ) if by_user else path
            return inspect(asked, origin, root, environ, sandbox)
        except NoInterpreter as error:
            refused.append(str(error))
        except NoSandbox as error:
            unconfined = error
    if unconfined:
        raise unconfined
    raise NoInterpreter(" ".join(refused) or "No Python interpreter was found.")


def _as_python(path: Path) -> Path | None:
    """The executable for a path that names one, or an environment's folder."""
    candidates = [path / "bin" / "python", path / "bin" / "python3", path / "Scripts" / "python.exe"]
    for candidate in candidates if path.is_dir() else [path]:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return Path(os.path.abspath(candidate))  # not resolved: the link is what makes it a virtual environment
    return None


def _places(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, str, bool]]:
    """Python, origin, and whether the user rather than a file of the workspace names it."""
    for find in (_project_folder, _pdm, _poetry, _pipenv, _activated, _own, _on_path):
        for path, origin in find(root, environ):
            python = _as_python(path)
            if python is not None:
                yield python, origin, find in {_activated, _own, _on_path}


_Found = Iterator[tuple[Path, str]]
_Finder = Callable[[Path, Mapping[str, str]], _Found]


def _project_folder(root: Path, _environ: Mapping[str, str]) -> _Found:
    above = [folder for folder in (root, *root.parents) if (folder / ".git").exists()]
    folders = [root, *root.parents]
    for folder in folders[: folders.index(above[0]) + 1] if above else [root]:
        for name in PROJECT_FOLDERS:
            if (folder / name / "pyvenv.cfg").is_file() or (folder / name / "conda-meta").is_dir():
                yield folder / name, f"the project's {name}" if folder == root else str(folder / name)


def _pdm(root: Path, _environ: Mapping[str, str]) -> _Found:
    named = read_small(root / ".pdm-python").strip()
    if named and "\0" not in named:
        yield root / named, ".pdm-python"


def _poetry(root: Path, environ: Mapping[str, str]) -> _Found:
    try:
        data: dict[str, Any] = tomllib.loads(read_small(root / "pyproject.toml"))
        tool, project = data.get("tool", {}), data.get("project", {})
        name = tool.get("poetry", {}).get("name") or project.get("name")
        uses_poetry = (root / "poetry.lock").exists() or "poetry" in tool
    except (ValueError, AttributeError):
        return
    if not (uses_poetry and isinstance(name, str) and re.fullmatch(r"[\w. -]+", name)):
        return
    # Poetry's documented naming of its cached environments: name, then a digest of the project's path.
    digest = base64.urlsafe_b64encode(hashlib.sha256(os.path.normcase(root).encode()).digest()).decode()[:8]
    stem = re.sub(r'[ $`!*@"\\\r\n\t]', "_", name.lower())[:42]
    cache = environ.get("POETRY_CACHE_DIR") or str(_home(environ) / ".cache" / "pypoetry")
    for folder in sorted((Path(cache) / "virtualenvs").glob(f"{stem}-{digest}-py*"), reverse=True):
        yield folder, "Poetry's environment"


def _pipenv(root: Path, environ: Mapping[str, str]) -> _Found:
    pipfile = root / "Pipfile"
    if not pipfile.is_file():
        return
    digest = base64.urlsafe_b64encode(hashlib.sha256(str(pipfile).encode()).digest()[:6]).decode()[:8]
    stem = re.sub(r'[ &$`!*@"()\[\]\\\r\n\t]', "_", root.name)[:42]
    homes = environ.get("WORKON_HOME") or str(_home(environ) / ".local" / "share" / "virtualenvs")
    yield Path(homes) / f"{stem}-{digest}", "Pipenv's environment"


def _activated(_root: Path, environ: Mapping[str, str]) -> _Found:
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX"):
        if environ.get(name):
            yield Path(environ[name]), f"the activated environment ({name})"


def _own(_root: Path, _environ: Mapping[str, str]) -> _Found:
    if sys.prefix != sys.base_prefix and not re.search(r"[/\\](pipx|uv[/\\]tools)[/\\]", sys.prefix):
        yield Path(sys.executable), "the environment that fixloop is installed in"


def _on_path(_root: Path, environ: Mapping[str, str]) -> _Found:
    for name in ("python3", "python"):
        found = shutil.which(name, path=environ.get("PATH"))
        if found:
            yield Path(found), f"{name} on the path"


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or "~").expanduser()
