"""The evaluator for projects that do not use pytest: every run is a fresh start of the user's test command.

A run is always one of the whole command, whatever checks are asked for. It implements ``ports.Evaluator``.
"""

from __future__ import annotations

import ast
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from fixloop import probe
from fixloop.evaluate.answer import Answer, read_answer
from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.command import REPORT_MARK, Command
from fixloop.evaluate.interpreter import Interpreter
from fixloop.evaluate.reached import guessed, recorded
from fixloop.evaluate.reading import missing_package
from fixloop.evaluate.weighing import Known, Weighed, weigh
from fixloop.ports import Cancellation, Cancelled, RunRequest, Sources
from fixloop.probe import wire
from fixloop.records.execution import CheckResult, Execution, Location, Problem, ProblemKind, Spectrum
from fixloop.records.settings import NO_GRANTS, Grants
from fixloop.records.source import Patch
from fixloop.sandbox.run import Completed, Ended, Job, Limits, Tier, run

ROOM_SECONDS = 3.0  # for the sandbox, beyond what the command may take
TAIL_BYTES = 256 << 10  # tracebacks are read from what was printed


class CommandEvaluator(ColdEvaluator):
    """Runs one command on one workspace; safe to use from several threads.

    It remembers what the unchanged code reported, since a case that is gone with a patch has not passed. ``focus`` are
    the files that the user pointed to. ``check_seconds`` is what the user allows one check.
    """

    def __init__(
        self,
        root: Path,
        overlay: Mapping[str, bytes],
        sources: Sources,
        interpreter: Interpreter,
        tier: Tier,
        cancellation: Cancellation,
        environ: Mapping[str, str],
        workers: int,
        grants: Grants = NO_GRANTS,
        *,
        command: Command,
        focus: Sequence[str],
        check_seconds: float,
    ) -> None:
        super().__init__(root, overlay, sources, interpreter, tier, cancellation, environ, workers, grants)
        self._command = command
        self._focus = tuple(focus)
        self._check_seconds = check_seconds
        self._known = Known({})
        self._lock = threading.Lock()

    def _run(self, request: RunRequest, cancelled: Callable[[], bool]) -> Execution:
        if cancelled():
            raise Cancelled
        if request.patch is not None and _changes_examples(request.patch, self._sources):
            return self._execution(Completed(Ended.EXITED), Weighed(problem=_TAMPERED))
        token = secrets.token_hex(16)
        completed = run(self._command_job(request, token), self._tier, cancelled)
        if completed.ended is Ended.CANCELLED:
            raise Cancelled
        answer = read_answer(completed.channel, token)
        patched = request.patch is not None
        weighed = weigh(answer, completed, self._command, self._known, request.checks, patched=patched)
        if not patched:
            self._remember(weighed)
        weighed = _only(request.checks, weighed, self._command.text, patched=patched)
        execution = replace(self._execution(completed, weighed), complete=answer.status is not None and not answer.late)
        return replace(execution, spectrum=self._spectrum(answer, weighed)) if request.spectrum else execution

    def _seconds(self, request: RunRequest) -> float:
        """What the command may take. A limit for checks that is shorter than the user's comes from what they took, and
        the command is the only check when no case is known."""
        alone = not self._known.counts and request.check_seconds < self._check_seconds
        return min(request.wall_seconds, request.check_seconds) if alone else request.wall_seconds

    def _command_job(self, request: RunRequest, token: str) -> Job:
        files = dict(self._overlay)
        for file in request.patch.files if request.patch else ():
            files[file.path] = file.apply(self._sources.read(file.path)).data
        command, program = self._command, self._command.program
        seconds = self._seconds(request)
        asked = {
            "token": token,
            "root": str(self._root),
            "words": command.words,
            "report_mark": REPORT_MARK,
            "junit": command.has_report,
            "program": None if program is None else program.__dict__,
            "sys_path": [*self._import_path, *self._interpreter.sys_path],
            "spectrum": request.spectrum,
            "seconds": seconds,
            "check_seconds": request.check_seconds,
        }
        return Job(
            argv=(str(self._interpreter.path), "-s", "-c", wire.COMMAND_BOOTSTRAP, "{tools}"),
            root=self._root,
            files=files,
            visible=(*self._interpreter.prefixes, *self._imported.shown),
            tools=Path(probe.__file__).parent,
            env={**self._env, "PYTHONHASHSEED": str(request.hash_seed)},
            request=json.dumps(asked).encode(),
            limits=Limits(wall_seconds=seconds + ROOM_SECONDS, tail_bytes=TAIL_BYTES),
            granted=self._grants.read,
            ports=self._grants.ports,
        )

    def _remember(self, weighed: Weighed) -> None:
        whole = any(result.id == self._command.text and result.outcome.is_broken for result in weighed.results)
        with self._lock:
            counts = dict(self._known.counts)
            for name, number in (weighed.counts or {}).items():
                counts.setdefault(name, number)
            self._known = Known(counts, self._known.whole or whole)

    def _execution(self, completed: Completed, weighed: Weighed) -> Execution:
        found = self._interpreter
        python = f"Python {found.version}, {found.origin}"
        results = {result.id: result for result in weighed.results}
        missing = missing_package(results, self._root, f"{found.path} ({python})") if results else None
        return Execution(
            results=() if missing else tuple(map(self._placed, weighed.results)),
            interpreter=str(found.path),
            tier=self._tier.value,
            wall_seconds=completed.wall_seconds,
            cpu_seconds=completed.cpu_seconds,
            problem=weighed.problem or missing,
            python=python,
            output=completed.output.decode("utf-8", "replace"),
            notes=(*completed.notes, *found.notes, *map(str, self._imported.refused)),
            grants=self._grants,
        )

    def _placed(self, result: CheckResult) -> CheckResult:
        """A failure without a place is shown where the user looks: in the program, or in the file pointed to."""
        program = self._command.program
        files = [program.target] if program and not program.module else []
        file = next((file for file in (*files, *self._focus) if (self._root / file).is_file()), None)
        if file is None or result.location is not None or not result.outcome.is_broken:
            return result
        return replace(result, location=Location(file, 1))

    def _spectrum(self, answer: Answer, weighed: Weighed) -> Spectrum:
        story = answer.story
        if story is not None and (story.lines or story.outside):
            return recorded(story, weighed.results, self._sources)
        return guessed(weighed.results, self._focus, self._root, self._sources)


def _only(checks: Sequence[str], weighed: Weighed, whole: str, *, patched: bool) -> Weighed:
    """What was asked for, and the failure of the whole command; everything where nothing particular was asked for."""
    if not checks or weighed.problem is not None:
        return weighed
    wanted = tuple(
        result for result in weighed.results if result.id in checks or (result.id == whole and result.outcome.is_broken)
    )
    if wanted or patched:
        return replace(weighed, results=wanted)
    message = f"The test command reports nothing that is called {checks[0]}."
    return replace(weighed, results=(), problem=Problem(ProblemKind.NO_TESTS, message, "Check the name."))


_TAMPERED = Problem(
    ProblemKind.BAD_CONFIGURATION,
    "The patch changes examples in a docstring, which are tests.",
    "It was not run.",
)


def _changes_examples(patch: Patch, sources: Sources) -> bool:
    """True when a patch adds, removes or edits an example that doctest would run."""
    for file in patch.files:
        old = sources.read(file.path)
        if ">>>" in old.text + "".join(edit.replacement for edit in file.edits):
            before, after = (sorted(_examples(text.text)) for text in (old, file.apply(old)))
            if before != after:
                return True
    return False


def _examples(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            found = ast.get_docstring(node, clean=False)
            if found and ">>>" in found:
                yield found
