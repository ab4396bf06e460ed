"""Which Python runs the user's tests, found where its users expect it.

Order: the setting; the project's own environment; the tool's record of one (PDM, Poetry, Pipenv); the activated
environment; the environment that fixloop itself is installed in, unless a tool manager made it for fixloop alone; the
``python3`` of the path. The first that exists wins, and its origin is told: nobody has to guess.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fixloop.sandbox.process import ProcessFailed, capture

PROJECT_FOLDERS = (".venv", "venv", "env", ".env")


@dataclass(frozen=True)
class Interpreter:
    """A Python and what the sandbox needs to know of it. ``origin`` says where it was found."""

    path: Path
    origin: str
    version: str
    prefixes: tuple[Path, ...]  # to be visible inside the sandbox
    sys_path: tuple[str, ...]  # entries outside the prefixes that its own start-up does not add when isolated
    packages: frozenset[str]  # which of INTERESTING it can import

    @property
    def scripts(self) -> Path:
        """The folder of its console scripts."""
        return self.path.parent


class NoInterpreter(Exception):
    """No usable Python was found, or the one asked for does not run; the message is for a person."""


INTERESTING = ("pytest", "ruff", "flake8", "mypy", "pyright", "basedpyright", "ty")

_ASK = f"""
import importlib.util as u, json, site, sys
print(json.dumps({{
  "executable": sys.executable, "version": sys.version.split()[0], "info": list(sys.version_info[:2]),
  "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix],
  "path": [p for p in sys.path if p],
  "user": site.getusersitepackages() if site.ENABLE_USER_SITE else "",
  "editable": [str(place) for finder in sys.meta_path
               for module in [sys.modules.get(getattr(finder, "__module__", None))]
               if getattr(module, "__name__", "").startswith("__editable__")
               for place in getattr(module, "MAPPING", {{}}).values()],
  "packages": [n for n in {INTERESTING!r} if u.find_spec(n)],
}}))
"""


def find_interpreter(root: Path, setting: str | None, environ: Mapping[str, str]) -> Interpreter:
    """The interpreter for the project at ``root``. Raises NoInterpreter."""
    if setting:
        path = _as_python(Path(setting).expanduser())
        if path is None:
            raise NoInterpreter(f"The interpreter {setting} does not exist or is not executable.")
        return inspect(path, "setting", environ)
    refused: list[str] = []
    for path, origin in _places(root, environ):
        try:
            return inspect(path, origin, environ)
        except NoInterpreter as error:
            refused.append(str(error))
    raise NoInterpreter(" ".join(refused) or "No Python interpreter was found.")


def inspect(path: Path, origin: str, environ: Mapping[str, str]) -> Interpreter:
    """Ask a Python about itself. Raises NoInterpreter when it does not answer or is too old."""
    kept = {name: environ[name] for name in ("HOME", "PATH", "LANG") if name in environ}
    try:
        # In "/" and by -c, so that no file of the workspace can take part.
        answer = capture([str(path), "-c", _ASK], cwd=Path("/"), env=kept, seconds=20)
        said = json.loads(answer)
    except (ProcessFailed, ValueError) as error:
        raise NoInterpreter(f"{path} ({origin}) does not run as a Python interpreter: {error}") from None
    if tuple(said["info"]) < (3, 9):
        raise NoInterpreter(f"{path} ({origin}) is Python {said['version']}; 3.9 or later is needed.")
    user = [said["user"]] if said["user"] else []
    places = [*said["path"], *user, *said["editable"]]  # setuptools keeps an editable install's in a finder of its own
    outside = [Path(entry) for entry in places if Path(entry).is_dir()]
    return Interpreter(
        path=Path(said["executable"]),  # behind a shim stands the real one
        origin=origin,
        version=said["version"],
        prefixes=tuple(dict.fromkeys([*map(Path, said["prefixes"]), *outside, *_chain(Path(said["executable"]))])),
        sys_path=tuple(user),
        packages=frozenset(said["packages"]),
    )


def _chain(path: Path) -> Iterator[Path]:
    # A virtual environment's python is a link, often to a link: every folder on the way must be visible.
    for _ in range(10):
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()
        yield path.parent.parent if path.parent.name in {"bin", "Scripts"} else path


def _as_python(path: Path) -> Path | None:
    """The executable for a path that names one, or an environment's folder."""
    candidates = [path / "bin" / "python", path / "bin" / "python3", path / "Scripts" / "python.exe"]
    for candidate in candidates if path.is_dir() else [path]:
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return Path(os.path.abspath(candidate))  # not resolved: the link is what makes it a virtual environment
    return None


def _places(root: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    for find in (_project_folder, _pdm, _poetry, _pipenv, _activated, _own, _on_path):
        for path, origin in find(root, environ):
            python = _as_python(path)
            if python is not None:
                yield python, origin


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
    record = root / ".pdm-python"
    if record.is_file():
        yield Path(record.read_text("utf-8", "replace").strip()), ".pdm-python"


def _poetry(root: Path, environ: Mapping[str, str]) -> _Found:
    try:
        data = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError):
        return
    name = data.get("tool", {}).get("poetry", {}).get("name") or data.get("project", {}).get("name")
    if not name or not ((root / "poetry.lock").exists() or "poetry" in data.get("tool", {})):
        return
    # Poetry's documented naming of its cached environments: name, then a digest of the project's path.
    digest = base64.urlsafe_b64encode(hashlib.sha256(os.path.normcase(root).encode()).digest()).decode()[:8]
    stem = re.sub(r'[ $`!*@"\\\r\n\t]', "_", str(name).lower())[:42]
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
