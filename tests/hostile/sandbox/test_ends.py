"""How runs end, and that nothing survives them."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from boxes import STUBBORN, both_tiers, job, never, processes_with
from fixloop.sandbox.run import Ended, Limits, Tier, run


@both_tiers
def test_the_wall_limit_ends_the_whole_tree(workspace: Path, tier: Tier, token: str) -> None:
    changes = {"limits": Limits(wall_seconds=0.5)}
    completed = run(job(workspace, STUBBORN + "time.sleep(600)", token, **changes), tier, never)
    assert (completed.ended, completed.status) == (Ended.WALL_LIMIT, None)
    assert completed.channel == b"ready\n"
    assert processes_with(token) == []


@both_tiers
def test_cancelling_ends_the_whole_tree(workspace: Path, tier: Tier, token: str) -> None:
    ready = threading.Event()
    code = STUBBORN + "time.sleep(600)"
    completed = run(job(workspace, code, token), tier, ready.is_set, lambda _: ready.set())
    assert completed.ended is Ended.CANCELLED
    assert processes_with(token) == []


@both_tiers
def test_what_the_command_leaves_running_ends_with_it(workspace: Path, tier: Tier, token: str) -> None:
    code = STUBBORN + "time.sleep(0.3); sys.exit(5)"
    completed = run(job(workspace, code, token), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 5)
    assert processes_with(token) == []


@both_tiers
def test_an_error_of_the_caller_ends_the_command(workspace: Path, tier: Tier, token: str) -> None:
    def fail(record: bytes) -> None:
        raise ZeroDivisionError(record)

    with pytest.raises(ZeroDivisionError):
        run(job(workspace, STUBBORN + "time.sleep(600)", token), tier, never, fail)
    assert processes_with(token) == []


@both_tiers
@pytest.mark.parametrize("descriptor", [1, 4])
def test_a_flood_is_capped(workspace: Path, tier: Tier, descriptor: int) -> None:
    code = f"while True: os.write({descriptor}, b'x' * 9999 + b'\\n')"
    changes = {"limits": Limits(wall_seconds=30, output_bytes=200_000, tail_bytes=1000)}
    completed = run(job(workspace, code, **changes), tier, never)
    assert completed.ended is Ended.OUTPUT_LIMIT
    assert len(completed.output) <= 1000
    assert len(completed.channel) <= 200_000
