"""``fixloop fix``: drive a repair, then show its result, or apply it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fixloop.assembly import Place, Refused
from fixloop.cli import exits
from fixloop.cli.apply import NotApplied, apply_patch
from fixloop.cli.arguments import FixOptions
from fixloop.cli.engine import Engine
from fixloop.cli.progress import choose
from fixloop.cli.repaired import Repaired
from fixloop.cli.streams import write, write_document
from fixloop.cli.texts import Texts
from fixloop.ports import Cancellation
from fixloop.records.events import Finding, RepairResult, Stopped, StopReason
from fixloop.records.settings import Settings
from fixloop.report.documents import repair_document
from fixloop.report.handoff import handoff


def fix(options: FixOptions, engine: Engine, cancellation: Cancellation) -> int:
    """Everything from the request to the exit status."""
    cwd = Path.cwd()
    try:
        place = engine.locate(options.target, cwd, options.root)
        result = _drive(options, engine, place, cwd, cancellation)
    except Refused as error:
        place, result = Place(cwd), RepairResult(StopReason.REFUSED, str(error))
    repaired = _settle(options, result, place)
    if options.json:
        shown = replace(repaired.result, message=" ".join([repaired.result.message, repaired.ending]).strip())
        note = handoff(shown, options.target, repaired.texts.read)
        write_document(repair_document(shown, repaired.texts.read, note))
    else:
        from fixloop.cli.story import story

        write(story(repaired, options, cwd))
    return repaired.status


def _drive(options: FixOptions, engine: Engine, place: Place, cwd: Path, cancellation: Cancellation) -> RepairResult:
    settings = Settings(
        interpreter=options.interpreter,
        model=options.model,
        budget_seconds=options.budget_seconds,
        check_seconds=options.test_seconds,
        seed=options.seed,
        test_command=options.test_command,
        sandbox=options.sandbox,
        grants=options.grants,
    )
    with choose(options.budget_seconds, cancellation) as progress:
        for event in engine.start_repair(place, options.target, cwd, settings, cancellation):
            progress.show(event)
            if isinstance(event, Stopped):
                return event.result
    raise AssertionError("a repair ended without saying why")


def _settle(options: FixOptions, result: RepairResult, place: Place) -> Repaired:
    """Discard what has gone stale, and apply what may be applied."""
    texts = Texts(place)
    changed = texts.changed_since(result)
    if changed is not None:
        message = (
            f"{changed} changed while the repair ran, so its result was discarded. Nothing was written. Run it again."
        )
        result = replace(result, reason=StopReason.REFUSED, message=message, finding=None, alternatives=())
        return Repaired(result, texts, place, "", exits.NOT_FIXED if options.apply else exits.COULD_NOT_RUN)
    finding = result.finding
    if not (options.apply and finding and result.reason is StopReason.VERIFIED):
        return Repaired(result, texts, place, "", exits.of_repair(result.reason))
    return _apply(result, finding, texts, place)


def _apply(result: RepairResult, finding: Finding, texts: Texts, place: Place) -> Repaired:
    try:
        apply_patch(finding.patch, place.root)
    except NotApplied as error:
        return Repaired(result, texts, place, f"Not applied: {error}", exits.NOT_FIXED)
    return Repaired(result, texts, place, f"Applied to {', '.join(finding.patch.paths)}.", exits.OK)
