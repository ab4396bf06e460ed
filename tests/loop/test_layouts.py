"""How managers of environments lay them out: each Python is found, asked in the sandbox, and works there."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boxes import job, never, told
from fixloop.evaluate.interpreter import Interpreter, find_interpreter
from fixloop.sandbox.run import choose_tier, run

VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
LEFT_OUT = shutil.ignore_patterns(
    "test", "tests", "site-packages", "dist-packages", "__pycache__", "idlelib", "config-*"
)


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def install(prefix: Path) -> Path:
    """A Python of its own at ``prefix``, with something called pytest; returns its executable."""
    base = Path(sys.base_prefix)
    shutil.copytree(base / "lib" / VERSION, prefix / "lib" / VERSION, ignore=LEFT_OUT, copy_function=link_or_copy)
    for library in (base / "lib").glob("libpython*"):
        link_or_copy(str(library), str(prefix / "lib" / library.name))
    (prefix / "bin").mkdir(exist_ok=True)
    python = prefix / "bin" / VERSION
    link_or_copy(os.path.realpath(sys.executable), str(python))
    (prefix / "bin" / "python3").symlink_to(VERSION)
    (prefix / "bin" / "python").symlink_to("python3")
    (prefix / "lib" / VERSION / "pytest.py").touch()  # distributions differ in where packages of an installation lie
    return python


def with_pytest(prefix: Path) -> Path:
    packages = prefix / "lib" / VERSION / "site-packages"
    packages.mkdir(parents=True, exist_ok=True)
    (packages / "pytest.py").touch()
    return packages


def environment(folder: Path, python: Path) -> Path:
    """As ``venv`` writes one."""
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    with_pytest(folder)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "workspace"
    folder.mkdir()
    return folder


def found(root: Path, home: Path, setting: str | None = None, **environ: str) -> Interpreter:
    """What is found, shown to be able to import pytest in the sandbox."""
    given = {"HOME": str(home), "PATH": "/usr/bin:/bin", **environ}
    interpreter = find_interpreter(root, setting, given)
    assert interpreter.packages == {"pytest"}
    code = "import os, sys; sys.path += sys.argv[1:]; import pytest; os.write(4, b'1')"
    argv = (str(interpreter.path), "-s", "-c", code, *interpreter.sys_path)
    assert told(run(job(root, "", argv=argv, visible=interpreter.prefixes), choose_tier().tier, never)) == 1
    return interpreter


def test_uv(root: Path, home: Path) -> None:
    """The environment names its base through a link that carries no patch version."""
    versions = home / ".local" / "share" / "uv" / "python"
    install(versions / "cpython-3.99.1")
    (versions / "cpython-3.99").symlink_to("cpython-3.99.1")
    environment(root / ".venv", versions / "cpython-3.99" / "bin" / VERSION)
    assert found(root, home).notes == ()


def test_poetry(root: Path, home: Path) -> None:
    (root / "pyproject.toml").write_text('[tool.poetry]\nname = "My App"\n')
    digest = base64.urlsafe_b64encode(hashlib.sha256(str(root).encode()).digest()).decode()[:8]
    folder = home / ".cache" / "pypoetry" / "virtualenvs" / f"my_app-{digest}-py3.12"
    environment(folder, Path(sys.executable))
    assert found(root, home).path == folder / "bin" / "python"


def test_conda(root: Path, home: Path) -> None:
    prefix = home / "miniconda3" / "envs" / "one"
    install(prefix)
    (prefix / "conda-meta").mkdir()
    assert found(root, home, CONDA_PREFIX=str(prefix)).path == prefix / "bin" / "python"


def test_a_conda_environment_of_the_project(root: Path, home: Path) -> None:
    install(root / "env")
    (root / "env" / "conda-meta").mkdir()
    assert found(root, home).origin == "the project's env"


def test_a_linked_environment(root: Path, home: Path) -> None:
    environment(home / "environments" / "one", Path(sys.executable))
    (root / ".venv").symlink_to(home / "environments" / "one")
    assert found(root, home).path == root / ".venv" / "bin" / "python"


def test_an_environment_in_a_hidden_folder_that_nobody_knows(root: Path, home: Path) -> None:
    folder = environment(home / ".mine" / "one", Path(sys.executable))
    (root / ".pdm-python").write_text(f"{folder / 'bin' / 'python'}\n")
    assert found(root, home).origin == ".pdm-python"


def test_a_shim(root: Path, home: Path) -> None:
    """The Python behind it is the one that is asked, and that runs."""
    python = install(home / ".pyenv" / "versions" / "3.99.1")
    shim = home / ".pyenv" / "shims" / "python3"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {python} "$@"\n')
    shim.chmod(0o755)
    assert found(root, home, str(shim)).path == python


def test_an_installation_below_local(root: Path, home: Path) -> None:
    """Of a folder that holds more than Python only what is Python's is shown."""
    python = install(home / ".local")
    (home / ".local" / "share" / "keyrings").mkdir(parents=True)
    interpreter = found(root, home, str(python))
    assert home / ".local" not in interpreter.prefixes
    assert interpreter.notes == ()


def test_packages_of_the_user(root: Path, home: Path) -> None:
    python = install(home / ".pyenv" / "versions" / "3.99.1")
    (home / ".pyenv" / "versions" / "3.99.1" / "lib" / VERSION / "pytest.py").unlink()
    packages = with_pytest(home / ".local")
    interpreter = found(root, home, str(python))
    assert interpreter.sys_path == (str(packages),)
    assert packages in interpreter.prefixes


def test_packages_that_only_an_editable_install_leads_to(root: Path, home: Path) -> None:
    packages = with_pytest(environment(root / ".venv", Path(sys.executable)))
    (packages / "pytest.py").unlink()
    source = home / "work" / "pytest" / "src"
    source.mkdir(parents=True)
    (source / "pytest.py").touch()
    (packages / "pytest.pth").write_text(f"# made by a tool\n{source}\n")
    assert source in found(root, home).prefixes
