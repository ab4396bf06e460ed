"""Run a Python program as its interpreter would, and tell a story of it: how it ended, its cases, its lines.

This is the process of the code under test, so the story is only its own word: the parent sets it against the exit
status. It is written when the program has come to its end, and never by a forked child.
"""

from __future__ import annotations

import importlib.util
import json
import os
import runpy
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, Optional, Union

from . import paths, wire
from .cases import Cases

if TYPE_CHECKING:
    from .lines import MonitoredLines, TracedLines

    Lines = Union[MonitoredLines, TracedLines]

MESSAGE_LENGTH = 4000


class ProgramTimeout(BaseException):
    """The program, or one case of it, ran longer than it may. Not an Exception: it is rarely swallowed."""


class Alarm:
    """One timer for the program, and another while a case runs."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        signal.signal(signal.SIGALRM, self._ring)
        self.whole()

    def whole(self) -> None:
        """What is left for the program."""
        self.arm(max(self._ends - time.monotonic(), 0.001))

    def arm(self, seconds: float) -> None:
        """Ring after that time, and again should the first be swallowed."""
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.5)

    def off(self) -> None:
        """Ring no more."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, _number: int, _frame: Any) -> None:
        raise ProgramTimeout("did not end in time")


def main() -> None:
    """Run what the arguments say: a request in JSON, the program, its own arguments."""
    asked = json.loads(sys.argv[1])
    target = sys.argv[2]
    sys.argv[:] = sys.argv[2:]
    root = os.getcwd()
    if asked["move"]:
        for finder in sys.meta_path:
            paths.move_editable(finder, *asked["move"])
    if asked["path"]:
        sys.path.insert(0, root if asked["module"] else os.path.dirname(os.path.abspath(target)))
    lines = None
    if asked["spectrum"]:
        from .lines import line_collector

        lines = line_collector(root)
    alarm = Alarm(asked["seconds"])
    cases = Cases(lines, asked["check_seconds"], alarm)
    cases.install()
    _Story(asked["story"], root, lines, cases, alarm).tell(target, module=asked["module"])


class _Story:
    def __init__(self, file: str, root: str, lines: Optional[Lines], cases: Cases, alarm: Alarm) -> None:
        self._file, self._root, self._lines, self._cases, self._alarm = file, root, lines, cases, alarm
        self._pid = os.getpid()

    def tell(self, target: str, *, module: bool) -> None:
        """Run the program and write down how it ended; leave as it would have."""
        if self._lines:
            self._lines.start()
        try:
            if _is_absent(target, module=module):
                self._write("absent")
                sys.exit(f"{sys.executable}: {target} does not exist")
            if module:
                runpy.run_module(target, run_name="__main__", alter_sys=True)
            else:
                _run_file(target)
        except SystemExit as stop:
            self._write("exit", failing=bool(stop.code))
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            traceback = _without_us(error.__traceback__)
            late = isinstance(error, ProgramTimeout)
            self._write("late" if late else "raised", failing=True, failure=self._describe(error, traceback))
            sys.excepthook(type(error), error, traceback)
            sys.exit(1)
        self._write("returned")

    def _write(self, how: str, *, failing: bool = False, failure: Optional[dict[str, Any]] = None) -> None:
        self._alarm.off()
        if os.getpid() != self._pid or os.path.exists(self._file):
            return
        lines = self._lines.stop() if self._lines else {}
        story = {"how": how, "failing": failing, "failure": failure, "lines": lines, **self._cases.told()}
        with open(self._file + ".part", "w") as stream:
            stream.write(_short_enough(story))
        os.replace(self._file + ".part", self._file)

    def _describe(self, error: BaseException, traceback: Any) -> dict[str, Any]:
        frames: list[list[Any]] = []
        while traceback is not None:
            code = traceback.tb_frame.f_code
            path = paths.relative(code.co_filename, self._root)
            if path is not None:
                frames.append([path, traceback.tb_lineno, code.co_name])
            traceback = traceback.tb_next
        if isinstance(error, SyntaxError) and error.filename and error.lineno:
            path = paths.relative(error.filename, self._root)
            if path is not None:
                frames.append([path, error.lineno, "<module>"])
        try:
            message = str(error)
        except Exception:
            message = ""
        return {"exception": type(error).__name__, "message": message[:MESSAGE_LENGTH], "frames": frames}


def _short_enough(story: dict[str, Any]) -> str:
    """The story as text. Of a long one the lines go, those of passing cases first: they only say where to look."""
    text = json.dumps(story)
    for spared in (("passed", "skipped", "xfailed"), None):
        if len(text) <= wire.STORY_BYTES:
            break
        for case in story["cases"]:
            if spared is None or case["outcome"] in spared:
                case["lines"] = {}
        text = json.dumps(story)
    return text


def _is_absent(target: str, *, module: bool) -> bool:
    if not module:
        return not os.path.exists(target)
    try:
        return importlib.util.find_spec(target) is None
    except (ImportError, ValueError):
        return False  # a package on the way is broken or missing: let it say so itself


def _run_file(file: str) -> None:
    """As ``python FILE``: in the real ``__main__``, so that whatever looks there finds what it expects."""
    if os.path.isdir(file) or not file.endswith((".py", ".pyw")):
        runpy.run_path(file, run_name="__main__")  # a folder, an archive, or a script by another name
        return
    path = os.path.abspath(file)
    with open(path, "rb") as stream:
        code = compile(stream.read(), path, "exec", dont_inherit=True)
    names = sys.modules["__main__"].__dict__
    for name in [name for name in names if not name.startswith("__")]:
        del names[name]
    names.update(__file__=path, __spec__=None)
    exec(code, names)  # noqa: S102 (this is what it is for)


def _without_us(traceback: Any) -> Any:
    ours = (__file__, runpy.__file__, "<frozen runpy>", "<string>")
    while traceback is not None and traceback.tb_frame.f_code.co_filename in ours:
        traceback = traceback.tb_next
    return traceback
