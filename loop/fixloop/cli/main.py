"""The console script: dispatch, and the edge where whatever went wrong becomes one sentence and a status."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import assert_never

from fixloop.cli import exits
from fixloop.cli.arguments import (
    SANDBOX,
    DoctorOptions,
    EvaluateOptions,
    FixOptions,
    Options,
    SandboxOptions,
    UsageError,
    parse,
)
from fixloop.cli.engine import Engine
from fixloop.cli.interruption import Interruption
from fixloop.cli.streams import write_document
from fixloop.ports import Cancellation
from fixloop.records.events import RepairResult, StopReason
from fixloop.records.source import SourceText
from fixloop.report.command import no_command_document
from fixloop.report.documents import Document, doctor_document, no_evaluation_document, repair_document
from fixloop.report.status import Status
from fixloop.report.words import one_line


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    _open_standard_descriptors()
    with Interruption() as interruption:
        return run(sys.argv[1:] if argv is None else argv, _real_engine, interruption)


def run(arguments: Sequence[str], load: Callable[[], Engine], cancellation: Cancellation) -> int:
    """The same with engine and cancellation given; ``load`` is called once the arguments are known to be good."""
    try:
        return _dispatch(parse(arguments), load(), cancellation)
    except SystemExit as asked:  # --help and --version
        return asked.code if isinstance(asked.code, int) else exits.OK
    except UsageError as error:
        return _refuse(arguments, str(error))
    except Exception as error:  # noqa: BLE001 (the edge: a bug is told in one sentence)
        return _refuse(arguments, _bug(error))


def _open_standard_descriptors() -> None:
    """Where the caller closed one, nothing else may come to lie under its number: a child would take it for its own."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _real_engine() -> Engine:
    from fixloop import assembly

    return assembly


def _dispatch(options: Options, engine: Engine, cancellation: Cancellation) -> int:
    match options:
        case FixOptions():
            from fixloop.cli.fix import fix

            return fix(options, engine, cancellation)
        case EvaluateOptions():
            from fixloop.cli.evaluate import evaluate

            return evaluate(options, engine, cancellation)
        case SandboxOptions():
            from fixloop.cli.sandbox import sandbox

            return sandbox(options, engine, cancellation)
        case DoctorOptions():
            from fixloop.cli.doctor import doctor

            return doctor(options, engine)
        case _:
            assert_never(options)


def _bug(error: Exception) -> str:
    if os.environ.get("FIXLOOP_DEBUG") == "1":
        traceback.print_exception(error, file=sys.stderr)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""  # noqa: PTH119
    said = one_line(f"{type(error).__name__}: {error}")
    return (
        f"fixloop itself failed ({said}{where}), and your files are as they were; FIXLOOP_DEBUG=1 shows the whole"
        " traceback for a report."
    )


def _refuse(arguments: Sequence[str], message: str) -> int:
    print(f"fixloop: {message}" if not message.startswith("fixloop") else message, file=sys.stderr)
    if "--json" in _own(arguments):
        write_document(_refusal(arguments, message))
    return exits.NOT_CONFINED if arguments[:1] == [SANDBOX] else exits.COULD_NOT_RUN


def _own(arguments: Sequence[str]) -> Sequence[str]:
    """Without the words of a command that was to be run."""
    return arguments[: list(arguments).index("--")] if "--" in arguments else arguments


def _refusal(arguments: Sequence[str], message: str) -> Document:
    match next((word for word in arguments if not word.startswith("-")), ""):
        case "evaluate":
            return no_evaluation_document(Status.REFUSED, message)
        case "sandbox":
            return no_command_document(message)
        case "doctor":
            return doctor_document((), message)
        case _:
            return repair_document(RepairResult(StopReason.REFUSED, message), _nothing_to_read, None)


def _nothing_to_read(path: str) -> SourceText:
    raise AssertionError(f"a refusal names no file, but {path} was asked for")
