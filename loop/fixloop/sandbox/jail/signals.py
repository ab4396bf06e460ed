"""Signals without handlers: the launcher blocks them and asks. Through ctypes: ``signal`` costs 8 ms to import."""

from __future__ import annotations

import ctypes
import os
import sys
import time

LINUX = sys.platform == "linux"
KILL, TERM = 9, 15
CHILD = 17 if LINUX else 20

_SET_MASK = 2 if LINUX else 3
_ROOM = 128  # the largest sigset_t in use
_UNCHANGEABLE = (9, 19) if LINUX else (9, 17)
_LAST_CLASSIC = 31

_libc = ctypes.CDLL(None, use_errno=True)


def _set_of(*numbers: int) -> ctypes.Array[ctypes.c_char]:
    signals = ctypes.create_string_buffer(_ROOM)
    _libc.sigemptyset(signals)
    for number in numbers:
        _libc.sigaddset(signals, number)
    return signals


def hold(*numbers: int) -> None:
    """Keep SIGCHLD and these pending until asked for, and unblock every other signal."""
    _libc.signal(CHILD, None)  # inherited "ignore" would reap children behind our back
    _libc.sigprocmask(_SET_MASK, _set_of(CHILD, *numbers), None)


def reset() -> None:
    """The dispositions and the mask that a program expects to be started with."""
    for number in range(1, _LAST_CLASSIC + 1):
        if number not in _UNCHANGEABLE:
            _libc.signal(number, None)
    _libc.sigprocmask(_SET_MASK, _set_of(), None)


def termination_asked() -> bool:
    """True once SIGTERM has arrived."""
    pending = _set_of()
    _libc.sigpending(pending)
    return _libc.sigismember(pending, TERM) == 1


def wait_for(child: int, parent: int) -> int | None:
    """The child's exit code (negative: signal) with orphans reaped on the way, or None when asked to terminate."""
    while not termination_asked() and os.getppid() == parent:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == child:
            return os.waitstatus_to_exitcode(status)
        if ended == 0:
            _sleep()
    return None


def pause(seconds: float, *numbers: int) -> None:
    """Sleep until one of these signals, all of them held, arrives, at most so long. SIGTERM stays pending. Linux."""
    whole = int(seconds)
    most = (ctypes.c_long * 2)(whole, int((seconds - whole) * 1e9))
    if _libc.sigtimedwait(_set_of(*numbers), None, most) == TERM:
        os.kill(os.getpid(), TERM)


def _sleep() -> None:
    if LINUX:
        number = ctypes.c_int()
        _libc.sigwait(_set_of(TERM, CHILD), ctypes.byref(number))
        if number.value == TERM:
            os.kill(os.getpid(), TERM)  # stays pending: everything else asks again
    else:
        time.sleep(0.02)  # no parent-death signal there, so look
