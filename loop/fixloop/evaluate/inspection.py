"""Asks a Python about itself, in the sandbox: an environment's files run code, and a repository may bring them.

What has to be readable for the question is derived from links and ``pyvenv.cfg``, without running anything. The answer
is untrusted: it is checked, and what it adds to the readable folders goes through ``exposure``. Outside the sandbox
runs only a shim (pyenv's and the like) that the user's own path or setting names, to learn which Python it stands for.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fixloop import probe
from fixloop.evaluate.exposure import Exposure, expose, homes_of, libraries
from fixloop.evaluate.project import repository_top
from fixloop.evaluate.texts import read_small
from fixloop.probe import wire
from fixloop.records.settings import Sandbox
from fixloop.sandbox.process import ProcessFailed, capture
from fixloop.sandbox.run import Completed, Ended, Job, Limits, Tier, choose_tier, run

SECONDS = 20.0
INTERESTING = ("pytest", "ruff", "flake8", "mypy", "pyright", "basedpyright", "ty")
_SCRIPTS = frozenset({"bin", "Scripts"})
_PYTHON = re.compile(r"(python|pypy)[\d.]*t?(\.exe)?")


@dataclass(frozen=True)
class Interpreter:
    """A Python and what the sandbox needs to know of it. ``origin`` says where it was found."""

    path: Path
    origin: str
    version: str
    prefixes: tuple[Path, ...]  # to be visible inside the sandbox
    sys_path: tuple[str, ...]  # entries outside the prefixes that its own start-up does not add when isolated
    packages: frozenset[str]  # which of INTERESTING it can import
    notes: tuple[str, ...] = ()  # what its environment names and the sandbox does not show, in sentences

    @property
    def scripts(self) -> Path:
        """The folder of its console scripts."""
        return self.path.parent


class NoInterpreter(Exception):
    """No usable Python was found, or the one asked for does not run; the message is for a person."""


class NoSandbox(Exception):
    """No Python was asked, since nothing can be confined here; the message is for a person."""


# The current directory goes first: it is the workspace. Entries of .pth files are read, as those that are not visible
# yet have been left out of sys.path.
_ASK = f"""
import sys
sys.path[:] = [p for p in sys.path if p]
import importlib.util as u, json, os, site
user = ""
if site.ENABLE_USER_SITE:
    os.environ["HOME"] = sys.argv[1]
    site.USER_BASE = site.USER_SITE = None
    user = site.getusersitepackages()
    site.addsitedir(user)
named = []
for place in list(sys.path):
    try:
        files = [n for n in os.listdir(place) if n.endswith(".pth")]
    except OSError:
        continue
    for name in files:
        try:
            with open(os.path.join(place, name), encoding="utf-8", errors="replace") as file:
                lines = [line.strip() for line in file]
        except OSError:
            continue
        named += [os.path.join(place, t) for t in lines if t and not t.startswith(("#", "import ", "import\\t"))]
os.write({wire.CHANNEL_FD}, json.dumps({{
  "version": sys.version.split()[0],
  "prefixes": [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix],
  "path": [p for p in sys.path if p] + named,
  "user": user,
  "editable": [str(place) for finder in sys.meta_path
               for module in [sys.modules.get(getattr(finder, "__module__", None))]
               if getattr(module, "__name__", "").startswith("__editable__")
               for place in getattr(module, "MAPPING", {{}}).values()],
  "packages": [n for n in {INTERESTING!r} if u.find_spec(n)],
}}).encode() + b"\\n")
"""


@dataclass(frozen=True)
class _Answer:
    version: str
    prefixes: tuple[Path, ...]
    places: tuple[Path, ...]
    user: str
    packages: frozenset[str]


def inspect(path: Path, origin: str, root: Path, environ: Mapping[str, str], sandbox: Sandbox = "auto") -> Interpreter:
    """Ask a Python about itself. Raises NoInterpreter when it does not answer or is too old, and NoSandbox."""
    root = root.resolve()
    first = expose(_derived(path, root, environ), root, environ)
    answer = _ask(path, origin, first, root, environ, sandbox)
    prefixes = (part for prefix in answer.prefixes for part in _of_prefix(prefix, root, environ))
    then = expose((*first.shown, *prefixes, *answer.places), root, environ)
    if "pytest" not in answer.packages and set(then.shown) != set(first.shown):
        answer = _ask(path, origin, then, root, environ, sandbox)  # it may lie where nothing was visible yet
    if tuple(map(int, answer.version.split(".")[:2])) < (3, 9):
        raise NoInterpreter(f"{path} ({origin}) is Python {answer.version}; 3.9 or later is needed.")
    return Interpreter(
        path=path,
        origin=origin,
        version=answer.version,
        prefixes=(*then.shown, *_programs(path)),
        sys_path=(answer.user,) if Path(answer.user) in then.shown else (),
        packages=answer.packages,
        notes=tuple(map(str, then.refused)),
    )


def behind_shim(path: Path, root: Path, environ: Mapping[str, str]) -> Path:
    """The Python that a shim of the user's stands for; any other program's own path.

    It runs outside the sandbox, so only what has a Python's name and lies outside the workspace and its repository is
    asked, isolated, without ``site``, in "/", and with nothing of the workspace on its path.
    """
    top = repository_top(root.resolve())
    real = path.resolve()
    if real.is_relative_to(top) or path.is_relative_to(top) or not _PYTHON.fullmatch(path.name):
        return path
    if not _is_shim(real):
        return path
    env = {name: environ[name] for name in ("HOME", "LANG") if name in environ}
    env["PATH"] = trusted_path(root, environ)
    try:
        said = capture([str(path), "-I", "-S", "-c", "import sys; print(sys.executable)"], Path("/"), env, SECONDS)
    except ProcessFailed:
        return path
    found = Path(said.strip())
    return found if found.is_absolute() and os.access(found, os.X_OK) and found.is_file() else path


def trusted_path(root: Path, environ: Mapping[str, str]) -> str:
    """The user's PATH without what the workspace or the current directory could supply."""
    top = repository_top(root.resolve())
    entries = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(
        entry for entry in entries if Path(entry).is_absolute() and not Path(entry).resolve().is_relative_to(top)
    )


def _is_shim(real: Path) -> bool:
    if sys.platform == "darwin" and real == Path("/usr/bin/python3"):
        return True
    try:
        with real.open("rb") as file:
            return file.read(2) == b"#!" or not _PYTHON.fullmatch(real.name)
    except OSError:
        return False


def _ask(path: Path, origin: str, seen: Exposure, root: Path, environ: Mapping[str, str], sandbox: Sandbox) -> _Answer:
    visible = (*seen.shown, *_programs(path))
    report = choose_tier(sandbox, path, visible, root)
    if report.tier is Tier.REFUSE:
        raise NoSandbox(report.refusal)
    homes = homes_of(environ)
    with _workspace(report.tier, root) as (workspace, beside):
        job = Job(
            argv=(str(path), "-c", _ASK, str(homes[0]) if homes else "/"),
            root=workspace,
            files={},
            visible=(*visible, *beside),
            tools=Path(probe.__file__).parent,
            env={"LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            request=b"",
            limits=Limits(wall_seconds=SECONDS),
        )
        completed = run(job, report.tier, lambda: False)
    try:
        return _read(completed)
    except (ValueError, KeyError, TypeError, AttributeError):
        why = " ".join((_why(completed), *map(str, seen.refused)))
        raise NoInterpreter(f"{path} ({origin}) does not run as a Python interpreter: {why}") from None


@contextmanager
def _workspace(tier: Tier, root: Path) -> Generator[tuple[Path, Sequence[Path]]]:
    """The workspace of a question, and what is shown beside it. Without an overlay a copy would cost far too much."""
    if tier is Tier.FULL:
        yield root, ()
        return
    with TemporaryDirectory(prefix="fixloop-ask-") as empty:
        yield Path(empty).resolve(), (root,)


def _read(completed: Completed) -> _Answer:
    """Raises ValueError, KeyError, TypeError or AttributeError for anything but a well-formed answer."""
    said: dict[str, Any] = json.loads(completed.channel.split(b"\n")[0])
    version = re.match(r"\d+\.\d+[\w.+]*", said["version"])
    if completed.ended is not Ended.EXITED or version is None:
        raise ValueError
    return _Answer(
        version[0],
        _paths(said["prefixes"]),
        _paths([*said["path"], said["user"], *said["editable"]]),
        str(said["user"]),
        frozenset(said["packages"]).intersection(INTERESTING),
    )


def _paths(said: list[str]) -> tuple[Path, ...]:
    return tuple(Path(place) for place in said if Path(place).is_absolute() and "\0" not in place)


def _why(completed: Completed) -> str:
    if completed.ended is not Ended.EXITED:
        return completed.detail or completed.ended.value
    last = (completed.output.decode("utf-8", "replace").strip().splitlines() or ["no message"])[-1]
    return f"exit status {completed.status}, {last}." if completed.status else "it gave no answer of the kind."


def _derived(path: Path, root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """The folders that a Python needs to start: those of its links' steps, and of the Python below an environment."""
    yield from _from(path, root, environ)
    settings = _settings(path.parent.parent / "pyvenv.cfg") or _settings(path.parent / "pyvenv.cfg")
    home = settings.get("home", "")
    if Path(home).is_absolute():
        for name in ("python3", "python"):
            yield from _from(Path(home) / name, root, environ)
    if not settings or settings.get("include-system-site-packages", "").lower() == "true":
        for user in homes_of(environ):
            yield from libraries(user / ".local")


def _from(path: Path, root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    for step in (*_steps(path), Path(os.path.realpath(path))):
        prefix = step.parent.parent if step.parent.name in _SCRIPTS else step.parent
        yield from _of_prefix(prefix, root, environ)


def _of_prefix(prefix: Path, root: Path, environ: Mapping[str, str]) -> Sequence[Path]:
    if expose([prefix], root, environ).shown:
        return [prefix]
    return libraries(prefix) or [prefix]  # of ~ or ~/.local, only what is Python's


def _steps(path: Path) -> Iterator[Path]:
    """The path and each that its links lead to, as they are written: every folder on the way must be visible."""
    yield path
    for _ in range(10):
        if not path.is_symlink():
            return
        path = path.parent / path.readlink()
        yield path


def _programs(path: Path) -> Sequence[Path]:
    real = Path(os.path.realpath(path))
    # A link may lead anywhere: only what is called Python is taken for one.
    return (*_steps(path), real) if real.is_file() and _PYTHON.fullmatch(real.name) else ()


def _settings(file: Path) -> Mapping[str, str]:
    pairs = (line.partition("=") for line in read_small(file).splitlines())
    return {name.strip().lower(): value.strip() for name, _, value in pairs if value}
