"""Finds out which tier this machine can really enforce, by starting a command that tries to get out.

Nothing is concluded from version numbers or settings: what counts is what reached the host. They only serve to say what
would have to be changed.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fixloop.records.settings import Sandbox
from fixloop.sandbox import layers
from fixloop.sandbox.gaps import GAPS
from fixloop.sandbox.job import Tier
from fixloop.sandbox.layers import Layer, Machine, State
from fixloop.sandbox.remembered import Remembered, cache_folder
from fixloop.sandbox.trial import Failure, attempt, own_python


@dataclass(frozen=True)
class TierReport:
    """The strongest tier that works here, and in sentences what it does not prevent.

    ``refusal`` says why a stronger one was not chosen, and what to change; empty when the strongest was. ``layers`` are
    all the walls there are, as they were found here.
    """

    tier: Tier
    gaps: tuple[str, ...]
    refusal: str = ""
    layers: tuple[Layer, ...] = ()


def choose_tier(
    sandbox: Sandbox = "auto",
    python: Path | None = None,
    prefixes: Sequence[Path] = (),
    root: Path | None = None,
) -> TierReport:
    """Try the tiers, strongest first, each once per process.

    ``python`` is the interpreter that will run, ``root`` the workspace, if known: nothing is remembered inside it.
    """
    own = own_python()
    folder = cache_folder(os.environ)
    if folder and root and folder.resolve().is_relative_to(root):
        folder = None
    return _choose(sandbox, python or own[0], tuple(prefixes) if python else own[1], folder)


@cache
def _choose(sandbox: Sandbox, python: Path, prefixes: tuple[Path, ...], folder: Path | None) -> TierReport:
    _sweep()
    remembered = Remembered.here(folder)

    def tried(tier: Tier) -> Failure | None:
        # What needs no access to it by others is the same for every interpreter.
        used = own_python() if tier is Tier.FULL else (python, prefixes)
        name = f"{tier.value} {used[0]}"
        if remembered.has(name):
            return None
        failure = attempt(tier, *used)
        if failure is None:
            remembered.add(name)
        return failure

    return choose(_tiers(sys.platform, os.getuid() == 0, sandbox), tried, Machine.look(), sandbox)


def _tiers(platform: str, is_root: bool, sandbox: Sandbox) -> tuple[Tier, ...]:  # noqa: FBT001
    """Those that may be used, strongest first."""
    if platform == "darwin":
        return (Tier.SANDBOX_EXEC,)
    if platform != "linux":
        return ()
    allowed = {Tier.FULL: True, Tier.ROOT: is_root, Tier.REDUCED: sandbox == "reduced"}
    return tuple(tier for tier, may_be_used in allowed.items() if may_be_used)


def choose(
    tiers: Sequence[Tier], tried: Callable[[Tier], Failure | None], machine: Machine, sandbox: Sandbox = "auto"
) -> TierReport:
    """The first tier that nothing gets out of, or a refusal that says what to change."""
    failures: dict[Tier, Failure] = {}
    for tier in tiers:
        failure = tried(tier)
        if failure is None:
            return TierReport(tier, GAPS[tier], _told(failures, machine), tuple(_layers(tier, failures)))
        failures[tier] = failure
    told = _told(failures, machine) or _ELSEWHERE
    option = _OPTION if Tier.FULL in failures and sandbox != "reduced" else ""
    refusal = f"The sandbox works in no way that was tried here. {told}{option} Nothing was run."
    return TierReport(Tier.REFUSE, (), refusal, tuple(_layers(Tier.REFUSE, failures)))


_ELSEWHERE = "fixloop runs code only on Linux and macOS. On Windows, install and start it inside WSL2."
_OPTION = (
    " Or allow the reduced sandbox, which has no namespaces and more gaps: --sandbox reduced (editors: the setting"
    " fixloop.sandbox.tier)."
)


def _told(failures: Mapping[Tier, Failure], machine: Machine) -> str:
    """Why each of the tiers is not used, with what to do about it."""
    return " ".join(
        f"Tier {tier.value}: {failure.why.removesuffix('.')}. {layers.remedy(failure.layer, machine)}".rstrip()
        for tier, failure in failures.items()
    )


def _layers(chosen: Tier, failures: Mapping[Tier, Failure]) -> Iterator[Layer]:
    names = layers.ALL if chosen is not Tier.SANDBOX_EXEC else layers.LAYERS[chosen]
    refused = {failure.layer: failure.why for failure in failures.values() if failure.layer}
    for name in names:
        if name in layers.LAYERS[chosen]:
            yield Layer(name, State.WORKS)
        elif name in refused:
            yield Layer(name, State.REFUSED, refused[name])
        else:
            unused = f"The tier {chosen.value} does not use it." if chosen is not Tier.REFUSE else "It was not reached."
            yield Layer(name, State.NOT_USED, unused)


def _sweep() -> None:
    """Remove what runs left whose every process was killed."""
    if sys.platform == "linux":
        from fixloop.sandbox.jail.scratch import sweep
        from fixloop.sandbox.jail.stranger import end_processes

        sweep(tempfile.gettempdir(), end_processes)
