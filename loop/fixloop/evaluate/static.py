"""The project's own lint and type checkers, where it has them. They run in the sandbox: their plugins are code too."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fixloop import probe
from fixloop.evaluate.interpreter import Interpreter
from fixloop.evaluate.texts import read_small
from fixloop.sandbox.run import Ended, Job, Limits, Tier, run

SECONDS = 60.0


@dataclass(frozen=True)
class Diagnostic:
    """One finding of a static tool."""

    path: str
    line: int
    code: str
    message: str


@dataclass(frozen=True)
class Report:
    """What a tool found, or in ``note`` why none was run."""

    tool: str | None
    diagnostics: tuple[Diagnostic, ...]
    note: str = ""


@dataclass(frozen=True)
class Tool:
    """A static tool: how to call it, what shows that a project uses it, how to read its answer."""

    name: str
    arguments: tuple[str, ...]  # after ``python -m name``
    configured_by: tuple[str, ...]  # files, or tables of pyproject.toml written as "tool.name"
    parse: Callable[[str], Iterator[Diagnostic]]


def _ruff(output: str) -> Iterator[Diagnostic]:
    for found in json.loads(output or "[]"):
        yield Diagnostic(found["filename"], found["location"]["row"], found["code"] or "syntax", found["message"])


_LINE = re.compile(r"^(?P<path>[^:\n]+\.pyi?):(?P<line>\d+)(?::\d+)*:\s+(?P<rest>.+)$", re.MULTILINE)


def _flake8(output: str) -> Iterator[Diagnostic]:
    for match in _LINE.finditer(output):
        code, _, message = match["rest"].partition(" ")
        yield Diagnostic(match["path"], int(match["line"]), code, message)


def _mypy(output: str) -> Iterator[Diagnostic]:
    for match in _LINE.finditer(output):
        found = re.match(r"error: (.*?)(?:\s+\[([\w-]+)\])?$", match["rest"])
        if found:
            yield Diagnostic(match["path"], int(match["line"]), found[2] or "error", found[1])


def _pyright(output: str) -> Iterator[Diagnostic]:
    document: Mapping[str, Any] = json.loads(output or "{}")
    for found in document.get("generalDiagnostics", ()):
        if found["severity"] == "error":
            line = found["range"]["start"]["line"] + 1
            yield Diagnostic(found["file"], line, found.get("rule", "error"), found["message"])


LINTERS = (
    Tool(
        "ruff",
        ("check", "--output-format=json", "--no-cache", "--exit-zero", "--force-exclude"),
        ("ruff.toml", ".ruff.toml", "tool.ruff"),
        _ruff,
    ),
    Tool("flake8", ("--exit-zero",), (".flake8", "tox.ini:flake8", "setup.cfg:flake8"), _flake8),
)
TYPE_CHECKERS = (
    Tool(
        "mypy",
        ("--no-error-summary", "--no-pretty", "--hide-error-context", "--cache-dir=/dev/null"),
        ("mypy.ini", ".mypy.ini", "tool.mypy", "setup.cfg:mypy"),
        _mypy,
    ),
    Tool("basedpyright", ("--outputjson",), ("pyrightconfig.json", "tool.basedpyright", "tool.pyright"), _pyright),
    Tool("pyright", ("--outputjson",), ("pyrightconfig.json", "tool.pyright"), _pyright),
)


def check(
    tools: Sequence[Tool],
    paths: Sequence[str],
    root: Path,
    overlay: Mapping[str, bytes],
    interpreter: Interpreter,
    tier: Tier,
    cancelled: Callable[[], bool],
) -> Report:
    """Run the first of ``tools`` that the project configures and its interpreter has, over ``paths``."""
    configured = [tool for tool in tools if any(_configured(root, place) for place in tool.configured_by)]
    if not configured:
        return Report(None, (), f"The project configures none of {', '.join(tool.name for tool in tools)}.")
    tool = next((tool for tool in configured if tool.name in interpreter.packages), None)
    if tool is None:
        return Report(None, (), f"{configured[0].name} is configured but not installed in {interpreter.path}.")
    job = Job(
        argv=(str(interpreter.path), "-I", "-m", tool.name, *tool.arguments, *paths),
        root=root,
        files=overlay,
        visible=interpreter.prefixes,
        tools=Path(probe.__file__).parent,
        env={"LANG": "C.UTF-8", "PATH": f"{interpreter.scripts}:/usr/bin:/bin", "NO_COLOR": "1"},
        request=b"",
        limits=Limits(wall_seconds=SECONDS, tail_bytes=8 << 20),
    )
    completed = run(job, tier, cancelled)
    if completed.ended is not Ended.EXITED:
        return Report(tool.name, (), f"{tool.name} did not finish ({completed.ended.value}).")
    try:
        found = tuple(tool.parse(completed.output.decode("utf-8", "replace")))
    except (ValueError, KeyError, TypeError):
        return Report(tool.name, (), f"{tool.name} answered in a form that could not be read.")
    return Report(tool.name, tuple(_relative(diagnostic, root) for diagnostic in found))


def _configured(root: Path, place: str) -> bool:
    if place.startswith("tool."):
        return _mentions(root / "pyproject.toml", rf"^\[\[?{re.escape(place)}[\].]")
    file, _, section = place.partition(":")
    return _mentions(root / file, rf"^\[{section}") if section else (root / file).is_file()


def _mentions(file: Path, pattern: str) -> bool:
    return re.search(pattern, read_small(file), re.MULTILINE) is not None


def _relative(diagnostic: Diagnostic, root: Path) -> Diagnostic:
    path = Path(diagnostic.path)
    if not path.is_absolute():
        return diagnostic
    # The sandbox may have shown the workspace at another place; what follows the root's name is the same there.
    inside = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    return Diagnostic(inside, diagnostic.line, diagnostic.code, diagnostic.message)
