"""Notices when code under test looks at the project's files, or starts a program that will.

Exchanged code exists in one process only. A test that reads or imports an edited file again, or starts another
interpreter, sees the file as it is on disk, so that its outcome says nothing of the candidate.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import sys
from typing import Any, Iterable

STARTS = frozenset({"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "pty.spawn"})
_STARTERS = ("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver")  # they tell no auditor


@functools.lru_cache(None)
def _cached(file: str) -> str:
    return os.path.splitext(importlib.util.cache_from_source(file))[0]


class Watch:
    """Listens for the rest of the process's life; ``seen`` says what it noticed while it was on."""

    def __init__(self) -> None:
        self.seen = ""
        self._on = False
        self._files: tuple[str, ...] = ()
        self._loaded = {name for name in _STARTERS if name in sys.modules}
        sys.addaudithook(self._hear)

    def on(self, files: Iterable[str]) -> None:
        """Forget what was seen, and look out for these files, by absolute path."""
        self._files = tuple(name for file in files for name in (file, _cached(file)))
        self.seen, self._on = "", True

    def off(self) -> str:
        """What was seen since ``on``, or an empty text."""
        self._on = False
        if not self.seen and any(name in sys.modules and name not in self._loaded for name in _STARTERS):
            self.seen = "a test starts another process"
        return self.seen

    def _hear(self, event: str, arguments: Any) -> None:
        if not self._on:
            return
        if event in STARTS:
            self.seen = "a test starts another process"
        elif event == "open" and self._files and isinstance(arguments[0], (str, bytes)):
            opened = os.path.abspath(os.fsdecode(arguments[0]))
            self.seen = "a test reads the edited file" if opened.startswith(self._files) else self.seen
