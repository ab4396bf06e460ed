"""The project's functions and modules as they are in memory, found once, before anything is tried.

Only looks; what is exchanged is decided in ``swap`` and what leaked is found in ``leaks``.
"""

from __future__ import annotations

import gc
import hashlib
import importlib.machinery
import os
import sys
from types import CodeType, FunctionType, ModuleType
from typing import Any, Optional

from .fresh import show
from .paths import relative
from .segments import Segments
from .swap import NotExchangeable, nested


class Memory:
    """What one interpreter holds of the project below ``root``. ``ran``: the code that ran while it was loaded."""

    def __init__(self, root: str, ran: set[CodeType]) -> None:
        self._root = root
        self._known: dict[str, Optional[str]] = {}
        self._ran = {_key(code) for code in ran if self.path(code.co_filename) is not None}
        self._texts: dict[str, Text] = {}
        self.modules = [module for module in list(sys.modules.values()) if self._file_of(module) is not None]
        self.functions: list[FunctionType] = []
        self.caches: list[Any] = []
        self._live: dict[tuple[str, str, int], list[FunctionType]] = {}
        self._find()

    def absolute(self, path: str) -> str:
        """A file's place on disk."""
        return os.path.join(self._root, path)

    def path(self, filename: str) -> Optional[str]:
        """POSIX path from the root, None for what is not the project's."""
        try:
            return self._known[filename]
        except KeyError:
            found = self._known[filename] = relative(filename, self._root)
            return found

    def _find(self) -> None:
        for thing in gc.get_objects():
            if type(thing) is FunctionType:
                if self.path(thing.__code__.co_filename) is not None:
                    self.functions.append(thing)
                    self._live.setdefault(_key(thing.__code__), []).append(thing)
            elif type(thing).__name__ == "_lru_cache_wrapper":
                inner = getattr(thing, "__wrapped__", None)
                if self.path(getattr(getattr(inner, "__code__", None), "co_filename", "<")) is not None:
                    self.caches.append(thing)

    def _file_of(self, module: ModuleType) -> Optional[str]:
        filename = getattr(module, "__file__", None)
        return self.path(filename) if isinstance(filename, str) else None

    def files(self) -> list[str]:
        """The project's files that are loaded."""
        return sorted({path for path in map(self._file_of, self.modules) if path is not None})

    def codes(self) -> list[CodeType]:
        """The code of the project's functions and of what is defined in them."""
        return [code for function in self.functions for code in nested(function.__code__)]

    def live(self, code: CodeType) -> Optional[list[FunctionType]]:
        """The functions that run a code object; None where two are called alike in one line."""
        found = self._live.get(_key(code), [])
        return found if all(function.__code__ == found[0].__code__ for function in found) else None

    def ran(self, code: CodeType) -> bool:
        """Whether it ran while the project was loaded."""
        return _key(code) in self._ran

    def text(self, path: str) -> Text:
        """The loaded file at a path from the root. Raises NotExchangeable where memory does not mirror it."""
        if path not in self._texts:
            self._texts[path] = Text(self, path, self.absolute(path))
        text = self._texts[path]
        if text.refused:
            raise NotExchangeable(text.refused)
        return text


class Text:
    """One loaded file: its hash, its statements, and why its functions cannot be exchanged, if they cannot."""

    def __init__(self, memory: Memory, path: str, filename: str) -> None:
        self.sha256 = ""
        self.segments: Any = None
        self.refused = self._load(memory, path, filename)

    def _load(self, memory: Memory, path: str, filename: str) -> str:
        modules = [module for module in memory.modules if memory.path(str(module.__file__)) == path]
        if not modules:
            return f"{path} is not loaded"
        if any(
            type(getattr(module, "__loader__", None)) is not importlib.machinery.SourceFileLoader for module in modules
        ):
            return f"{path} is loaded by a loader of its own"
        loaded_from = {str(module.__file__) for module in modules}
        try:
            with open(filename, "rb") as stream:
                data = stream.read()
            self.segments = Segments(loaded_from.pop(), data)
        except (OSError, SyntaxError, ValueError) as error:
            return f"{path} cannot be read again: {error}"
        self.sha256 = hashlib.sha256(data).hexdigest()
        show(filename, data)
        return self._differs(memory, path)

    def _differs(self, memory: Memory, path: str) -> str:
        # Something may have changed the code on its way into memory; then the text says little of it.
        for code in nested(self.segments.whole):
            if any(function.__code__ != code for function in memory.live(code) or ()):
                return f"{path} is not in memory as it is on disk"
        return ""


def _key(code: CodeType) -> tuple[str, str, int]:
    return (code.co_filename, code.co_name, code.co_firstlineno)
