"""Reads JUnit XML that the code under test may have written: a report is a claim, and this says what it claims.

The format has no standard; what is read here is what pytest, nose2, unittest-xml-reporting and Surefire agree on. A
document type is refused, which is what defusedxml does: without one there are no entities to expand or to fetch.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat

from fixloop.evaluate.printed import UNNAMED, last_failure
from fixloop.records.execution import Failure, Location, Outcome

DEPTH_AT_MOST = 50
CASES_AT_MOST = 100_000
TEXT_LENGTH = 8000
_BROKEN = frozenset({"failure", "error", "flakyFailure", "flakyError", "rerunFailure", "rerunError"})
_NOT_RUN = frozenset({"notrun", "skipped", "disabled", "suppressed", "ignored"})
_LOADING = re.compile(r"(_FailedTest|LoadTestsFailure|ModuleImportFailure)$")
_SHARED = re.compile(r"^(setUp|tearDown)(Class|Module)\b")


class BadReport(Exception):
    """The report cannot be read; the message says why, as the end of a sentence about it."""


@dataclass(frozen=True)
class Case:
    """One test case as the report has it. ``name`` is ``classname::name``."""

    name: str
    outcome: Outcome
    seconds: float
    failure: Failure | None
    location: Location | None
    loading: bool  # it stands for tests that could not be loaded or set up, and is gone when they can


@dataclass(frozen=True)
class Report:
    """All cases in their order. ``excess`` says what the report counts in its heads and does not hold."""

    cases: tuple[Case, ...]
    excess: str = ""


@dataclass
class _Open:
    """A case that is being read: what broke it first, and whether it was skipped."""

    attributes: dict[str, str]
    kind: str = ""
    exception: str = ""
    message: str = ""
    text: str = ""
    skipped: bool = False


@dataclass
class _Suite:
    """What a suite says that it holds, and what it holds."""

    tests: int
    failures: int
    cases: int = 0
    broken: int = 0


def read_report(data: bytes, root: str) -> Report:
    """Read one document. Frames are taken from texts that name files below ``root``. Raises BadReport."""
    reader = _Reader(root)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(data, True)  # noqa: FBT003 (the parser takes no keyword)
    except expat.ExpatError as error:
        raise BadReport(f"is not well-formed XML ({error})") from None
    except (ValueError, LookupError) as error:
        raise BadReport(f"cannot be decoded ({error})") from None
    return Report(tuple(reader.cases), reader.excess)


def _refuse_doctype(*_: object) -> NoReturn:
    raise BadReport("declares a document type, which no test report needs")


@dataclass
class _Reader:
    root: str
    cases: list[Case] = field(default_factory=list[Case])
    excess: str = ""
    _path: list[str] = field(default_factory=list[str])
    _suites: list[_Suite] = field(default_factory=list[_Suite])
    _case: _Open | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._path and name not in {"testsuites", "testsuite"}:
            raise BadReport(f"is no JUnit report: it begins with <{name}>")
        if len(self._path) >= DEPTH_AT_MOST:
            raise BadReport("is nested too deeply")
        within = self._path[-1] if self._path else ""
        self._path.append(name)
        if name in {"testsuites", "testsuite"}:
            self._suites.append(_suite(attributes))
        elif name == "testcase":
            if self._case is not None or within != "testsuite":
                raise BadReport("has a test case where none may stand")
            if not attributes.get("name"):
                raise BadReport("has a test case without a name")
            self._case = _Open(attributes)
        elif self._case is not None and within == "testcase":
            self._detail(self._case, name, attributes)

    def _detail(self, case: _Open, name: str, attributes: dict[str, str]) -> None:
        if name in _BROKEN and not case.kind:
            case.kind, case.exception = name, attributes.get("type", "")
            case.message = attributes.get("message", "")[:TEXT_LENGTH]
        elif name == "skipped":
            case.skipped = True

    def text(self, data: str) -> None:
        case = self._case
        if case is not None and self._path[-1] == case.kind:
            case.text = (case.text + data)[-TEXT_LENGTH:]

    def end(self, name: str) -> None:
        name = self._path.pop()
        if name == "testcase" and self._case is not None:
            if len(self.cases) >= CASES_AT_MOST:
                raise BadReport("has more test cases than can be handled")
            case = _closed(self._case, self.root)
            self.cases.append(case)
            for suite in self._suites:
                suite.cases += 1
                suite.broken += case.outcome.is_broken
            self._case = None
        elif name in {"testsuites", "testsuite"}:
            self._compare(self._suites.pop())

    def _compare(self, suite: _Suite) -> None:
        if suite.tests > suite.cases:
            self.excess = f"counts {suite.tests} tests and holds {suite.cases}"
        elif suite.failures > suite.broken:
            self.excess = f"counts {suite.failures} failures and holds {suite.broken}"


def _suite(attributes: dict[str, str]) -> _Suite:
    failures = _whole(attributes.get("failures")) + _whole(attributes.get("errors"))
    return _Suite(_whole(attributes.get("tests")), failures)


def _whole(text: str | None) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,9}", text) else 0


def _closed(case: _Open, root: str) -> Case:
    attributes = case.attributes
    classname, name = attributes.get("classname", ""), attributes["name"]
    failure = _failure(case, root) if case.kind else None
    if failure:
        outcome = Outcome.FAILED
    elif case.skipped or attributes.get("status", "").lower() in _NOT_RUN:
        outcome = Outcome.SKIPPED
    else:
        outcome = Outcome.PASSED
    return Case(
        f"{classname}::{name}" if classname else name,
        outcome,
        _seconds(attributes.get("time", "")),
        failure,
        _location(attributes, failure),
        stands_for_loading(classname, name) or (bool(failure) and not classname and case.message.startswith("collect")),
    )


def stands_for_loading(classname: str, name: str) -> bool:
    """True for what unittest and nose2 call a case when a module or a shared fixture failed."""
    return bool(_LOADING.search(classname) or _SHARED.match(name))


def _failure(case: _Open, root: str) -> Failure:
    told = last_failure(case.text, root)
    exception = case.exception.rpartition(".")[2]
    if not exception and told.exception != UNNAMED:  # nose2 gives every failure the same message
        return told
    message = case.message or next((line for line in reversed(case.text.strip().splitlines()) if line), "")
    said = re.match(r"([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Failed))(?:: |$)", message)
    if said and exception in {"", said[1].rpartition(".")[2]}:
        exception, message = said[1].rpartition(".")[2], message[said.end() :]
    return Failure(exception or case.kind.capitalize(), message, told.frames)


def _location(attributes: dict[str, str], failure: Failure | None) -> Location | None:
    file = attributes.get("file", "").removeprefix("./")
    usable = bool(file) and not file.startswith(("/", "..")) and "\0" not in file
    frames = failure.frames if failure else ()
    inside = [frame for frame in frames if frame.path == file] if usable else frames[:1]
    if inside:
        return Location(inside[-1].path, inside[-1].line)
    return Location(file, max(_whole(attributes.get("line")), 1)) if usable else None


def _seconds(text: str) -> float:
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return 0.0
    return value if math.isfinite(value) and value >= 0 else 0.0
