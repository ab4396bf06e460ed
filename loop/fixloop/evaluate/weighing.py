"""What a command's run proves. How it ended is certain; what it reports is a claim, and no claim alone is a pass.

A case has passed when the report says so and nothing speaks against the report. It is not believed

- when the command was ended by a signal, or with an exit status other than 0 although no case failed;
- when it cannot be read, counts more tests or failures than it holds, or holds none;
- when, run with a patch, it lacks a case that the unchanged code reported, or has it another number of times;
- when a Python program ended with exit status 0 without coming to its end.

Failures are believed from any report. What no case explains is told of the whole command, as a check of its own: its
name is the command's text. Without cases it is the only check, and passes with exit status 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from fixloop.evaluate.answer import Answer
from fixloop.evaluate.command import Command
from fixloop.evaluate.junit import BadReport, Case, read_report
from fixloop.evaluate.printed import UNNAMED, last_failure
from fixloop.records.execution import CheckResult, Failure, Location, Outcome, Problem, ProblemKind, one_a_check
from fixloop.sandbox.run import Completed, Ended

_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh", "env"})
_NO_TESTS = 5  # of unittest since Python 3.12, and of pytest
_NOT_EXECUTABLE, _NOT_FOUND, _SIGNALS, _LAST_SIGNAL = 126, 127, 128, 192  # statuses of shells
_LOOK = "Run the command yourself to see what it does."


@dataclass(frozen=True)
class Known:
    """What runs of the unchanged code showed: how often each case was reported; whether the whole command was a check
    that did not pass, so that it has to pass with a patch."""

    counts: Mapping[str, int]
    whole: bool = False


@dataclass(frozen=True)
class Weighed:
    """Results that may be believed, or why there are none."""

    results: tuple[CheckResult, ...] = ()
    problem: Problem | None = None
    counts: Mapping[str, int] | None = None  # of the cases that were reported; None: nothing was


def weigh(
    answer: Answer, completed: Completed, command: Command, known: Known, asked: Iterable[str], *, patched: bool
) -> Weighed:
    """Judge one run. ``asked``: the checks of which a run that was cut short has to say so."""
    problem = _not_run(answer, completed, command)
    if problem is not None:
        return Weighed(problem=problem)
    output = completed.output.decode("utf-8", "replace")
    whole = _Whole(answer, completed, command, output)
    cut = whole.cut_short()
    try:
        cases, excess = _cases(answer, command)
    except BadReport as fault:
        cases, excess = [], str(fault)
        if cut is None and answer.status == 0:
            return Weighed(problem=_not_believed(f"its report {fault}"))
    broken = [_result(case) for case in cases if case.outcome.is_broken and not case.loading]
    if cut is not None:
        results = [*broken, *(CheckResult(check, *cut) for check in (list(asked) or [command.text]))]
        return Weighed(tuple(one_a_check(results).values()))
    counts = Counter(case.name for case in cases if not case.loading)
    loading = next((case for case in cases if case.loading and case.outcome.is_broken), None)
    if not cases and answer.status in {0, _NO_TESTS} and _expects_cases(command):
        return Weighed(problem=Problem(ProblemKind.NO_TESTS, "The test command ran no test.", _LOOK), counts={})
    doubts = list(_doubts(answer, command, counts, known, excess, broken=bool(broken or loading), patched=patched))
    if answer.status == 0 and doubts and not (broken or loading):
        return Weighed(problem=_not_believed(" and ".join(doubts)), counts=counts)
    results = list(broken)
    if not doubts and not (answer.status and not broken and loading is None):
        results += [_result(case) for case in cases if not case.outcome.is_broken and not case.loading]
    if loading is not None:
        results.append(CheckResult(command.text, Outcome.FAILED, 0.0, loading.location, loading.failure))
    elif (answer.status and not broken) or whole.crashed:
        results.append(whole.failed(doubts))
    elif not broken and not doubts and (known.whole or not cases or command.text in asked):
        results.append(CheckResult(command.text, Outcome.PASSED, completed.wall_seconds))
    return Weighed(tuple(one_a_check(results).values()), counts=counts)


def _not_run(answer: Answer, completed: Completed, command: Command) -> Problem | None:
    if completed.ended is Ended.NOT_STARTED:
        return Problem(ProblemKind.SANDBOX, completed.detail, "Run `fixloop doctor` to see what the sandbox needs.")
    name = command.words[0]
    remedy = "Check the command; it runs in the workspace's root, and sees neither your home folder nor the network."
    if answer.not_hidden:
        message = f"The command could not be kept from forging its results: {answer.not_hidden}."
        return Problem(ProblemKind.SANDBOX, message, "Choose an interpreter that has ctypes.")
    missing = PurePath(name).name in _SHELLS and answer.status in {_NOT_EXECUTABLE, _NOT_FOUND}
    if answer.not_started or missing:
        said = answer.not_started or _last_line(completed.output) or f"exit status {answer.status}"
        return Problem(ProblemKind.BAD_CONFIGURATION, f"The test command {name} could not be started: {said}.", remedy)
    program = command.program
    if program and answer.status and answer.story and answer.story.how == "absent":
        if not program.module:
            message = f"The test command names {program.target}, which does not exist."
            return Problem(ProblemKind.BAD_CONFIGURATION, message, remedy)
        message = f"The module `{program.target}`, which the test command names, is not installed in {name}."
        return Problem(ProblemKind.MISSING_PACKAGE, message, "Install it there, or choose another interpreter.")
    return None


def _expects_cases(command: Command) -> bool:
    program = command.program
    return command.has_report or (program is not None and program.module and program.target == "unittest")


def _not_believed(why: str) -> Problem:
    message = f"The test command ended with exit status 0, but is not believed: {why}."
    return Problem(ProblemKind.BAD_CONFIGURATION, message, _LOOK)


def _cases(answer: Answer, command: Command) -> tuple[list[Case], str]:
    """What was reported, and what the reports count beyond that. Raises BadReport."""
    if not command.has_report:
        story = answer.story
        return ([], "") if story is None or story.unclear else (list(story.cases), "")
    if answer.fault:
        raise BadReport(answer.fault)
    if not answer.reports:
        raise BadReport("was not written")
    reports = [read_report(data, answer.root) for data in answer.reports]
    cases = [case for report in reports for case in report.cases]
    return cases, next((report.excess for report in reports if report.excess), "")


def _doubts(
    answer: Answer,
    command: Command,
    counts: Mapping[str, int],
    known: Known,
    excess: str,
    *,
    broken: bool,
    patched: bool,
) -> Iterator[str]:
    story, program = answer.story, command.program
    if answer.status and counts and not broken:
        yield f"no case failed, yet {_status(answer.status)}"
    elif answer.status is not None and answer.status < 0:
        yield _status(answer.status)
    if program and answer.status == 0 and story is None:
        yield "the program did not come to its end"
    elif program and answer.status == 0 and story and story.failing and not command.has_report and not broken:
        yield "the program itself tells of a failure"
    if excess:
        yield f"its report {excess}"
    if patched:
        yield from _changed(counts, known.counts)


def _changed(counts: Mapping[str, int], before: Mapping[str, int]) -> Iterator[str]:
    lost = sorted(name for name in before if name not in counts)
    other = sorted(name for name in before if name in counts and counts[name] != before[name])
    if lost:
        yield f"{len(lost)} of {len(before)} cases are gone, {lost[0]} among them"
    if other:
        yield f"{other[0]} was reported {counts[other[0]]} times instead of {before[other[0]]}"


def _result(case: Case) -> CheckResult:
    return CheckResult(case.name, case.outcome, case.seconds, case.location, case.failure)


class _Whole:
    """The command as one check."""

    def __init__(self, answer: Answer, completed: Completed, command: Command, output: str) -> None:
        self._answer, self._completed, self._command, self._output = answer, completed, command, output

    @property
    def crashed(self) -> bool:
        """True when a signal ended the command, seen directly or told by a shell."""
        status = self._answer.status or 0
        shell = PurePath(self._command.words[0]).name in _SHELLS
        return status < 0 or (shell and _SIGNALS < status <= _LAST_SIGNAL)

    def cut_short(self) -> tuple[Outcome, float, Location | None, Failure] | None:
        """What to say of every check when the run did not come to its own end."""
        seconds = self._completed.wall_seconds
        story = self._answer.story
        if self._answer.late or self._completed.ended is Ended.WALL_LIMIT or (story and story.how == "late"):
            frames = story.failure.frames if story and story.failure else ()
            failure = Failure("Timeout", f"did not end within {seconds:.0f} s", frames)
            return Outcome.TIMEOUT, seconds, self._place(failure), failure
        if self._answer.status is None:
            limit = self._completed.ended is Ended.OUTPUT_LIMIT
            said = "printed more than the sandbox lets through" if limit else "its run ended before it did"
            return Outcome.CRASHED, seconds, None, Failure("OutputLimit" if limit else "Crash", said)
        return None

    def failed(self, doubts: Iterable[str]) -> CheckResult:
        """The check that stands for what no case explains."""
        said = _status(self._answer.status or 0)
        if self.crashed:
            failure = Failure("Crash", said, last_failure(self._output, self._answer.root).frames)
            return CheckResult(self._command.text, Outcome.CRASHED, 0.0, self._place(failure), failure)
        story = self._answer.story
        failure = story.failure if story and story.failure else last_failure(self._output, self._answer.root)
        if failure.exception == UNNAMED:
            told = "; ".join(filter(None, [said, *doubts, _last_line(self._completed.output)]))
            failure = Failure("ExitStatus", told, failure.frames)
        seconds = self._completed.wall_seconds
        return CheckResult(self._command.text, Outcome.FAILED, seconds, self._place(failure), failure)

    def _place(self, failure: Failure) -> Location | None:
        program = self._command.program
        own = program.target if program and not program.module else ""
        inside = [frame for frame in failure.frames if frame.path == own] or list(failure.frames[:1])
        return Location(inside[-1].path, inside[-1].line) if inside else None


def _status(status: int) -> str:
    return f"signal {-status} ended it" if status < 0 else f"the exit status is {status}"


def _last_line(output: bytes) -> str:
    lines = [line.strip() for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""
