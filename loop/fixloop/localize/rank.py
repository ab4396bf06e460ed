"""Which lines may hold the fault.

Spectrum-based fault localization with the Ochiai coefficient (Abreu, Zoeteweij and van Gemund, "On the accuracy of
spectrum-based fault localization", TAIC PART 2007): a line that every failing check ran and few passing checks ran is
suspicious. The coefficient is scaled by the share of the failures that run the line, where a failing check that runs
few lines says more than one that runs half the program. What ran while the tests were imported counts as run by every
check. Two things that a spectrum cannot see are added: the failing traceback, and definitions that feed the suspicious
lines.
"""

from __future__ import annotations

import ast
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from fixloop.ports import Sources, Unreadable
from fixloop.records.attempt import Suspect
from fixloop.records.execution import AT_IMPORT, CheckResult, Spectrum

SUSPECTS_AT_MOST = 250
SPECTRUM_SHARE, TRACE_SHARE = 0.8, 0.2
IMPORT_SHARE = 0.5  # of what a line would score that every check ran
DEFINITION_SHARE = 0.6  # of the score of the line that uses the definition

_Line = tuple[str, int]


def rank_suspects(
    targets: Sequence[CheckResult], passed: Sequence[str], spectrum: Spectrum, sources: Sources
) -> tuple[Suspect, ...]:
    """Suspect lines of editable files, best first; at most SUSPECTS_AT_MOST, scores in (0, 1]."""
    scores: dict[_Line, float] = defaultdict(float)
    for line, value in _spectral([target.id for target in targets], passed, spectrum).items():
        scores[line] += SPECTRUM_SHARE * value
    for line, value in _at_import(len(targets), len(passed), spectrum).items():
        scores[line] = max(scores[line], SPECTRUM_SHARE * IMPORT_SHARE * value)
    for line, value in _traced(targets).items():
        scores[line] += TRACE_SHARE * value
    editable = {path: sources.editable(path) for path in {path for path, _ in scores}}
    scores = defaultdict(float, {line: score for line, score in scores.items() if editable[line[0]]})
    for line, score in _definitions(scores, sources):
        scores[line] = max(scores[line], score)
    suspects = [Suspect(path, line, round(min(score, 1.0), 6)) for (path, line), score in scores.items() if score > 0]
    suspects.sort(key=lambda suspect: (-suspect.score, suspect.path, suspect.line))
    return tuple(suspects[:SUSPECTS_AT_MOST])


def _spectral(failing: Sequence[str], passed: Iterable[str], spectrum: Spectrum) -> Mapping[_Line, float]:
    """Ochiai times the weighted share of failing checks that run the line."""
    seen_failing = [check for check in failing if check in spectrum]
    weights = {check: 1 / math.sqrt(1 + sum(map(len, spectrum[check].values()))) for check in seen_failing}
    heavy = sum(weights.values())
    ran_failing = _counts(seen_failing, spectrum)
    ran_passing = _counts([check for check in passed if check in spectrum], spectrum)
    share: dict[_Line, float] = defaultdict(float)
    for check in seen_failing:
        for path, lines in spectrum[check].items():
            for line in lines:
                share[path, line] += weights[check] / heavy
    total = len(seen_failing)
    return {
        line: share[line] * count / math.sqrt(total * (count + ran_passing.get(line, 0)))
        for line, count in ran_failing.items()
    }


def _at_import(failing: int, passing: int, spectrum: Spectrum) -> Mapping[_Line, float]:
    """Ochiai of a line that ran before any check: every check depends on it alike."""
    value = math.sqrt(failing / (failing + passing)) if failing else 0.0
    return {(path, line): value for path, lines in spectrum.get(AT_IMPORT, {}).items() for line in lines}


def _counts(checks: Iterable[str], spectrum: Spectrum) -> dict[_Line, int]:
    counts: dict[_Line, int] = defaultdict(int)
    for check in checks:
        for path, lines in spectrum[check].items():
            for line in lines:
                counts[path, line] += 1
    return counts


def _traced(targets: Sequence[CheckResult]) -> Mapping[_Line, float]:
    """1 for the innermost frame of a failure, halving outwards; the mean over the failures."""
    weights: dict[_Line, float] = defaultdict(float)
    for target in targets:
        value = 1.0
        for frame in reversed(target.failure.frames if target.failure else ()):
            weights[frame.path, frame.line] += value / len(targets)
            value /= 2
    return weights


def _definitions(scores: Mapping[_Line, float], sources: Sources) -> Iterator[tuple[_Line, float]]:
    """Headers of suspicious functions, and outer definitions of the names that suspicious lines use."""
    for path, lines in groupby(sorted(scores), key=lambda line: line[0]):
        try:
            source = sources.read(path)
            tree = ast.parse(source.data)
        except (Unreadable, SyntaxError, ValueError, RecursionError):
            continue
        here = {line: scores[path, line] for _, line in lines if line <= source.line_count}
        used: dict[str, float] = defaultdict(float)
        for line, score in here.items():
            for name in set(re.findall(r"[^\W\d]\w*", source.line_text(line))):
                used[name] = max(used[name], score)
        for node in _outer_statements(tree):
            score = _use_of(node, used, here) * DEFINITION_SHARE
            if score:
                for line in _header(node):
                    yield (path, line), score


def _outer_statements(node: ast.AST, *, in_function: bool = False) -> Iterator[ast.stmt]:
    """Statements that run at import, and every ``def``; not what stands in the bodies of functions."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            continue
        is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if isinstance(child, ast.stmt) and (is_function or not in_function):
            yield child
        yield from _outer_statements(child, in_function=in_function or is_function)


def _use_of(node: ast.stmt, used: Mapping[str, float], here: Mapping[int, float]) -> float:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            end = node.end_lineno or node.lineno
            return max((score for line, score in here.items() if node.lineno <= line <= end), default=0.0)
        case ast.Assign(targets=targets):
            names = [child.id for target in targets for child in ast.walk(target) if isinstance(child, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            names = [name]
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            names = [alias.asname or alias.name.partition(".")[0] for alias in aliases]
        case _:
            return 0.0
    return max((used.get(name, 0.0) for name in names), default=0.0)


def _header(node: ast.stmt) -> range:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        return range(first, max(node.lineno + 1, node.body[0].lineno))
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)
