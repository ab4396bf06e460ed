"""The cold evaluator: every run is a fresh process in a fresh sandbox, started from nothing.

The slowest way to run a check and the only one that is believed. It implements ``ports.Evaluator``.
"""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from fixloop import probe
from fixloop.evaluate.environment import environment
from fixloop.evaluate.exposure import expose
from fixloop.evaluate.interpreter import Interpreter
from fixloop.evaluate.project import projects_within
from fixloop.evaluate.reading import read_execution
from fixloop.ports import Cancellation, Cancelled, RunRequest, Sources
from fixloop.probe import wire
from fixloop.records.attempt import Candidate
from fixloop.records.execution import CheckResult, Execution
from fixloop.records.settings import NO_GRANTS, Grants
from fixloop.records.source import Patch
from fixloop.sandbox.run import Completed, Ended, Job, Limits, Tier, run


class ColdEvaluator:
    """Runs checks of one workspace with one interpreter; safe to use from several threads."""

    def __init__(
        self,
        root: Path,
        overlay: Mapping[str, bytes],
        sources: Sources,
        interpreter: Interpreter,
        tier: Tier,
        cancellation: Cancellation,
        environ: Mapping[str, str],
        workers: int,
        grants: Grants = NO_GRANTS,
    ) -> None:
        self._root = root
        self._overlay = overlay
        self._sources = sources
        self._interpreter = interpreter
        self._tier = tier
        self._cancellation = cancellation
        self._workers = workers
        self._import_path = [
            os.path.abspath(entry) for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry
        ]
        self._grants = grants
        self._env = environment(interpreter, environ, grants.env)
        self._imported = expose(map(Path, self._import_path), root, environ)

    def run(self, request: RunRequest) -> Execution:
        """One cold run. Raises Cancelled."""
        return self._run(request, self._cancellation.requested)

    def run_all(self, requests: Sequence[RunRequest]) -> tuple[Execution, ...]:
        """Cold runs side by side. Raises Cancelled."""
        with ThreadPoolExecutor(self._workers, "fixloop-evaluate") as pool:
            return tuple(pool.map(self.run, requests))

    def screen(
        self, candidates: Iterable[Candidate], request: RunRequest
    ) -> Generator[tuple[Candidate, Execution], None, None]:
        """Cold runs side by side, yielded in the candidates' order. Raises Cancelled."""
        given_up = threading.Event()

        def cancelled() -> bool:
            return given_up.is_set() or self._cancellation.requested()

        waiting: deque[tuple[Candidate, Future[Execution]]] = deque()
        source = iter(candidates)
        with ThreadPoolExecutor(self._workers, "fixloop-evaluate") as pool:
            try:
                while True:
                    while len(waiting) < self._workers + 1:
                        candidate = next(source, None)
                        if candidate is None:
                            break
                        patched = replace(request, patch=candidate.patch)
                        waiting.append((candidate, pool.submit(self._run, patched, cancelled)))
                    if not waiting:
                        return
                    candidate, future = waiting.popleft()
                    yield candidate, future.result()
            finally:
                given_up.set()
                for _, future in waiting:
                    future.cancel()

    def _run(self, request: RunRequest, cancelled: Callable[[], bool]) -> Execution:
        if cancelled():
            raise Cancelled
        token = secrets.token_hex(16)
        asked = json.dumps(self.asked(request, token)).encode()
        completed = run(self.job(request, asked), self._tier, cancelled)
        if completed.ended is Ended.CANCELLED:
            raise Cancelled
        return self.read(completed, token, request)

    def asked(self, request: RunRequest, token: str) -> dict[str, Any]:
        """What the probe is told of a request."""
        return {
            "token": token,
            "root": str(self._root),
            "args": _pytest_arguments(request),
            "projects": [str(folder) for folder in projects_within(self._root, _files(request.checks))],
            "sys_path": [*self._import_path, *self._interpreter.sys_path],
            "spectrum": request.spectrum,
            "check_seconds": request.check_seconds,
        }

    def job(self, request: RunRequest, asked: bytes, bootstrap: str = wire.BOOTSTRAP) -> Job:
        """The process in which a request is run, and what it may see."""
        return Job(
            argv=(str(self._interpreter.path), "-s", "-c", bootstrap, "{tools}"),
            root=self._root,
            files={**self._overlay, **self.patched(request.patch)},
            visible=(*self._interpreter.prefixes, *self._imported.shown),
            tools=Path(probe.__file__).parent,
            env={
                **self._env,
                **({"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if request.lean else {}),
                "PYTHONHASHSEED": str(request.hash_seed),
            },
            request=asked,
            limits=Limits(wall_seconds=request.wall_seconds),
            granted=self._grants.read,
            ports=self._grants.ports,
        )

    def patched(self, patch: Patch | None) -> dict[str, bytes]:
        """The files that a patch changes, as it leaves them."""
        files = patch.files if patch else ()
        return {file.path: file.apply(self._sources.read(file.path)).data for file in files}

    def read(self, completed: Completed, token: str, request: RunRequest) -> Execution:
        """What a run showed."""
        found = self._interpreter
        python = f"Python {found.version}, {found.origin}"
        named = f"{found.path} ({python})"
        execution = read_execution(completed, token, named, self._tier.value, self._root, request.check_seconds)
        notes = (*execution.notes, *found.notes, *map(str, self._imported.refused))
        return replace(execution, interpreter=str(found.path), python=python, notes=notes, grants=self._grants)

    def seen(self, results: tuple[CheckResult, ...], wall_seconds: float, cpu_seconds: float) -> Execution:
        """The same for results that were found in another way."""
        found = self._interpreter
        python = f"Python {found.version}, {found.origin}"
        return Execution(
            results, str(found.path), self._tier.value, wall_seconds, cpu_seconds, python=python, grants=self._grants
        )


def _files(checks: Iterable[str]) -> set[str]:
    return {check.partition("::")[0] for check in checks}


def _pytest_arguments(request: RunRequest) -> list[str]:
    stop = "1" if request.stop_at_first else "0"
    return ["-q", "--tb=no", "--no-header", "--continue-on-collection-errors", f"--maxfail={stop}", *request.checks]
