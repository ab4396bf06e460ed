"""Whether a changed text can take effect by exchanging the code of functions that exist already.

A pure decision over two code objects: the loaded one and its successor. A function keeps its identity and everything
that was made of it (imported names, decorators, bound methods), so an exchange is seen everywhere; what a function
does *not* hold (defaults, decorators, class bodies, what running it left behind at import) needs the module again.
Never touches a function itself: ``apply`` and ``undo`` do.
"""

from __future__ import annotations

import functools
from types import CodeType, FunctionType
from typing import Any, Callable, Iterator, List, Optional, Tuple

Live = Callable[[CodeType], Optional[List[FunctionType]]]
"""The functions in memory that run a code object; None when they cannot be told apart from others."""
Exchange = Tuple[FunctionType, CodeType]

# Frozen functions of a code object: what a caller, a decorator or a descriptor may have looked at.
_KIND = (
    0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200
)  # *args, **kwargs, generator, coroutine, iterable coroutine, async gen


class NotExchangeable(Exception):
    """The module has to be imported again; the message says why."""


def plan(old: CodeType, new: CodeType, live: Live, ran: Callable[[CodeType], bool]) -> list[Exchange]:
    """Which functions get which code for ``old``, a module's or statement's code, to become ``new``.

    ``ran`` tells whether a code object ran while the project was imported. Raises NotExchangeable.
    """
    exchanges: list[Exchange] = []
    _plan(old, new, live, ran, exchanges)
    return exchanges


def apply(exchanges: list[Exchange]) -> list[Exchange]:
    """Exchange, and tell how to take it back."""
    before = [(function, function.__code__) for function, _ in exchanges]
    for function, code in exchanges:
        function.__code__ = code
    return before


def nested(code: CodeType) -> Iterator[CodeType]:
    """A code object and all that are defined in it."""
    yield code
    for child in _children(code):
        yield from nested(child)


def _plan(old: CodeType, new: CodeType, live: Live, ran: Callable[[CodeType], bool], exchanges: list[Exchange]) -> None:
    if _same(old, new):
        return
    functions = live(old)
    if functions is None:
        raise NotExchangeable(f"several functions called {old.co_name} stand in one line")
    if not functions:
        if not _same_body(old, new):
            raise NotExchangeable(f"{_where(old)} runs only when it is imported")
    else:
        _check(old, new, functions, ran)
        exchanges.extend((function, new) for function in functions)
    old_children, new_children = _children(old), _children(new)
    if [child.co_name for child in old_children] == [child.co_name for child in new_children]:
        for old_child, new_child in zip(old_children, new_children):
            _plan_child(old_child, new_child, live, ran, exchanges, held=bool(functions))
    elif any(live(inner) != [] for child in old_children for inner in nested(child)):
        raise NotExchangeable(f"functions made by {_where(old)} exist already")


def _plan_child(
    old: CodeType,
    new: CodeType,
    live: Live,
    ran: Callable[[CodeType], bool],
    exchanges: list[Exchange],
    *,
    held: bool,
) -> None:
    """``held``: a function around it gets the new code, so that it need not exist on its own."""
    if held and all(live(inner) == [] for inner in nested(old)):
        if any(ran(inner) for inner in nested(old)) and not _same(old, new):
            raise NotExchangeable(f"{_where(old)} ran when it was imported")
        return
    _plan(old, new, live, ran, exchanges)


def _check(old: CodeType, new: CodeType, functions: list[FunctionType], ran: Callable[[CodeType], bool]) -> None:
    if old.co_freevars != new.co_freevars:
        raise NotExchangeable(f"{_where(old)} uses other variables of the function around it")
    if _signature(old) != _signature(new):
        raise NotExchangeable(f"{_where(old)} is called in another way")
    if ran(old) and not _same_body(old, new):
        raise NotExchangeable(f"{_where(old)} ran when it was imported")
    documented = [function.__doc__ for function in functions if function.__doc__ is not None]
    if documented and old.co_consts[:1] != new.co_consts[:1] and documented[0] in old.co_consts[:1]:
        raise NotExchangeable(f"the documentation of {_where(old)} changes")


def _signature(code: CodeType) -> tuple[object, ...]:
    named = code.co_argcount + code.co_kwonlyargcount
    extra = bool(code.co_flags & 0x04) + bool(code.co_flags & 0x08)
    return (
        code.co_name,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_flags & _KIND,
        code.co_varnames[: named + extra],
    )


def _children(code: CodeType) -> list[CodeType]:
    return [constant for constant in code.co_consts if isinstance(constant, CodeType)]


def _same(old: CodeType, new: CodeType) -> bool:
    """Whether both do the same, lines aside."""
    if old == new:
        return True
    if not _same_body(old, new):
        return False
    old_children, new_children = _children(old), _children(new)
    return len(old_children) == len(new_children) and all(map(_same, old_children, new_children))


def _same_body(old: CodeType, new: CodeType) -> bool:
    """Whether both do the same, lines and the functions defined in them aside."""
    return old is new or (_signature(old) == _signature(new) and _body(old) == _body(new))


@functools.lru_cache(4096)
def _body(code: CodeType) -> tuple[object, ...]:
    return (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        getattr(code, "co_exceptiontable", b""),
        [_constant(constant) for constant in code.co_consts],
    )


def _constant(value: Any) -> Optional[tuple[Any, ...]]:
    # 1, 1.0 and True are equal; so are 0.0 and -0.0, alone or inside of a tuple.
    if isinstance(value, CodeType):
        return None
    name = type(value).__name__
    if name == "tuple":
        return (name, *map(_constant, value))
    return (name, *sorted(map(repr, value))) if name == "frozenset" else (name, repr(value))


def _where(code: CodeType) -> str:
    return "the module" if code.co_name == "<module>" else code.co_name
