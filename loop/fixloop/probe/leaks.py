"""Whether running a test left anything behind in the project's state.

Compares what the project's modules, classes, functions and objects hold with what they held when this was made. State
below other packages is not seen; running the unchanged code again tells of that.
"""

from __future__ import annotations

import collections
import os
import sys
from types import FunctionType, ModuleType
from typing import Any, Callable, Iterator

from .memory import Memory

AT_MOST = 20_000  # containers
_IGNORED = "__warningregistry__"
_ORDERED = (list, tuple, set, frozenset, collections.deque)


class State:
    """What the project held. Keeps every object that it saw alive, so that none can be mistaken for another."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._names = {module.__name__ for module in memory.modules}
        self._seen: set[int] = set()
        self._held: list[tuple[Callable[[], list[Any]], list[Any]]] = []
        self._caches = [(cache, cache.cache_info().currsize) for cache in memory.caches]
        self._modules = set(sys.modules)
        self._environment = dict(os.environ)
        self._path = list(sys.path)
        self._folder = os.getcwd()
        waiting: list[Any] = [*memory.modules, *memory.functions]
        while waiting and len(self._held) < AT_MOST:
            thing = waiting.pop()
            if id(thing) not in self._seen:
                self._seen.add(id(thing))
                for look in self._looks(thing):
                    values = look()
                    self._held.append((look, values))
                    waiting.extend(value for value in values if not isinstance(value, (str, int, float, bytes)))

    def clear_caches(self) -> None:
        """Empty the caches of functions that were empty before."""
        for cache, size in self._caches:
            if not size and cache.cache_info().currsize:
                cache.cache_clear()

    def changed(self) -> bool:
        """True when something is not as it was."""
        if any(cache.cache_info().currsize != size for cache, size in self._caches):
            return True
        if os.environ != self._environment or sys.path != self._path or os.getcwd() != self._folder:
            return True
        if self._project_modules_came():
            return True
        return any(_differ(before, look()) for look, before in self._held)

    def _project_modules_came(self) -> bool:
        if len(sys.modules) == len(self._modules):
            return False
        came = [module for name, module in list(sys.modules.items()) if name not in self._modules]
        files = [getattr(module, "__file__", None) for module in came]
        return any(self._memory.path(file) is not None for file in files if isinstance(file, str))

    def _looks(self, thing: Any) -> Iterator[Callable[[], list[Any]]]:
        """How to see what a thing holds, for things that can come to hold something else."""
        if isinstance(thing, ModuleType):
            if thing.__name__ in self._names:
                yield _mapping(vars(thing))
        elif isinstance(thing, dict):
            yield _mapping(thing)
        elif isinstance(thing, _ORDERED):
            yield lambda: [*thing]
        elif isinstance(thing, bytearray):
            yield lambda: [bytes(thing)]
        elif isinstance(thing, FunctionType):
            if self._memory.path(thing.__code__.co_filename) is not None:
                yield lambda: _of_function(thing)
        elif isinstance(thing, type):
            if thing.__module__ in self._names:
                yield _mapping(vars(thing))
        elif type(thing).__module__ in self._names:
            held = _attributes(thing)
            if held is not None:
                yield _mapping(held)
            yield from _slots(thing)


def _differ(before: list[Any], now: list[Any]) -> bool:
    return len(before) != len(now) or any(old is not new and not _alike(old, new) for old, new in zip(before, now))


def _alike(old: Any, new: Any) -> bool:
    return type(old) is type(new) and isinstance(old, (int, float, str, bytes)) and old == new


def _mapping(held: Any) -> Callable[[], list[Any]]:
    def look() -> list[Any]:
        found: list[Any] = []
        for key, value in list(held.items()):
            if key != _IGNORED:
                found += (key, value)
        return found

    return look


def _of_function(function: FunctionType) -> list[Any]:
    cells: list[Any] = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:
            cells.append(None)
    return [function.__defaults__, function.__kwdefaults__, function.__dict__, *cells]


def _attributes(thing: Any) -> Any:
    try:
        held: Any = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return None
    return held if hasattr(held, "items") else None


def _slots(thing: Any) -> Iterator[Callable[[], list[Any]]]:
    names = [
        name
        for kind in type(thing).__mro__
        for name in (
            [kind.__dict__.get("__slots__", ())]
            if isinstance(kind.__dict__.get("__slots__", ()), str)
            else kind.__dict__.get("__slots__", ())
        )
    ]
    if names:
        yield lambda: [_slot(thing, name) for name in names]


def _slot(thing: Any, name: str) -> Any:
    try:
        return object.__getattribute__(thing, name)
    except AttributeError:
        return None
