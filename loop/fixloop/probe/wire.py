"""The only module that probe and parent share: plain names of what travels between them.

The request is one JSON object read from ``REQUEST_FD``. The answer is one JSON object a line on ``CHANNEL_FD``, each
with ``kind`` and the request's ``token``; a line without the token is not from the probe.
"""

PACKAGE = "_fixloop_probe"
REQUEST_FD = 3
CHANNEL_FD = 4

AT_IMPORT = ""  # in place of a check's id: lines that ran while the tests were imported and collected

# Kinds of answer.
READY = "ready"  # the interpreter started: python, pytest
COLLECTED = "collected"  # ids
STARTED = "started"  # id, after: seconds since the probe began
RESULT = "result"  # id, outcome, seconds, path, line, exception, message, frames
LINES = "lines"  # id, lines: path -> list of int
PROBLEM = "problem"  # what, message
END = "end"  # status

# Kinds of answer when a command is run instead of pytest.
REPORT = "report"  # data: a report that it wrote, in base64; fault: why there is none
STORY = "story"  # story: what the command's own Python process told. The code under test may have written it.
STOPPED = "stopped"  # status: as in subprocess; late: whether it had to be ended

STORY_BYTES = 4 << 20  # a longer story is not read

# Values of ``what`` in a PROBLEM.
NO_PYTEST = "no_pytest"
NOT_STARTED = "not_started"
NOT_HIDDEN = "not_hidden"

# Run inside the interpreter by ``-c``: the current directory must not be importable before the probe is.
BOOTSTRAP = (
    "import sys\n"
    "sys.path[:] = [p for p in sys.path if p]\n"
    "sys.path.insert(0, sys.argv.pop(1))\n"
    f"import {PACKAGE}.main as probe\n"
    "del sys.path[0]\n"
    "probe.main()\n"
)

# The same for a command instead of pytest.
COMMAND_BOOTSTRAP = BOOTSTRAP.replace(f"{PACKAGE}.main", f"{PACKAGE}.starter")
PROGRAM_BOOTSTRAP = BOOTSTRAP.replace(f"{PACKAGE}.main", f"{PACKAGE}.program")
# The warm process reads one request a line, each an object with ``do``, until it is told no more.
WARM_BOOTSTRAP = (
    "import os, sys\n"
    "sys.path[:] = [p for p in sys.path if p]\n"
    "sys.path.insert(0, sys.argv.pop(1))\n"
    f"import {PACKAGE}.warm as probe\n"
    "from _fixloop_jail.slot import Slots\n"
    "del sys.path[0]\n"
    "probe.main(Slots(os.getcwd()))\n"
)

LOAD = "load"  # args, check_seconds, checks -> LOADED, RESULT of each check of the unchanged code, BASE
TRY = "try"  # candidates: lists of [path, sha256, edits]; checks, stop_at_first, check_seconds, patient -> TRIED, DONE
FRESH = "fresh"  # files: path -> text in base64, args, check_seconds -> what a cold run answers, ENDED

LOADED = "loaded"  # ids, files, threads, noticed
BASE = "base"  # restless: why each candidate needs a process of its own; blind: why exchanging code shows nothing
TRIED = "tried"  # at, results: [id, outcome, seconds, exception, message], cpu, wall; or again: why it must be fresh
ENDED = "ended"  # at, stalled, status, cpu
DONE = "done"  # all of this request is answered
UNCHANGED = -1  # in place of a candidate's number
