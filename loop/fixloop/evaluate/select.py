"""Which checks a request is about, and which belong to a source file.

Belonging is decided from the text alone: a test file belongs to a source file when its imports lead there, directly
or through other files of the project. Where nothing is found the whole suite is meant, and the scope says so.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fixloop.evaluate.project import defines_tests, is_test_file, patterns_of_tests, python_files
from fixloop.ports import Sources, Unreadable
from fixloop.records.task import Selection

FILES_READ_AT_MOST = 3000
WHOLE_SUITE = "the whole suite"


class BadTarget(Exception):
    """The request names nothing that can be run; the message is for a person."""


class NothingBelongs(Exception):
    """No test file is known to lead to a source file, and the caller does not want the whole suite instead."""


@dataclass(frozen=True)
class Target:
    """A file or folder (POSIX, from the root; "." for the root itself), and the rest of a node id if one was given."""

    path: str
    node: str = ""


def parse_target(target: str, cwd: Path, root: Path) -> Target:
    """What a path or pytest node id means, seen from ``cwd``. Raises BadTarget."""
    name, _, node = target.partition("::")
    path = Path(os.path.abspath(cwd / name))
    if not os.path.lexists(path):
        raise BadTarget(f"{name} does not exist.")
    real = path.resolve()
    if not real.is_relative_to(root):
        raise BadTarget(f"{name} is outside the workspace {root}.")
    if not (real.is_file() or real.is_dir()):
        raise BadTarget(f"{name} is neither a file nor a folder.")
    if real.is_file() and real.suffix != ".py":
        raise BadTarget(f"{name} is not a Python file.")
    if not os.access(real, os.R_OK):
        raise BadTarget(f"{name} cannot be read: permission denied.")
    relative = real.relative_to(root).as_posix()
    return Target(relative, f"::{node}" if node else "")


def select(targets: Iterable[Target], root: Path, sources: Sources, *, fall_back: bool = True) -> Selection:
    """The checks that the targets stand for. No target means the whole suite.

    A source file that no test file leads to means the whole suite too, or NothingBelongs unless ``fall_back``.
    """
    patterns = patterns_of_tests(root)
    chosen: list[str] = []
    about: list[str] = []
    for target in targets:
        if target.path == ".":
            return Selection((), (), WHOLE_SUITE)
        if target.node or (root / target.path).is_dir() or _is_test(target.path, patterns, sources):
            chosen.append(target.path + target.node)
            continue
        own = tests_of(target.path, root, sources, patterns)
        if not own and not fall_back:
            raise NothingBelongs(f"No test file imports {target.path}.")
        if not own:
            return Selection((), (), f"{WHOLE_SUITE}, since no test file imports {target.path}")
        about.append(target.path)
        chosen += own
    if not chosen:
        return Selection((), (), WHOLE_SUITE)
    scope = f"the test files that import {', '.join(about)}" if about else ", ".join(chosen)
    return Selection(tuple(dict.fromkeys(chosen)), (), scope)


def _is_test(path: str, patterns: tuple[str, ...], sources: Sources) -> bool:
    if is_test_file(path, patterns):
        return True
    try:
        return defines_tests(sources.read(path).text)
    except Unreadable as error:
        raise BadTarget(str(error)) from None


def tests_of(path: str, root: Path, sources: Sources, patterns: tuple[str, ...]) -> tuple[str, ...]:
    """The test files whose imports reach ``path``, those named after it first. Empty when none is known to."""
    files: list[str] = []
    for file in python_files(root):
        files.append(file)
        if len(files) > FILES_READ_AT_MOST:
            return ()
    importers = _importers(files, sources)
    reached, queue = {path}, [path]
    while queue:
        for importer in importers.get(queue.pop(), ()):
            if importer not in reached:
                reached.add(importer)
                queue.append(importer)
    stem = PurePosixPath(path).stem
    tests = [file for file in files if file in reached and is_test_file(file, patterns)]
    return tuple(sorted(tests, key=lambda file: (stem not in PurePosixPath(file).stem, file)))


def _importers(files: list[str], sources: Sources) -> Mapping[str, set[str]]:
    by_module: dict[str, str] = {}
    for file in files:
        for module in _module_names(file):
            by_module.setdefault(module, file)
    importers: dict[str, set[str]] = {}
    for file in files:
        try:
            tree = ast.parse(sources.read(file).data)
        except (Unreadable, SyntaxError, ValueError, RecursionError):
            continue
        for module in _imported(tree, file):
            found = by_module.get(module)
            if found and found != file:
                importers.setdefault(found, set()).add(file)
    return importers


def _module_names(file: str) -> Iterator[str]:
    """Every dotted name under which a file may be imported: from the root, and from each folder on the way."""
    parts = list(PurePosixPath(file).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    for start in range(len(parts)):
        yield ".".join(parts[start:])


def _imported(tree: ast.Module, file: str) -> Iterator[str]:
    package = list(PurePosixPath(file).parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _with_parents(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, *([node.module] if node.module else [])])
            yield from _with_parents(base)
            for alias in node.names:
                yield f"{base}.{alias.name}" if base else alias.name


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])
