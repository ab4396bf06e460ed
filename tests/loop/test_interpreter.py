"""Which Python runs the tests: real environments, found where people put them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixloop.evaluate.interpreter import NoInterpreter, find_interpreter

HERE = {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"]}


def make_environment(folder: Path) -> Path:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_environment(tmp_path_factory.mktemp("environments") / "some")


def python_of(environment: Path) -> Path:
    return environment / "bin" / "python"


def test_the_setting_comes_first(tmp_path: Path, environment: Path) -> None:
    (tmp_path / ".venv").symlink_to(environment)
    found = find_interpreter(tmp_path, sys.executable, HERE)
    assert (found.path, found.origin) == (Path(sys.executable), "setting")
    assert "pytest" in found.packages


def test_a_setting_may_name_an_environment(tmp_path: Path, environment: Path) -> None:
    found = find_interpreter(tmp_path, str(environment), HERE)
    assert found.path == python_of(environment)
    assert "pytest" not in found.packages


@pytest.mark.parametrize("name", [".venv", "venv", "env"])
def test_the_projects_own_environment_beats_an_activated_one(tmp_path: Path, environment: Path, name: str) -> None:
    make_environment(tmp_path / name)
    found = find_interpreter(tmp_path, None, {**HERE, "VIRTUAL_ENV": str(environment)})
    assert (found.path, found.origin) == (python_of(tmp_path / name), f"the project's {name}")


def test_a_package_of_a_repository_uses_the_repositorys_environment(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    make_environment(tmp_path / ".venv")
    package = tmp_path / "packages" / "one"
    package.mkdir(parents=True)
    assert find_interpreter(package, None, HERE).path == python_of(tmp_path / ".venv")


@pytest.mark.parametrize("name", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_an_activated_environment_is_used(tmp_path: Path, environment: Path, name: str) -> None:
    found = find_interpreter(tmp_path, None, {**HERE, name: str(environment)})
    assert (found.path, found.origin) == (python_of(environment), f"the activated environment ({name})")


def test_what_an_editable_install_leads_to_is_visible(tmp_path: Path) -> None:
    """As setuptools makes one: a finder of its own, of which the import path shows nothing."""
    (tmp_path / "elsewhere" / "one").mkdir(parents=True)
    packages = next((make_environment(tmp_path / ".venv") / "lib").glob("python*/site-packages"))
    finder = f"MAPPING = {{'one': {str(tmp_path / 'elsewhere' / 'one')!r}}}\nclass Finder:\n"
    (packages / "__editable___one_finder.py").write_text(
        finder + "    def find_spec(*_): return None\nimport sys\nsys.meta_path.append(Finder)\n"
    )
    (packages / "__editable__.one.pth").write_text("import __editable___one_finder\n")
    assert tmp_path / "elsewhere" / "one" in find_interpreter(tmp_path, None, HERE).prefixes


def test_the_tools_records_are_read(tmp_path: Path, environment: Path) -> None:
    (tmp_path / ".pdm-python").write_text(f"{python_of(environment)}\n")
    assert find_interpreter(tmp_path, None, HERE).origin == ".pdm-python"


def test_without_any_of_these_it_is_the_one_that_fixloop_is_installed_in(tmp_path: Path) -> None:
    found = find_interpreter(tmp_path, None, HERE)
    assert (found.path, found.origin) == (Path(sys.executable), "the environment that fixloop is installed in")


@pytest.mark.parametrize(
    ("setting", "says"), [("/no/such/python", "does not exist"), ("/bin/true", "does not run as a Python interpreter")]
)
def test_a_setting_that_does_not_work_is_an_error_not_a_fallback(tmp_path: Path, setting: str, says: str) -> None:
    with pytest.raises(NoInterpreter, match=says):
        find_interpreter(tmp_path, setting, HERE)


def test_a_broken_environment_is_passed_over(tmp_path: Path) -> None:
    broken = make_environment(tmp_path / ".venv")
    python_of(broken).unlink()
    python_of(broken).write_text("#!/bin/sh\nexit 3\n")
    python_of(broken).chmod(0o755)
    assert find_interpreter(tmp_path, None, HERE).path == Path(sys.executable)
