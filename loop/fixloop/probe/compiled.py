"""What compiling the project's files came to, noted once and given to the processes that import it anew.

Rewriting the asserts of test files is the larger part of collecting them, and this process may write no cache. A file
whose time or size has changed is compiled again.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import marshal
import os
from typing import Any, Callable, Iterable

from .paths import relative

_Known = dict[tuple[str, bool], tuple[int, int, bytes]]

_rewriting: Any = importlib.import_module("_pytest.assertion.rewrite")


class Compiled:
    """Code by file name and by whether its asserts are rewritten."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: _Known = {}
        self._used = True

    def install(self) -> None:
        """Note what is compiled from here on in this process and its children, and use what is known."""
        loader = importlib.machinery.SourceFileLoader
        get_code = loader.get_code
        loader.get_code = lambda own, name: self._code(own.path, lambda: get_code(own, name))  # type: ignore[method-assign]
        rewrite = getattr(_rewriting, "_rewrite_test", None)
        if rewrite is not None:

            def rewritten(file: Any, config: Any) -> tuple[Any, Any]:
                return self._get(str(file), True, lambda: rewrite(file, config))  # noqa: FBT003

            _rewriting._rewrite_test = rewritten  # noqa: SLF001

    def stop(self) -> None:
        """From here on nothing is noted, and nothing known is used."""
        self._used = False

    def forget(self, filenames: Iterable[str]) -> None:
        """These files are no longer what they were."""
        for filename in filenames:
            self._known.pop((filename, True), None)
            self._known.pop((filename, False), None)

    def dump(self) -> bytes:
        """Everything known."""
        return marshal.dumps(self._known)

    def load(self, data: bytes) -> None:
        """Know this, too."""
        if data:
            self._known.update(marshal.loads(data))  # noqa: S302 (its own, from a child)

    def _code(self, filename: str, compile_it: Callable[[], Any]) -> Any:
        return self._get(filename, False, lambda: (None, compile_it()))[1]  # noqa: FBT003

    def _get(self, filename: str, rewritten: bool, make: Callable[[], tuple[Any, Any]]) -> tuple[Any, Any]:  # noqa: FBT001
        if not self._used or relative(filename, self._root) is None:
            return make()
        try:
            stat = os.stat(filename)
        except OSError:
            return make()
        known = self._known.get((filename, rewritten))
        if known is not None and known[:2] == (stat.st_mtime_ns, stat.st_size):
            return stat, marshal.loads(known[2])  # noqa: S302 (its own, from a child)
        found, code = make()
        if code is not None:
            self._known[filename, rewritten] = (stat.st_mtime_ns, stat.st_size, marshal.dumps(code))
        return found, code
