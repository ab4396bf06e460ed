"""The composition root: from a request in a front end's terms to a wired engine, and nothing else.

Front ends (terminal, language server) know this module and the records; they never wire parts themselves.
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from fixloop.doctor import look
from fixloop.engine.common import Ports
from fixloop.engine.repair import repair
from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.command import BadCommand, Command, CommandSources, parse_command
from fixloop.evaluate.commanded import CommandEvaluator
from fixloop.evaluate.confined import CommandRun, ConfinedCommand, run_command
from fixloop.evaluate.grants import BadGrant, in_force
from fixloop.evaluate.interpreter import Interpreter, NoInterpreter, NoSandbox, find_interpreter
from fixloop.evaluate.project import project_root
from fixloop.evaluate.select import BadTarget, NothingBelongs, Target, parse_target, select
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.evaluate.static import LINTERS, TYPE_CHECKERS, Report, Tool, check
from fixloop.evaluate.texts import read_within
from fixloop.evaluate.warm import WarmEvaluator
from fixloop.localize import rank
from fixloop.ports import Cancellation, Evaluator, RunRequest, Sources
from fixloop.records.attempt import Attempt, Suspect
from fixloop.records.events import Event, RepairResult, Stopped, StopReason
from fixloop.records.execution import Execution, Problem, ProblemKind
from fixloop.records.settings import Grants, Settings
from fixloop.records.task import Budget, Selection, Task
from fixloop.report.doctor import DoctorItem
from fixloop.sandbox.run import Streams, Tier, TierReport, choose_tier, open_session


class Refused(Exception):
    """The request cannot be accepted; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """A workspace: its root, and the editor's unsaved buffers by POSIX path from it."""

    root: Path
    overlay: Mapping[str, bytes] = field(default_factory=dict[str, bytes])


@dataclass(frozen=True)
class Evaluation:
    """One run of checks with the project's own static tools beside it."""

    execution: Execution
    lint: Report
    types: Report
    scope: str


class SystemClock:
    """Implements ``ports.Clock``."""

    def wall(self) -> float:
        """Monotonic seconds."""
        return time.monotonic()

    def cpu(self) -> float:
        """CPU seconds of this process."""
        return time.process_time()


class NoHistory:
    """Implements ``ports.Recorder`` for a repair whose attempts live only as long as its result."""

    def record(self, attempt: Attempt) -> None:
        """Nothing is kept."""


def locate(target: str, cwd: Path, root: Path | None = None) -> Place:
    """The workspace that a request from ``cwd`` about ``target`` is in. Raises Refused.

    It is ``root`` where given. Otherwise it is the nearest project root at or above the target, and the target has
    to lie inside the project around ``cwd``: what was not named as a workspace is not run.
    """
    if root is not None:
        if not root.is_dir():
            raise Refused(f"The root {root} is not a folder. Nothing was run.")
        return Place(root.resolve())
    around = project_root(cwd.resolve())
    path = (cwd / target.partition("::")[0]).resolve()
    if not path.is_relative_to(around):
        raise Refused(
            f"{target} is outside the workspace {around}. Nothing was run. Start there, or name it with --root."
        )
    return Place(project_root(path if path.is_dir() else path.parent, around))


def start_repair(
    place: Place, target: str, cwd: Path, settings: Settings, cancellation: Cancellation
) -> Iterator[Event]:
    """Repair what ``target`` names: a path or pytest node id, seen from ``cwd``. Ends in exactly one Stopped."""
    try:
        workshop = _Workshop(place, settings, cancellation)
        named = workshop.parse([target], cwd)
        selection = workshop.select(named)
    except (Refused, BadTarget) as error:
        yield Stopped(RepairResult(StopReason.REFUSED, _untouched(error)))
        return
    except NoInterpreter as error:
        yield Stopped(RepairResult(StopReason.ENVIRONMENT, _untouched(error)))
        return
    from fixloop.propose.portfolio import OfflineProposer  # libcst is slow to import, and only a search needs it

    budget = Budget(settings.budget_seconds, settings.check_seconds)
    with workshop.searching(settings, named) as evaluator:
        ports = Ports(evaluator, OfflineProposer(), workshop.sources, NoHistory(), SystemClock(), cancellation)
        yield from repair(Task(selection, budget, settings.seed), ports)


def evaluate(
    place: Place,
    targets: Sequence[str],
    cwd: Path,
    settings: Settings,
    cancellation: Cancellation,
    *,
    spectrum: bool = False,
    static: bool = True,
    fall_back: bool = True,
) -> Evaluation:
    """Run the checks that ``targets`` stand for (none: the whole suite). Raises Refused and ports.Cancelled.

    Without ``fall_back`` a source file that no test leads to is a problem of the execution, not the whole suite.
    """
    try:
        workshop = _Workshop(place, settings, cancellation)
        named = workshop.parse(targets, cwd)
        selection = workshop.select(named, fall_back=fall_back)
    except BadTarget as error:
        raise Refused(_untouched(error)) from None
    except NoInterpreter as error:
        remedy = "Name another one, or run `fixloop doctor`. Nothing was run or changed."
        return _not_run(Problem(ProblemKind.NO_INTERPRETER, str(error), remedy), settings)
    except NothingBelongs as error:
        return _not_run(Problem(ProblemKind.NO_TESTS, str(error), "Write one, or run the whole suite."), settings)
    request = RunRequest(
        selection.targets,
        spectrum=spectrum,
        wall_seconds=settings.budget_seconds,
        check_seconds=settings.check_seconds,
    )
    execution = workshop.evaluator(settings, named).run(request)
    paths = [target.path for target in named] or ["."]
    lint, types = (workshop.static(tools, paths) if static else _NOT_ASKED for tools in (LINTERS, TYPE_CHECKERS))
    return Evaluation(execution, lint, types, selection.scope)


_NOT_ASKED = Report(None, (), "Not run.")


def _not_run(problem: Problem, settings: Settings) -> Evaluation:
    nothing = Execution((), settings.interpreter or "", "", problem=problem)
    return Evaluation(nothing, _NOT_ASKED, _NOT_ASKED, "")


def read_text(place: Place, path: str) -> bytes:
    """A file of the workspace by its path from the root, never one outside. Raises OSError and ValueError."""
    return read_within(place.root, path)


def rank_suspects(place: Place, execution: Execution, settings: Settings) -> tuple[Suspect, ...]:
    """Suspects of an evaluation that was run with its spectrum and these settings."""
    sources: Sources = WorkspaceSources(place.root, place.overlay)
    if settings.test_command:
        sources = CommandSources(sources, parse_command(settings.test_command, execution.interpreter), place.root)
    return rank.rank_suspects(execution.broken, execution.passed, execution.spectrum, sources)


def diagnose(place: Place, settings: Settings) -> tuple[DoctorItem, ...]:
    """What is ready for this workspace, what is missing, and how to get it."""
    return tuple(look(place.root, settings.interpreter, os.environ, settings.sandbox))


def confine(
    place: Place, command: ConfinedCommand, settings: Settings, cancellation: Cancellation, streams: Streams
) -> CommandRun:
    """Run any command as code under test is run. Raises Refused; how the command ends is in the result."""
    grants = _grants(place, settings)
    home = Path.home().resolve()
    if home.is_relative_to(place.root):
        raise Refused(
            f"{place.root} holds your whole home folder, so it cannot be a workspace. Nothing was run. Start in a"
            " project's folder, or name it with --root."
        )
    try:
        interpreter = _interpreter(place, settings)
    except NoInterpreter as error:
        raise Refused(_untouched(error)) from None
    tier = choose_tier(settings.sandbox, interpreter.path, interpreter.prefixes, place.root)
    if tier.tier is Tier.REFUSE:
        raise Refused(tier.refusal)
    return run_command(command, place.root, interpreter, tier.tier, grants, os.environ, cancellation.requested, streams)


def _grants(place: Place, settings: Settings) -> Grants:
    try:
        return in_force(settings.grants, place.root, os.environ)
    except BadGrant as error:
        raise Refused(_untouched(error)) from None


def _interpreter(place: Place, settings: Settings) -> Interpreter:
    """Raises Refused and NoInterpreter."""
    try:
        return find_interpreter(place.root, settings.interpreter, os.environ, settings.sandbox)
    except NoSandbox as error:
        raise Refused(_untouched(error)) from None


class _Workshop:
    """The parts for one workspace. Raises Refused and NoInterpreter."""

    def __init__(self, place: Place, settings: Settings, cancellation: Cancellation) -> None:
        if settings.model != "none":
            raise Refused(
                f"The model {settings.model} cannot be used: this version repairs offline only. Leave --model out."
            )
        self._place, self._cancellation = place, cancellation
        self._grants = _grants(place, settings)
        self.interpreter = _interpreter(place, settings)
        self.tier: TierReport = choose_tier(
            settings.sandbox, self.interpreter.path, self.interpreter.prefixes, place.root
        )
        if self.tier.tier is Tier.REFUSE:
            raise Refused(self.tier.refusal)
        texts = WorkspaceSources(place.root, place.overlay)
        try:
            command = (
                parse_command(settings.test_command, str(self.interpreter.path)) if settings.test_command else None
            )
        except BadCommand as error:
            raise Refused(_untouched(error)) from None
        self._command: Command | None = command
        self._asked: tuple[str, ...] = ()
        self.sources: Sources = CommandSources(texts, command, place.root) if command else texts

    def evaluator(self, settings: Settings, named: Sequence[Target]) -> ColdEvaluator:
        """What runs the checks: the user's command where there is one, else pytest."""
        workers = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        place, tier, environ = self._place, self.tier.tier, os.environ
        parts = (place.root, place.overlay, self.sources, self.interpreter, tier, self._cancellation, environ, workers)
        if self._command is None:
            return ColdEvaluator(*parts, grants=self._grants)
        focus = [target.path for target in named]
        return CommandEvaluator(
            *parts, grants=self._grants, command=self._command, focus=focus, check_seconds=settings.check_seconds
        )

    def select(self, named: Sequence[Target], *, fall_back: bool = True) -> Selection:
        """The checks that the targets stand for; a command is always run as a whole. Raises BadTarget."""
        if self._command is not None:
            scope = f"the command `{self._command.text}`"
            return Selection(self._asked, (), ", ".join([*self._asked, scope]))
        return select(named, self._place.root, self.sources, fall_back=fall_back)

    @contextmanager
    def searching(self, settings: Settings, named: Sequence[Target]) -> Generator[Evaluator]:
        """The evaluator for a search, which may own a process."""
        cold = self.evaluator(settings, named)
        if self._command is not None:
            yield cold
            return
        start = partial(open_session, tier=self.tier.tier)
        with closing(
            WarmEvaluator(cold, self._place.root, self._cancellation, settings.check_seconds, start)
        ) as evaluator:
            yield evaluator

    def parse(self, targets: Sequence[str], cwd: Path) -> list[Target]:
        """What a user named. Raises BadTarget."""
        if self._command is not None:  # its checks are named as it reports them
            self._asked = tuple(target for target in targets if not os.path.lexists(cwd / target))
        return [parse_target(target, cwd, self._place.root) for target in targets if target not in self._asked]

    def static(self, tools: Sequence[Tool], paths: Sequence[str]) -> Report:
        """What the project's own static tools say."""
        return check(
            tools,
            paths,
            self._place.root,
            self._place.overlay,
            self.interpreter,
            self.tier.tier,
            self._cancellation.requested,
        )


def _untouched(error: Exception) -> str:
    text = str(error)
    return text if "Nothing" in text else f"{text} Nothing was run or changed."
