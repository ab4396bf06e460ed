"""A test command as a user writes it: how it is read, what of it is Python, and which files it keeps from patches.

It comes from the user's own settings only. A workspace decides what its tests do, but not which program is started.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fixloop.ports import Sources, Unreadable
from fixloop.records.source import SourceText

REPORT_MARK = "{junit}"
_SHELL_WORDS = frozenset({"|", "||", "&", "&&", ";", "<", ">", ">>", "2>&1"})
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_FLAGS = re.compile(r"-[bBdEIOPqsSuv]+")
_WITH_VALUE = frozenset({"-X", "-W"})
_PYTHONS = frozenset({"python", "python3"})
_PYTHON_FILE = re.compile(r"[\w./-]+\.py\b")
_TOOL_FILES = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile", "Taskfile.yml", "tox.ini", "package.json")
_TOOL_BYTES = 1 << 20
_TEST_NAMES = re.compile(r"^test|^run_?tests?$|_tests?(_|$)", re.IGNORECASE)
_TEST_TEXT = re.compile(
    r"^\s*(?:import|from)\s+(?:unittest|pytest|nose2?|testtools|xmlrunner)\b|^\s*(?:async\s+)?def\s+test",
    re.MULTILINE,
)


class BadCommand(Exception):
    """The command cannot be used as it is written; the message is for a person."""


@dataclass(frozen=True)
class Program:
    """The part of a command that names a Python program: ``-m MODULE`` or FILE, at ``words[at:end]``."""

    at: int
    end: int
    target: str
    module: bool
    path: bool  # whether the interpreter puts the program's folder on its path


@dataclass(frozen=True)
class Command:
    """A command as it will be started, without a shell. ``text`` is how its user wrote it, and names its check."""

    text: str
    words: tuple[str, ...]
    program: Program | None

    @property
    def has_report(self) -> bool:
        """True when it is told where to write JUnit XML."""
        return any(REPORT_MARK in word for word in self.words)

    @property
    def reads_examples(self) -> bool:
        """True when the checks are the examples in docstrings, which stand in the sources themselves."""
        return self.program is not None and self.program.module and self.program.target == "doctest"


def parse_command(text: str, python: str) -> Command:
    """Read a command; ``python`` and ``python3`` stand for the interpreter at that path. Raises BadCommand."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BadCommand(f"The test command cannot be read: {error}.") from None
    if not words or "\0" in text:
        raise BadCommand("The test command is empty, or holds a character that no command can.")
    found = next((word for word in words if word in _SHELL_WORDS), None)
    if found is not None:
        raise BadCommand(f"The test command is started without a shell, so {found} means nothing: write sh -c '…'.")
    if _ASSIGNMENT.match(words[0]):
        raise BadCommand(f"The test command is started without a shell: write env {words[0]} … to set a variable.")
    if words[0] in _PYTHONS:
        words[0] = python
    program = _program(words) if words[0] == python else None
    return Command(" ".join(text.split()), tuple(words), program)


def _program(words: list[str]) -> Program | None:
    path = True
    at = 1
    while at < len(words):
        word = words[at]
        if word == "-m" and at + 1 < len(words):
            return Program(at, at + 2, words[at + 1], module=True, path=path)
        if word in _WITH_VALUE:
            at += 1
        elif _FLAGS.fullmatch(word):
            path = path and not set("IP") & set(word)
        elif word.startswith(("-X", "-W")):
            pass
        else:
            return None if word.startswith("-") else Program(at, at + 1, word, module=False, path=path)
        at += 1
    return None


class CommandSources:
    """Sources of which no patch may touch what the command runs as a test. Implements ``ports.Sources``.

    Beyond what is a test by its folder or name for pytest too, these are tests: a Python file that is named in the
    command, in a file that it names, or in one that tools like make read at the root, unless it is read for its
    examples; one named for testing; one that imports a test framework; one that asserts outside of functions.
    """

    def __init__(self, base: Sources, command: Command, root: Path) -> None:
        self._base = base
        texts = () if command.reads_examples else (*command.words, *_read_by_tools(root, command.words))
        names = {name for text in texts for name in _PYTHON_FILE.findall(text)}
        named = {Path(os.path.normpath(root / name)) for name in names}
        self._named = {file.relative_to(root).as_posix() for file in named if file.is_relative_to(root)}
        if command.program and command.program.module:
            self._named.add(command.program.target.replace(".", "/") + ".py")

    def read(self, path: str) -> SourceText:
        """As without a command. Raises Unreadable."""
        return self._base.read(path)

    def editable(self, path: str) -> bool:
        """True for a source file that is no test."""
        if not self._base.editable(path) or path in self._named or _TEST_NAMES.search(PurePosixPath(path).stem):
            return False
        try:
            text = self._base.read(path).text
        except Unreadable:
            return False
        return not _TEST_TEXT.search(text) and not _asserts_at_import(text)


def _read_by_tools(root: Path, words: Iterable[str]) -> Iterator[str]:
    """The texts in which other programs may be named."""
    for file in [*(root / word for word in words), *(root / name for name in _TOOL_FILES), *sorted(root.glob("*.sh"))]:
        try:
            if file.is_file() and file.suffix != ".py" and file.stat().st_size < _TOOL_BYTES:
                yield file.read_text("utf-8", "replace")
        except (OSError, ValueError):
            continue


def _asserts_at_import(text: str) -> bool:
    """True when an assertion stands outside of every function: what a script of checks looks like."""
    if "assert" not in text:
        return False
    try:
        waiting: list[ast.AST] = [ast.parse(text)]
    except (SyntaxError, ValueError, RecursionError):
        return False
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            if isinstance(child, ast.Assert):
                return True
            if isinstance(child, ast.stmt) and not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                waiting.append(child)
    return False
