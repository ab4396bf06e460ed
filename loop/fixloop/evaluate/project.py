"""The project's files: where its root is, which of them are tests, and what a patch may touch."""

from __future__ import annotations

import configparser
import fnmatch
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from fixloop.evaluate.texts import read_small

MARKERS = ("pyproject.toml", "setup.py", "Pipfile")
TEST_SETTINGS = ("pytest.ini", "setup.cfg", "tox.ini")  # a folder of tests may hold them; that makes it no project
SKIPPED_FOLDERS = frozenset(
    {"node_modules", "site-packages", "__pycache__", "__pypackages__", "venv", "build", "dist", "htmlcov"}
)
TEST_FOLDERS = frozenset({"test", "tests"})
NOT_SOURCE = frozenset({"setup.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "dodo.py"})


def project_root(start: Path, ceiling: Path | None = None) -> Path:
    """The nearest folder at or above ``start`` that looks like a project's root.

    Not above ``ceiling``. Without any marker it is the ceiling, else the repository's top, else ``start`` itself. A
    package that leaves pytest's settings to a folder above it, in the same repository, is part of that project, as it
    is for pytest; one with an environment of its own stands for itself.
    """
    folders = (start, *start.parents)
    if ceiling in folders:
        folders = folders[: folders.index(ceiling) + 1]
    for at, folder in enumerate(folders):
        if (folder / ".git").exists() or _looks_like_a_project(folder):
            return folder if _stands_alone(folder) else _settled_above(folders[at:]) or folder
    return ceiling or next((folder for folder in folders if _has_any(folder, TEST_SETTINGS)), start)


def repository_top(root: Path) -> Path:
    """The top of the repository that ``root`` is in, or ``root``; a home that is a repository does not count."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    return root if Path.home().resolve().is_relative_to(top) else top


def projects_within(root: Path, paths: Iterable[str]) -> tuple[Path, ...]:
    """The folders below ``root`` that look like projects of their own and hold some of ``paths``, nearest first."""
    folders = {folder for path in paths for folder in (root / path, *(root / path).parents) if root in folder.parents}
    found = [folder for folder in folders if _looks_like_a_project(folder)]
    return tuple(sorted(found, key=lambda folder: (-len(folder.parts), folder)))


def _looks_like_a_project(folder: Path) -> bool:
    return _has_any(folder, MARKERS) or (folder.name not in TEST_FOLDERS and _has_any(folder, TEST_SETTINGS))


def _has_any(folder: Path, names: tuple[str, ...]) -> bool:
    return any((folder / name).is_file() for name in names)


def _stands_alone(folder: Path) -> bool:
    return _has_pytest_settings(folder) or any((folder / name / "pyvenv.cfg").is_file() for name in (".venv", "venv"))


def _settled_above(folders: tuple[Path, ...]) -> Path | None:
    """The nearest of ``folders`` with settings for pytest, if all of them up to it are one repository's."""
    for folder in folders:
        if _has_pytest_settings(folder):
            return folder if any((above / ".git").exists() for above in (folder, *folder.parents)) else None
        if (folder / ".git").exists():
            return None
    return None


def _has_pytest_settings(folder: Path) -> bool:
    if (folder / "pytest.ini").is_file():
        return True
    sections = {"tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]", "pyproject.toml": "[tool.pytest"}
    return any(_starts_a_line(folder / name, section) for name, section in sections.items())


def _starts_a_line(file: Path, text: str) -> bool:
    return any(line.startswith(text) for line in read_small(file).splitlines())


def patterns_of_tests(root: Path) -> tuple[str, ...]:
    """``python_files`` as the project configures pytest, else pytest's defaults."""
    configured = _pytest_option(root, "python_files")
    return tuple(configured) or ("test_*.py", "*_test.py")


def _pytest_option(root: Path, name: str) -> list[str]:
    for file, section in (("pytest.ini", "pytest"), ("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(read_small(root / file))
        except (ValueError, configparser.Error):
            continue
        if parser.has_option(section, name):
            return parser.get(section, name).split()
    try:
        tool: dict[str, Any] = tomllib.loads(read_small(root / "pyproject.toml")).get("tool", {})
        value: Any = tool.get("pytest", {}).get("ini_options", {}).get(name) or tool.get("pytest", {}).get(name) or []
    except (ValueError, AttributeError):
        return []
    return value.split() if isinstance(value, str) else [str(entry) for entry in value]


def is_test_file(path: str, patterns: tuple[str, ...]) -> bool:
    """True for a file that pytest would collect by its name."""
    pure = PurePosixPath(path)
    return any(fnmatch.fnmatch(path if "/" in pattern else pure.name, pattern) for pattern in patterns)


_DEFINES_TESTS = re.compile(r"^(?:async\s+)?def\s+test|^class\s+Test|^class\s+\w+\(.*TestCase", re.MULTILINE)


def defines_tests(text: str) -> bool:
    """True for a text with tests at its top level, whatever its file is called."""
    return bool(_DEFINES_TESTS.search(text))


def is_source(path: str, patterns: tuple[str, ...]) -> bool:
    """True for what a candidate may change: a Python file of the project that is neither test nor configuration."""
    pure = PurePosixPath(path)
    return (
        pure.suffix == ".py"
        and pure.name not in NOT_SOURCE
        and not is_test_file(path, patterns)
        and not any(_skipped(part) or part in TEST_FOLDERS for part in pure.parts[:-1])
    )


def _skipped(folder: str) -> bool:
    return folder in SKIPPED_FOLDERS or folder.startswith(".") or folder.endswith(".egg-info")


def python_files(root: Path) -> Iterator[str]:
    """Every Python file of the project, environments and build products left out, in a stable order."""
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not _skipped(name) and not (here / name / "pyvenv.cfg").is_file()
        )
        for name in sorted(files):
            if name.endswith(".py"):
                yield (here / name).relative_to(root).as_posix()
