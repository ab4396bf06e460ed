"""The command line: text in, frozen options out. Nothing is looked up or run here."""

from __future__ import annotations

import argparse
import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from fixloop.records.settings import NO_GRANTS, SANDBOXES, Grants, Sandbox

SANDBOX = "sandbox"
TO_OUTPUT = "-"
WALL_SECONDS = 600.0
_SHIFTS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}


class UsageError(Exception):
    """The arguments make no request; the message ends with how to learn more."""


@dataclass(frozen=True)
class FixOptions:
    """``fixloop fix``."""

    target: str
    json: bool
    apply: bool
    show_plausible: bool
    budget_seconds: float
    test_seconds: float
    model: str
    interpreter: str | None
    seed: int
    root: Path | None
    sandbox: Sandbox = "auto"
    grants: Grants = NO_GRANTS
    test_command: str | None = None


@dataclass(frozen=True)
class EvaluateOptions:
    """``fixloop evaluate``. No path stands for the whole suite of the project around the current directory."""

    paths: tuple[str, ...]
    json: bool
    test_seconds: float
    interpreter: str | None
    root: Path | None
    sandbox: Sandbox = "auto"
    grants: Grants = NO_GRANTS
    test_command: str | None = None


@dataclass(frozen=True)
class SandboxOptions:
    """``fixloop sandbox``. ``keep_diff``: None for no diff, TO_OUTPUT, or the name of a file."""

    command: tuple[str, ...]
    json: bool = False
    keep_diff: str | None = None
    wall_seconds: float = WALL_SECONDS
    memory_bytes: int | None = None
    interpreter: str | None = None
    root: Path | None = None
    grants: Grants = NO_GRANTS
    sandbox: Sandbox = "auto"


@dataclass(frozen=True)
class DoctorOptions:
    """``fixloop doctor``."""

    json: bool
    interpreter: str | None
    sandbox: Sandbox = "auto"


Options = FixOptions | EvaluateOptions | SandboxOptions | DoctorOptions


def parse(arguments: Sequence[str]) -> Options:
    """The request. Raises UsageError, and SystemExit(0) after printing what ``--help`` or ``--version`` ask for."""
    own, command = _divide(arguments)
    found = _parser().parse_args(own)
    match found.command:
        case "fix":
            return FixOptions(
                target=found.target,
                json=found.json,
                apply=found.apply,
                show_plausible=found.show_plausible,
                budget_seconds=found.budget_seconds,
                test_seconds=found.test_seconds,
                model=found.model,
                interpreter=found.interpreter,
                seed=found.seed,
                root=found.root,
                sandbox=found.sandbox,
                grants=_grants(found),
                test_command=found.test_command,
            )
        case "evaluate":
            return EvaluateOptions(
                paths=tuple(found.paths),
                json=found.json,
                test_seconds=found.test_seconds,
                interpreter=found.interpreter,
                root=found.root,
                sandbox=found.sandbox,
                grants=_grants(found),
                test_command=found.test_command,
            )
        case "sandbox":
            if not command:
                raise UsageError(
                    "No command was named. Nothing was run. Write it behind two dashes: fixloop sandbox -- ls"
                )
            return SandboxOptions(
                command,
                found.json,
                found.keep_diff,
                found.wall_seconds,
                found.memory,
                found.interpreter,
                found.root,
                _grants(found),
                found.sandbox,
            )
        case _:
            return DoctorOptions(found.json, found.interpreter, found.sandbox)


def _divide(arguments: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    """What is meant for fixloop, and the command to run: by hand, as argparse would look into the command."""
    words = list(arguments)
    if words[:1] != [SANDBOX] or "--" not in words:
        return words, ()
    at = words.index("--")
    return words[:at], tuple(words[at + 1 :])


def _grants(found: argparse.Namespace) -> Grants:
    return Grants(tuple(found.allow_read), tuple(found.allow_port), tuple(found.allow_env))


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message[:1].upper()}{message[1:]}. Nothing was run. See: {self.prog} --help")


class _Version(argparse.Action):
    """Asks the installed distribution only when the version is wanted: the question takes longer than parsing."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"fixloop {version('fixloop')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="fixloop", description="A failing test in, a tested patch out.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and leave")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    _add_fix(commands.add_parser("fix", help="repair what a failing test shows", description=_FIX))
    _add_evaluate(commands.add_parser("evaluate", help="run tests in the sandbox", description=_EVALUATE))
    _add_sandbox(
        commands.add_parser(SANDBOX, help="run any command in the sandbox", description=_SANDBOX, usage=_USAGE)
    )
    doctor = commands.add_parser("doctor", help="what is ready, what is missing, how to get it", description=_DOCTOR)
    _add_common(doctor)
    return parser


_FIX = (
    "Reproduce a failure in a sandbox, try small repairs against the tests, and show one that holds. Nothing is"
    " written without --apply. Exit status: 0 verified, 1 no verified fix, 2 could not run, 3 nothing failing,"
    " 130 cancelled."
)
_EVALUATE = (
    "Run tests, lint and types in the sandbox. Exit status: 0 all passed, 1 failures, 2 could not run, 130 cancelled."
)
_SANDBOX = (
    "Run a command as code under test is run: in a discardable view of the workspace, without network, home folder and"
    " your environment. Its standard input is what you pipe in; a terminal is not passed on. Exit status: the"
    " command's own, 128 and the number of the signal that ended it, 124 a limit, 125 not run, 126 and 127 not"
    " executable and not found, 130 cancelled."
)
_USAGE = "fixloop sandbox [OPTIONS] -- COMMAND [ARGUMENT ...]"
_DOCTOR = "Look at what a repair needs here. Exit status: 0 ready, 2 something needed is missing."


def _add_fix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("target", metavar="TARGET", help="a test file, a source file, a folder or a pytest node id")
    parser.add_argument("--apply", action="store_true", help="write the patch to your files, if it is verified")
    parser.add_argument("--show-plausible", action="store_true", help="show a patch that a gate refused, too")
    parser.add_argument("--budget-seconds", type=_seconds, default=180.0, metavar="S", help="end the search (180)")
    parser.add_argument("--model", default="none", metavar="NAME", help="a language model, or none (none)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="decides what the code does not (0)")
    _add_common(parser)
    _add_running(parser)


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, folders or pytest node ids (the whole suite)")
    _add_common(parser)
    _add_running(parser)


def _add_sandbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep-diff",
        nargs="?",
        const=TO_OUTPUT,
        metavar="FILE",
        help="print last, or write to a file, what the command changed, as a patch for git apply",
    )
    parser.add_argument(
        "--wall-seconds", type=_seconds, default=WALL_SECONDS, metavar="S", help=f"end the command ({WALL_SECONDS:g})"
    )
    parser.add_argument("--memory", type=_size, metavar="SIZE", help="of each process, such as 512M or 2G (4G)")
    parser.add_argument("--root", type=Path, metavar="DIR", help="the workspace (the current directory)")
    _add_common(parser)
    _add_grants(parser)


def _add_grants(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-read", type=_path, action="append", default=[], metavar="PATH", help="let it read a path, too"
    )
    parser.add_argument(
        "--allow-port", type=int, action="append", default=[], metavar="N", help="let it reach 127.0.0.1:N"
    )
    parser.add_argument(
        "--allow-env", action="append", default=[], metavar="NAME", help="let it see a variable of your environment"
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")
    parser.add_argument("--interpreter", metavar="P", help="the Python that runs the tests (the project's own)")
    parser.add_argument(
        "--sandbox",
        choices=SANDBOXES,
        default="auto",
        help="reduced allows a weaker tier, with the gaps that every result names, where no other works (auto)",
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--test-seconds", type=_seconds, default=10.0, metavar="S", help="end one test (10)")
    parser.add_argument(
        "--test-command",
        metavar="C",
        help="run this instead of pytest; {junit} in it becomes the file for a JUnit XML report",
    )
    parser.add_argument("--root", type=Path, metavar="DIR", help="the workspace (the project around the target)")
    _add_grants(parser)


def _path(text: str) -> Path:
    return Path(os.path.abspath(os.path.expanduser(text)))  # noqa: PTH111 (with the links that it goes through)


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    value = int(found[1]) << _SHIFTS[found[2].upper()] if found else 0
    if not 0 < value < 1 << 63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512M or 2G")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value
