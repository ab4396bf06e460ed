"""What is ready here, what is missing, and how to get it. Looks; changes nothing."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path

from fixloop.evaluate.inspection import trusted_path
from fixloop.evaluate.interpreter import Interpreter, NoInterpreter, NoSandbox, find_interpreter
from fixloop.records.settings import Sandbox
from fixloop.report.doctor import DoctorItem
from fixloop.sandbox.process import ProcessFailed, capture
from fixloop.sandbox.run import State, Tier, choose_tier

NEOVIM_NEEDED = (0, 11)


def look(
    root: Path, interpreter: str | None, environ: Mapping[str, str], sandbox: Sandbox = "auto"
) -> Iterator[DoctorItem]:
    """One item a thing, in the order in which a person would ask."""
    found = yield from _interpreter(root, interpreter, environ, sandbox)
    yield from _sandbox(found, sandbox, root)
    yield DoctorItem("model", "repair engine", ok=True, detail="offline repair templates; no key and no network needed")
    yield DoctorItem("model", "language model", ok=True, detail="none is used by this version")
    yield _server(environ)
    yield _neovim(trusted_path(root, environ), environ)
    yield _vscode(environ)


def _interpreter(
    root: Path, setting: str | None, environ: Mapping[str, str], sandbox: Sandbox
) -> Generator[DoctorItem, None, Interpreter | None]:
    try:
        found = find_interpreter(root, setting, environ, sandbox)
    except NoSandbox:
        detail = "not asked about itself: that happens only in the sandbox, which does not work here"
        yield DoctorItem("interpreter", "python", ok=False, detail=detail, remedy="See confinement below.")
        return None
    except NoInterpreter as error:
        remedy = "Make a .venv in the project, activate an environment, or name one with --interpreter."
        yield DoctorItem("interpreter", "python", ok=False, detail=str(error), remedy=remedy)
        return None
    detail = f"Python {found.version} at {found.path}, from {found.origin}"
    yield DoctorItem("interpreter", "python", ok=True, detail=detail)
    has_pytest = "pytest" in found.packages
    yield DoctorItem(
        "interpreter",
        "pytest",
        ok=has_pytest,
        detail="installed" if has_pytest else f"not installed in {found.path}",
        remedy="" if has_pytest else f"{found.path} -m pip install pytest",
    )
    for note in found.notes:
        yield DoctorItem("interpreter", "not readable", ok=True, detail=note)
    return found


def _sandbox(interpreter: Interpreter | None, sandbox: Sandbox, root: Path) -> Iterator[DoctorItem]:
    python = (interpreter.path, interpreter.prefixes) if interpreter else (None, ())
    report = choose_tier(sandbox, *python, root)
    detail = " ".join((f"tier {report.tier.value}.", *report.gaps))
    works = report.tier is not Tier.REFUSE
    yield DoctorItem("sandbox", "confinement", ok=works, detail=detail, remedy=report.refusal)
    for layer in report.layers:
        told = f"{layer.state.value}: {layer.why}" if layer.why else layer.state.value
        yield DoctorItem("layers", layer.name, ok=layer.state is not State.REFUSED, detail=told)


def _server(environ: Mapping[str, str]) -> DoctorItem:
    found = shutil.which("fixloop-lsp", path=environ.get("PATH"))
    beside = Path(sys.executable).parent / "fixloop-lsp"
    if found is None and beside.is_file():
        detail = f"{beside}; not on the path, so give your editor the full path"
        return DoctorItem("editors", "language server", ok=True, detail=detail)
    return DoctorItem(
        "editors",
        "language server",
        ok=found is not None,
        detail=found or "fixloop-lsp is not on the path",
        remedy=""
        if found
        else "Activate the environment that fixloop is installed in, or give your editor its full path.",
    )


def _neovim(path: str, environ: Mapping[str, str]) -> DoctorItem:
    found = shutil.which("nvim", path=path)  # it is started: never one that the workspace supplies
    if found is None:
        remedy = "Only needed for Neovim: version 0.11 or later, then see editors/neovim."
        return DoctorItem("editors", "Neovim", ok=False, detail="nvim is not on the path", remedy=remedy)
    try:
        said = capture([found, "--version"], Path("/"), {**environ, "PATH": path}, 10)
    except ProcessFailed as error:
        return DoctorItem("editors", "Neovim", ok=False, detail=f"{found}: {error}", remedy="Reinstall Neovim.")
    version = re.search(r"v(\d+)\.(\d+)", said)
    recent = version is not None and (int(version[1]), int(version[2])) >= NEOVIM_NEEDED
    remedy = "" if recent else "Version 0.11 or later is needed."
    return DoctorItem("editors", "Neovim", ok=recent, detail=said.partition("\n")[0], remedy=remedy)


def _vscode(environ: Mapping[str, str]) -> DoctorItem:
    names = ("code", "codium", "code-server")
    found = next((place for name in names if (place := shutil.which(name, path=environ.get("PATH")))), None)
    remedy = "" if found else "Only needed for VS Code, if its command line tool is wanted."
    return DoctorItem(
        "editors", "VS Code", ok=found is not None, detail=found or "code is not on the path", remedy=remedy
    )
