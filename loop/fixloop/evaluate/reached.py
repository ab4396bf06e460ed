"""Which lines each failing check of a command reached: recorded where a program told them, else guessed.

A guess is only an order in which to try: the functions of a printed traceback, files named like the failing checks, the
file that the user pointed to, and, where nothing leads anywhere, all sources.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from fixloop.evaluate.answer import Lines, Story
from fixloop.evaluate.project import python_files
from fixloop.ports import Sources, Unreadable
from fixloop.records.execution import AT_IMPORT, CheckResult, Spectrum

FILES_GUESSED_AT_MOST = 20


def recorded(story: Story, results: Sequence[CheckResult], sources: Sources) -> Spectrum:
    """The lines of each case under its name. What failed without lines of its own, as the whole command does, gets all.

    What ran in no case counts as run at import, of the whole command only what stands in no function.
    """
    lines = {_plain(name): ran for name, ran in story.lines.items()}
    spectrum: dict[str, Lines] = {
        result.id: lines[_plain(result.id)] for result in results if lines.get(_plain(result.id))
    }
    without = [result.id for result in results if result.outcome.is_broken and result.id not in spectrum]
    if not without:
        return {**spectrum, AT_IMPORT: story.outside}
    inner, outer = _split(_merged([story.outside, *story.lines.values()]), sources)
    return {**spectrum, **dict.fromkeys(without, inner), AT_IMPORT: outer}


def guessed(
    results: Sequence[CheckResult], focus: Iterable[str], root: Path, sources: Sources
) -> Mapping[str, Mapping[str, frozenset[int]]]:
    """The lines that each broken check may have run."""
    files = [path for path in python_files(root) if sources.editable(path)]
    stems = {PurePosixPath(path).stem: path for path in reversed(files)}
    spectrum: dict[str, Lines] = {}
    for result in results:
        if not result.outcome.is_broken:
            continue
        frames = result.failure.frames if result.failure else ()
        near = _merged(_function_around(frame.path, frame.line, sources) for frame in frames)
        words = {word for text in (result.id, *(frame.path for frame in frames)) for word in _words(text)}
        named = [stems[word] for word in sorted(words) if word in stems]
        chosen = [*(path for path in focus if sources.editable(path)), *named]
        if not chosen and not any(sources.editable(path) for path in near):
            chosen = files[:FILES_GUESSED_AT_MOST]
        spectrum[result.id] = _merged([near, *(_functions(path, sources) for path in dict.fromkeys(chosen))])
    return spectrum


def _plain(name: str) -> str:
    return name.replace("::", ".")


def _words(text: str) -> Iterator[str]:
    for word in re.findall(r"\w+", text):
        yield word
        yield re.sub(r"^(?:test|Test)_?|_?(?:tests?|Tests?)$", "", word).lower()


def _merged(parts: Iterable[Lines]) -> dict[str, frozenset[int]]:
    merged: dict[str, frozenset[int]] = {}
    for part in parts:
        for path, lines in part.items():
            merged[path] = merged.get(path, frozenset()) | lines
    return merged


def _split(lines: Lines, sources: Sources) -> tuple[Lines, Lines]:
    """The lines inside functions, and the others."""
    inside = {path: lines[path] & _functions(path, sources).get(path, frozenset()) for path in lines}
    return inside, {path: lines[path] - inside[path] for path in lines}


def _function_around(path: str, line: int, sources: Sources) -> Lines:
    around = [span for span in _bodies(path, sources) if line in span]
    return {path: frozenset(min(around, key=len))} if around else {path: frozenset({line})}


def _functions(path: str, sources: Sources) -> Lines:
    return {path: frozenset(line for span in _bodies(path, sources) for line in span)}


def _bodies(path: str, sources: Sources) -> list[range]:
    try:
        tree = ast.parse(sources.read(path).data)
    except (Unreadable, SyntaxError, ValueError, RecursionError):
        return []
    return [
        range(node.body[0].lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
