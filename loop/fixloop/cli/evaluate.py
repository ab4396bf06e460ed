"""``fixloop evaluate``: one run of the tests, lint and types."""

from __future__ import annotations

from pathlib import Path

from fixloop.assembly import Evaluation, Place, Refused
from fixloop.cli import exits
from fixloop.cli.arguments import EvaluateOptions
from fixloop.cli.engine import Engine
from fixloop.cli.progress import Silence, choose
from fixloop.cli.streams import stderr_is_terminal, write, write_document
from fixloop.cli.texts import Texts
from fixloop.ports import Cancellation, Cancelled
from fixloop.records.events import Stage, StageEntered
from fixloop.records.settings import Settings
from fixloop.report.documents import evaluation_document, no_evaluation_document
from fixloop.report.status import Status, sentence, status_of
from fixloop.report.words import printable


def evaluate(options: EvaluateOptions, engine: Engine, cancellation: Cancellation) -> int:
    """Everything from the request to the exit status."""
    cwd = Path.cwd()
    try:
        place = engine.locate(options.paths[0] if options.paths else ".", cwd, options.root)
        evaluation = _run(options, engine, place, cwd, cancellation)
    except Refused as error:
        return _nothing(options, Status.REFUSED, str(error))
    except Cancelled:
        return _nothing(options, Status.CANCELLED, "Cancelled. Nothing was changed.")
    status = status_of(evaluation.execution)
    if options.json:
        write_document(evaluation_document(evaluation.execution, evaluation.lint, evaluation.types, evaluation.scope))
    else:
        _tell(evaluation, status, place)
    return exits.of_evaluation(status)


def _run(options: EvaluateOptions, engine: Engine, place: Place, cwd: Path, cancellation: Cancellation) -> Evaluation:
    settings = Settings(
        options.interpreter,
        check_seconds=options.test_seconds,
        sandbox=options.sandbox,
        grants=options.grants,
        test_command=options.test_command,
    )
    # Only the live display is wanted: it needs rich, which --json does not load.
    with Silence() if options.json or not stderr_is_terminal() else choose(None, cancellation) as progress:
        progress.show(StageEntered(Stage.BASELINE))
        return engine.evaluate(place, options.paths, cwd, settings, cancellation)


def _nothing(options: EvaluateOptions, status: Status, message: str) -> int:
    if options.json:
        write_document(no_evaluation_document(status, message))
    else:
        write([printable(message), "\n"])
    return exits.of_evaluation(status)


def _tell(evaluation: Evaluation, status: Status, place: Place) -> None:
    from rich.text import Text

    from fixloop.cli.render import render
    from fixloop.report import text

    execution = evaluation.execution
    broken = [text.failures(execution.broken, Texts(place).read), ""] if execution.broken else []
    said = Text(printable(sentence(execution)), "bold green" if status is Status.PASSED else "bold red")
    write(
        [
            render(
                *broken,
                text.static("Lint", evaluation.lint),
                text.static("Types", evaluation.types),
                text.surroundings(
                    execution.interpreter, execution.python, execution.tier, evaluation.scope, execution.grants
                ),
                *(text.Hanging(Text(""), Text(printable(note), "dim")) for note in execution.notes),
                text.Hanging(Text(""), said),
            )
        ]
    )
