"""What came back from a command: how it ended, which is certain, and its reports and story, which are its own words."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from fixloop.evaluate.junit import Case, stands_for_loading
from fixloop.evaluate.printed import last_failure, project_path
from fixloop.probe import wire
from fixloop.records.execution import Failure, Frame, Location, Outcome

Lines = Mapping[str, frozenset[int]]


@dataclass(frozen=True)
class Story:
    """What the command's Python process told. ``how``: returned, exit, raised, late or absent.

    ``outside`` are the lines that ran in no case; ``lines`` those of each case, by the name of its check. ``unclear``:
    there were cases whose outcome could not be seen.
    """

    how: str
    failing: bool
    failure: Failure | None
    cases: tuple[Case, ...]
    lines: Mapping[str, Lines]
    outside: Lines
    unclear: bool


@dataclass(frozen=True)
class Answer:
    """``status`` None: it was never told, because the run ended first. ``fault``: why a report could not be fetched."""

    root: str = ""  # of the workspace, as the command saw it
    status: int | None = None
    late: bool = False
    not_started: str = ""
    not_hidden: str = ""
    reports: tuple[bytes, ...] = ()
    fault: str = ""
    story: Story | None = None


def read_answer(channel: bytes, token: str) -> Answer:
    """Everything on the channel that carries the run's token."""
    values: dict[str, Any] = {}
    reports: list[bytes] = []
    for record in _records(channel, token):
        match record["kind"]:
            case wire.READY:
                values["root"] = record["root"]
            case wire.PROBLEM:
                values[record["what"]] = record["message"] or "no reason was given"
            case wire.REPORT if "fault" in record:
                values["fault"] = record["fault"]
            case wire.REPORT:
                reports.append(base64.b64decode(record["data"]))
            case wire.STORY:
                values["story"] = read_story(record["story"], values.get("root", ""))
            case wire.STOPPED:
                values["status"], values["late"] = record["status"], record["late"]
            case _:
                pass
    return Answer(reports=tuple(report for report in reports if report), **values)


def _records(channel: bytes, token: str) -> Iterator[dict[str, Any]]:
    for line in channel.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and record.get("token") == token:  # pyright: ignore[reportUnknownMemberType]
            yield cast("dict[str, Any]", record)


def read_story(value: Any, root: str) -> Story | None:
    """A story as the code under test may have written it: None when it has not the expected form."""
    try:
        found = [_case(case, root) for case in value["cases"]]
        outside: dict[str, frozenset[int]] = _lines(value["between"])
        for path, lines in _lines(value["lines"]).items():
            outside[path] = outside.get(path, frozenset()) | lines
        return Story(
            how=str(value["how"]),
            failing=bool(value["failing"]),
            failure=_failure(value["failure"]),
            cases=tuple(case for case, _ in found),
            lines={case.name: lines for case, lines in found},
            outside=outside,
            unclear=bool(value["unclear"]),
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _case(case: Any, root: str) -> tuple[Case, Lines]:
    classname, _, name = str(case["id"]).rpartition(".")
    outcome = Outcome(case["outcome"])
    failure = last_failure(str(case["text"]), root) if outcome.is_broken else None
    if outcome is Outcome.TIMEOUT and failure:
        failure = Failure("Timeout", "did not end in time", failure.frames)
    place = Location(failure.frames[0].path, failure.frames[0].line) if failure and failure.frames else None
    found = Case(
        f"{classname}::{name}" if classname else name,
        outcome,
        float(case["seconds"]),
        failure,
        place,
        stands_for_loading(classname, name),
    )
    return found, _lines(case["lines"])


def _lines(value: Any) -> dict[str, frozenset[int]]:
    return {
        path: frozenset(int(line) for line in lines) for path, lines in value.items() if project_path(path, "") == path
    }


def _failure(value: Any) -> Failure | None:
    if value is None:
        return None
    frames = tuple(Frame(str(path), int(line), str(function)) for path, line, function in value["frames"])
    kept = tuple(frame for frame in frames if project_path(frame.path, "") == frame.path)
    return Failure(str(value["exception"]), str(value["message"]), kept)
