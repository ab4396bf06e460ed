"""Start one command that is not pytest, wait for it, and tell how it ended and what report it wrote.

The command is another process, without the private descriptors and the token, and this process hides itself from it:
what the command prints or writes is its own word, and only how it ended is known for certain.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from typing import Any, Optional

from . import paths, wire
from .main import Channel

REPORT_BYTES = 8 << 20  # of all reports of a run
GRACE_SECONDS = 1.0
_SET_DUMPABLE, _BOUND_HAS, _BOUND_DROP = 4, 23, 24  # linux/prctl.h
_TRACING = 19  # linux/capability.h: CAP_SYS_PTRACE


def main() -> None:
    """Run the request found on ``REQUEST_FD``; never returns."""
    with os.fdopen(wire.REQUEST_FD, "rb") as stream:
        request = json.load(stream)
    channel = Channel(request["token"])
    fault = _hide()
    if fault:
        channel.send(wire.PROBLEM, what=wire.NOT_HIDDEN, message=fault)
        os._exit(1)
    channel.send(wire.READY, root=os.getcwd())
    folder = tempfile.mkdtemp(prefix="fixloop-")
    report, story = os.path.join(folder, "report.xml"), os.path.join(folder, "story.json")
    try:
        command = _start(request, report, story)
    except (OSError, ValueError) as error:  # ValueError: a null byte
        channel.send(wire.PROBLEM, what=wire.NOT_STARTED, message=getattr(error, "strerror", None) or str(error))
        os._exit(1)
    late = _wait(command, request["seconds"])
    if request["junit"]:
        _send_reports(channel, report)
    _send_story(channel, story)
    channel.send(wire.STOPPED, status=command.returncode, late=late)
    os._exit(0)


def _hide() -> str:
    """Close this process's memory and descriptors to others of the same user. An empty text: done."""
    if not sys.platform.startswith("linux"):
        return ""  # elsewhere one process reads another only with a privilege that the sandbox does not give
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, AttributeError) as error:
        return str(error)
    if prctl(_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        return "the system refused it"
    # With this capability, which a command of root would start with, nothing is hidden.
    kept = prctl(_BOUND_HAS, _TRACING, 0, 0, 0) == 1 and prctl(_BOUND_DROP, _TRACING, 0, 0, 0) != 0
    return "it runs as root and cannot give up to trace others" if kept and os.geteuid() == 0 else ""


def _start(request: Any, report: str, story: str) -> subprocess.Popen[bytes]:
    root = os.getcwd()
    move = [request["root"], root] if root != request["root"] else []
    words = [word.replace(request["report_mark"], report) for word in request["words"]]
    words = [_moved(word, *move) for word in words]
    program = request["program"]
    if program:
        at = program["at"]
        asked = {
            "story": story,
            "module": program["module"],
            "path": program["path"],
            "move": move,
            "spectrum": request["spectrum"],
            "seconds": request["seconds"],
            "check_seconds": request["check_seconds"],
        }
        tools = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        # What follows ``-m MODULE`` or FILE stays as it is: it is the program's own.
        words[at : program["end"]] = ["-c", wire.PROGRAM_BOOTSTRAP, tools, json.dumps(asked), program["target"]]
    places = [_moved(place, *move) for place in request["sys_path"]]
    if move:  # an editable install leads to where the workspace is not
        places += [root, os.path.join(root, "src")]
    env = dict(os.environ)
    if places:
        env["PYTHONPATH"] = os.pathsep.join(places)
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, env=env, start_new_session=True)  # noqa: S603 (its purpose)


def _moved(word: str, *move: str) -> str:
    return paths.moved(word, *move) if move else word


class _Late(Exception):
    pass


def _ring(_number: int, _frame: Any) -> None:
    raise _Late


def _wait(command: subprocess.Popen[bytes], seconds: float) -> bool:
    """True when the command had to be ended."""
    signal.signal(signal.SIGALRM, _ring)
    # Later than it is told itself: a program that ends by its own alarm can say where it was.
    signal.setitimer(signal.ITIMER_REAL, seconds + GRACE_SECONDS)
    try:
        command.wait()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except _Late:
        os.killpg(command.pid, signal.SIGKILL)
        command.wait()
        return True
    return False


def _send_reports(channel: Channel, place: str) -> None:
    """A report, or every report in the folder that stands in its place."""
    try:
        names = sorted(os.listdir(place)) if os.path.isdir(place) and not os.path.islink(place) else None
    except OSError:
        names = []
    files = [place] if names is None else [os.path.join(place, name) for name in names if name.endswith(".xml")]
    room = REPORT_BYTES
    for file in files:
        data = _content(file, room)
        if data is None:
            channel.send(wire.REPORT, fault="is too large, or is no file")
            return
        room -= len(data)
        channel.send(wire.REPORT, data=base64.b64encode(data).decode())


def _send_story(channel: Channel, file: str) -> None:
    data = _content(file, wire.STORY_BYTES)
    if data:
        try:
            channel.send(wire.STORY, story=json.loads(data))
        except ValueError:
            return


def _content(file: str, room: int) -> Optional[bytes]:
    """The content of a plain file: empty where there is none, None where it is something else or has no room."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return b""
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = stream.read(room + 1)
    return data if len(data) <= room else None
