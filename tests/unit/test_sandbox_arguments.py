"""``fixloop sandbox`` and grants on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixloop.cli import exits
from fixloop.cli.arguments import EvaluateOptions, FixOptions, SandboxOptions, UsageError, parse
from fixloop.records.settings import Grants
from fixloop.sandbox.job import Completed, Ended


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ("-- ls", SandboxOptions(("ls",))),
        ("-- ls --json -- x --root", SandboxOptions(("ls", "--json", "--", "x", "--root"))),
        ("--json -- ls", SandboxOptions(("ls",), json=True)),
        ("--keep-diff -- ls", SandboxOptions(("ls",), keep_diff="-")),
        ("--keep-diff=f -- ls", SandboxOptions(("ls",), keep_diff="f")),
        ("--wall-seconds 1.5 -- ls", SandboxOptions(("ls",), wall_seconds=1.5)),
        ("--memory 512M -- ls", SandboxOptions(("ls",), memory_bytes=512 << 20)),
        ("--memory 2GiB -- ls", SandboxOptions(("ls",), memory_bytes=2 << 30)),
        ("--memory 1000 -- ls", SandboxOptions(("ls",), memory_bytes=1000)),
        ("--root d --interpreter p -- ls", SandboxOptions(("ls",), root=Path("d"), interpreter="p")),
        ("--allow-port 1 --allow-port 2 -- ls", SandboxOptions(("ls",), grants=Grants(ports=(1, 2)))),
        ("--allow-env A --allow-read /a/../b -- ls", SandboxOptions(("ls",), grants=Grants((Path("/b"),), (), ("A",)))),
    ],
)
def test_the_command_stands_behind_two_dashes(words: str, options: SandboxOptions) -> None:
    assert parse(["sandbox", *words.split()]) == options


@pytest.mark.parametrize(
    "words",
    ["", "ls", "--", "--memory 0 -- ls", "--memory 9999T9 -- ls", "--memory 99999999T -- ls", "--allow-port x -- ls"],
)
def test_what_makes_no_command_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="Nothing was run"):
        parse(["sandbox", *words.split()])


def test_the_other_commands_take_the_same_grants() -> None:
    words = ["--allow-read", "data", "--allow-port", "5432", "--allow-env", "A"]
    grants = Grants((Path.cwd() / "data",), (5432,), ("A",))
    fix, evaluate = parse(["fix", "t.py", *words]), parse(["evaluate", *words])
    assert isinstance(fix, FixOptions)
    assert isinstance(evaluate, EvaluateOptions)
    assert fix.grants == evaluate.grants == grants


@pytest.mark.parametrize(
    ("completed", "status"),
    [
        (Completed(Ended.EXITED, 3), 3),
        (Completed(Ended.EXITED, -9), 137),
        (Completed(Ended.NOT_STARTED), 125),
        (Completed(Ended.NOT_STARTED, 127), 127),
        (Completed(Ended.CANCELLED), 130),
        *((Completed(ended), 124) for ended in Ended if ended.value.endswith("limit")),
    ],
)
def test_exit_statuses(completed: Completed, status: int) -> None:
    assert exits.of_command(completed) == status
