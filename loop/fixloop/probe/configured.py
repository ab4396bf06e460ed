"""The process in which pytest has started for one set of arguments, and waits before it collects anything.

A pytest plugin: the hook that would collect is where requests are served. Collecting goes on in forked processes only:
one that keeps the project loaded (``loaded``), and a child for each candidate that has to be imported anew (``fresh``).
"""

from __future__ import annotations

import os
import sys
from typing import Any, Callable, Generator, Iterator, Optional

import pytest

from . import children, fresh, wire
from .answers import Answers
from .compiled import Compiled
from .deputy import DONE, GONE, NOT_MINE, Deputy
from .loaded import Loaded
from .loading import Loading
from .paths import relative
from .recorder import Recorder


class Configured:
    """Serves requests until there are no more."""

    def __init__(
        self,
        slots: Any,
        answers: Answers,
        recorder: Recorder,
        loading: Loading,
        root: str,
        requests: Iterator[dict[str, Any]],
        say: Callable[[bytes], object],
    ) -> None:
        self._slots = slots
        self._answers = answers
        self._recorder = recorder
        self._loading = loading  # conftest files are imported before this
        self._root = root
        self._requests = requests
        self._say = say
        self._serving = True
        self._progress = children.Progress()
        self._loaded: Optional[Deputy] = None
        self._compiled = Compiled(root)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection(self, session: Any) -> Generator[None, Any, None]:
        """Serve; in a forked process, collect."""
        if self._serving:
            self._serving = False
            self._compiled.install()
            for request in self._requests:
                self._say(self._serve(request, session))
            self._leave_loaded()
            os._exit(0)
        yield

    def _serve(self, request: dict[str, Any], session: Any) -> bytes:
        if request["do"] == wire.LOAD:
            self._leave_loaded()
            reader, writer = os.pipe()
            self._loaded = Deputy(lambda requests, say: self._load(request, requests, say, session, writer))
            os.close(writer)
            with os.fdopen(reader, "rb") as stream:
                self._compiled.load(stream.read())
            return self._heard(self._loaded.wait())
        if request["do"] == wire.TRY:
            return NOT_MINE if self._loaded is None else self._heard(self._loaded.ask(request))
        if self._has_loaded(request["files"]):
            return NOT_MINE
        self._fresh(request, session)
        return DONE

    def _heard(self, word: bytes) -> bytes:
        if word == GONE:
            self._leave_loaded()
        return word or NOT_MINE

    def _leave_loaded(self) -> None:
        if self._loaded is not None:
            self._loaded.end()
            self._loaded = None

    def _has_loaded(self, files: dict[str, Any]) -> bool:
        """Whether starting pytest has imported one of these already."""
        loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        return any(relative(file, self._root) in files for file in loaded if isinstance(file, str))

    def _load(
        self,
        request: dict[str, Any],
        requests: Iterator[dict[str, Any]],
        say: Callable[[bytes], object],
        session: Any,
        compiled: int,
    ) -> None:
        self._answers.adopt()
        loaded = Loaded(self._slots, self._answers, self._recorder, self._loading, self._root, request, requests, say)
        session.config.pluginmanager.register(loaded, "fixloop-loaded")
        session.config.hook.pytest_collection(session=session)
        with os.fdopen(compiled, "wb") as stream:
            stream.write(self._compiled.dump())
        self._compiled.stop()
        session.config.hook.pytest_runtestloop(session=session)

    def _fresh(self, request: dict[str, Any], session: Any) -> None:
        def work(_pipe: int) -> None:
            self._answers.adopt()
            children.quiet()
            self._loading.end()
            self._recorder.allow(request["check_seconds"])
            self._compiled.forget(os.path.join(self._root, path) for path in request["files"])
            fresh.go_on(self._answers, self._root, request, session)

        fresh.follow(self._slots, self._answers, request, work, self._progress)
