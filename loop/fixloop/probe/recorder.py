"""The pytest plugin that reports each check as it ends."""

from __future__ import annotations

import os
import reprlib
import signal
import time
from typing import TYPE_CHECKING, Any, Callable, Generator, Optional, Protocol, Union

import pytest

from . import wire
from .paths import check_id, relative

if TYPE_CHECKING:
    from .lines import MonitoredLines, TracedLines

    Lines = Union[MonitoredLines, TracedLines]

MESSAGE_LENGTH = 4000
VALUES_A_FRAME = 20
FRAMES_WITH_VALUES = 6
QUIETED = ("lf", "failedfirst", "newfirst", "stepwise", "stepwise_skip", "showlocals", "usepdb", "trace")


class CheckTimeout(BaseException):
    """A check ran longer than it may. Not an Exception, so that the code under test rarely swallows it."""


class Channel(Protocol):
    """Where records go."""

    def send(self, kind: str, **fields: object) -> None:
        """Write one record."""


class Recorder:
    """Sends STARTED, RESULT and LINES for each check, and COLLECTED once."""

    def __init__(self, channel: Channel, root: str, check_seconds: float, lines: Optional[Lines]) -> None:
        self._channel = channel
        self._root = root
        self._rootdir = root
        self._check_seconds = check_seconds
        self._lines = lines
        self._reports: list[Any] = []
        self._sent: set[str] = set()
        self._failure: dict[str, Any] = {}
        self._probe_began = time.perf_counter()
        self._began = 0.0
        self._interruptible = False
        self._values = reprlib.Repr()
        self._values.maxstring = self._values.maxother = 100
        self._values.maxlong = 60

    def allow(self, check_seconds: float) -> None:
        """Give the next checks this long each."""
        self._check_seconds = check_seconds

    # One process, no coverage of its own, every failure, every test, one order: options of the project that would hide
    # outcomes from us or make two runs differ.

    @pytest.hookimpl(hookwrapper=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> Generator[None, Any, None]:
        early_config.known_args_namespace.no_cov = True
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_cmdline_parse(self) -> Generator[None, Any, None]:
        outcome = yield
        options = outcome.get_result().option
        for name in QUIETED:
            if hasattr(options, name):
                setattr(options, name, False)
        if hasattr(options, "randomly_seed"):
            options.randomly_seed = int(os.environ.get("PYTHONHASHSEED") or 0)
        if hasattr(options, "numprocesses"):
            options.numprocesses, options.tx, options.dist = None, [], "no"

    def pytest_configure(self, config: Any) -> None:
        self._rootdir = str(config.rootdir if not hasattr(config, "rootpath") else config.rootpath)

    def _id(self, nodeid: str) -> str:
        return check_id(nodeid, self._rootdir, self._root)

    # Collection.

    @pytest.hookimpl(hookwrapper=True)
    def pytest_collection(self) -> Generator[None, Any, None]:
        if self._lines:
            self._lines.start()
        yield
        if self._lines:
            self._channel.send(wire.LINES, id=wire.AT_IMPORT, lines=self._lines.stop())

    def pytest_collection_finish(self, session: Any) -> None:
        self._channel.send(wire.COLLECTED, ids=[self._id(item.nodeid) for item in session.items])

    @pytest.hookimpl(tryfirst=True)
    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        if isinstance(node, pytest.Collector):
            self._send_result(self._id(report.nodeid), "error", 0.0, _fspath(node), 0, self._describe(call.excinfo))
            self._sent.add(report.nodeid)

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and report.nodeid not in self._sent:
            failure: dict[str, Any] = {
                "exception": "CollectError",
                "message": str(report.longrepr)[:MESSAGE_LENGTH],
                "frames": [],
            }
            self._send_result(self._id(report.nodeid), "error", 0.0, None, 0, failure)

    # Running.

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Generator[None, Any, None]:
        self._reports, self._failure = [], {}
        self._began = time.perf_counter()
        check = self._id(item.nodeid)
        self._channel.send(wire.STARTED, id=check, after=self._began - self._probe_began)
        previous = self._arm()
        if self._lines:
            self._lines.start()
        yield
        lines = self._lines.stop() if self._lines else None
        self._disarm(previous)
        seconds = time.perf_counter() - self._began
        line = item.location[1]
        self._send_result(
            check, self._outcome(), seconds, _fspath(item), 0 if line is None else line + 1, self._failure
        )
        if lines is not None:
            self._channel.send(wire.LINES, id=check, lines=lines)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self) -> Generator[None, Any, None]:
        yield from self._while_interruptible()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, Any, None]:
        yield from self._while_interruptible()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, Any, None]:
        yield from self._while_interruptible()

    def _while_interruptible(self) -> Generator[None, Any, None]:
        # Raised between the phases, the alarm would end pytest itself.
        self._interruptible = True
        yield
        self._interruptible = False

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, call: Any) -> Generator[None, Any, None]:
        outcome = yield
        report = outcome.get_result()
        if report.failed and call.excinfo is not None and not self._failure:
            self._failure = self._describe(call.excinfo)

    @pytest.hookimpl(tryfirst=True)
    def pytest_assertrepr_compare(self) -> None:
        # The assertion has failed; what runs from here on is pytest asking for texts to show.
        if self._lines:
            self._lines.pause()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._reports.append(report)

    def _outcome(self) -> str:
        if self._failure.get("exception") == "CheckTimeout":
            return "timeout"
        failed = [report.when for report in self._reports if report.failed]
        if failed:
            return "failed" if "call" in failed else "error"
        if any(report.skipped for report in self._reports):
            return "xfailed" if any(hasattr(report, "wasxfail") for report in self._reports) else "skipped"
        if any(hasattr(report, "wasxfail") for report in self._reports):
            return "xpassed"
        return "passed" if any(report.when == "call" and report.passed for report in self._reports) else "missing"

    # The time limit of one check.

    def _arm(self) -> Any:
        if self._check_seconds <= 0 or not hasattr(signal, "setitimer"):
            return None
        previous = signal.signal(signal.SIGALRM, self._on_alarm)
        signal.setitimer(signal.ITIMER_REAL, self._check_seconds, 0.5)  # again, should the first one be swallowed
        return previous

    def _disarm(self, previous: Any) -> None:
        if previous is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, previous)

    def _on_alarm(self, _number: int, _frame: Any) -> None:
        if not self._interruptible:
            return
        raise CheckTimeout(f"did not end within {self._check_seconds:g} s")

    # Describing a failure.

    def _send_result(
        self, check: str, outcome: str, seconds: float, own_file: Optional[str], line: int, failure: dict[str, Any]
    ) -> None:
        path = relative(own_file, self._root) if own_file else None
        in_test = [frame for frame in failure.get("frames", ()) if frame[0] == path]
        self._channel.send(
            wire.RESULT,
            id=check,
            outcome=outcome,
            seconds=round(seconds, 6),
            path=path,
            line=in_test[-1][1] if in_test else line,
            **failure,
        )

    def _describe(self, excinfo: Any) -> dict[str, Any]:
        error = excinfo.value
        if type(error).__name__ == "CollectError" and error.__cause__ is not None:
            error = error.__cause__
        message = _fixture_message(error) or self._told(str, error)
        return {
            "exception": type(error).__name__,
            "message": message[:MESSAGE_LENGTH],
            "frames": self._frames(error),
        }

    def _frames(self, error: BaseException) -> list[list[Any]]:
        entries: list[tuple[str, int, Any]] = []
        traceback = error.__traceback__
        while traceback is not None:
            path = relative(traceback.tb_frame.f_code.co_filename, self._root)
            if path is not None:
                entries.append((path, traceback.tb_lineno, traceback.tb_frame))
            traceback = traceback.tb_next
        frames = [
            [path, line, frame.f_code.co_name, self._locals(frame) if index < FRAMES_WITH_VALUES else []]
            for index, (path, line, frame) in enumerate(reversed(entries))
        ]
        frames.reverse()
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            path = relative(error.filename, self._root)
            if path is not None:
                frames.append([path, error.lineno, "<module>", []])
        return frames

    def _locals(self, frame: Any) -> list[list[str]]:
        if frame.f_code.co_name == "<module>":
            return []
        values: list[list[str]] = []
        for name, value in list(frame.f_locals.items())[:VALUES_A_FRAME]:
            if name.startswith(("__", "@")):
                continue
            values.append([name, self._told(self._values.repr, value)])
        return values

    def _told(self, tell: Callable[[Any], str], value: Any) -> str:
        # __str__ and __repr__ are code under test: they may raise anything, and hang.
        interruptible, self._interruptible = self._interruptible, True
        try:
            return tell(value)
        except BaseException:
            return f"<{type(value).__name__}>"
        finally:
            self._interruptible = interruptible


def _fspath(node: Any) -> Optional[str]:
    place = getattr(node, "path", None) or getattr(node, "fspath", None)
    return None if place is None else str(place)


def _fixture_message(error: BaseException) -> str:
    # pytest's own exception says which fixture only in its report, not in its text.
    name = getattr(error, "argname", None)
    return f"fixture {name!r} not found" if type(error).__name__ == "FixtureLookupError" and name else ""
