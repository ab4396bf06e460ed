"""Runs one collected test without the reports that pytest makes of it: what failed is read from the exception.

Fixtures, instances and parameters are pytest's own. Only tests for which nothing but a report is lost are run so; the
others, and every outcome that matters, go through pytest's whole protocol.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any, NamedTuple, Optional

import pytest

from .recorder import CheckTimeout

_MARKS = frozenset({"skip", "skipif", "xfail", "filterwarnings"})
_FIXTURES = frozenset({"caplog"})  # filled between the phases, by hooks
_HOOKS = ("protocol", "setup", "call", "teardown", "makereport")
_TYPES = {("Function", "_pytest.python"), ("TestCaseFunction", "_pytest.unittest")}

_fixtures: Any = importlib.import_module("_pytest.fixtures")
_TEMPORARY = getattr(importlib.import_module("_pytest.tmpdir"), "tmppath_result_key", None)

_skipped: Any = pytest.skip.Exception
_xfailed: Any = pytest.xfail.Exception
_session_ends: tuple[Any, ...] = (pytest.exit.Exception, KeyboardInterrupt)


class Found(NamedTuple):
    """How a test went: an outcome by name, and the exception that decided it."""

    outcome: str
    error: Optional[BaseException]


def remember_signatures() -> None:
    """Let pytest look at a function's parameters once, not each time a fixture or parameter is set up.

    Exchanging code never changes them.
    """
    look = getattr(_fixtures, "getfuncargnames", None)
    if look is not None:
        _fixtures.getfuncargnames = functools.lru_cache(None)(look)


def may_be_quick(session: Any, own: Any) -> bool:
    """Whether this project leaves pytest's way of running a test alone. ``own``: the plugin that does not count."""
    state = getattr(session, "_setupstate", None)
    if not hasattr(state, "setup") or not hasattr(state, "teardown_exact"):
        return False
    if session.config.getini("filterwarnings") or getattr(session.config.option, "pythonwarnings", None):
        return False
    for name in _HOOKS:
        for implementation in getattr(session.config.pluginmanager.hook, f"pytest_runtest_{name}").get_hookimpls():
            if implementation.plugin is not own and not implementation.function.__module__.startswith("_pytest."):
                return False
    return True


def is_quick(item: Any) -> bool:
    """Whether this test needs nothing of what is left out."""
    kind = (type(item).__name__, type(item).__module__)
    return (
        kind in _TYPES
        and hasattr(item, "_initrequest")
        and not _FIXTURES.intersection(item.fixturenames)
        and not any(mark.name in _MARKS for mark in item.iter_markers())
    )


def run_quick(item: Any) -> Found:
    """Set up, call, tear down all that was set up. Never raises what the code under test raises."""
    if item.cls is not None:
        item.__dict__.pop("_instance", None)  # of an earlier run
        item.__dict__.pop("_obj", None)
    item.__dict__.pop("_excinfo", None)
    if _TEMPORARY is not None:
        item.stash[_TEMPORARY] = {}  # a report would have been noted here
    item._initrequest()  # noqa: SLF001
    found = _run(item)
    try:
        item.session._setupstate.teardown_exact(None)  # noqa: SLF001
    except BaseException as error:
        if found.error is None:
            found = Found(_outcome(error, "error"), error)
    item._request = False  # noqa: SLF001
    item.funcargs = None
    return found


def _run(item: Any) -> Found:
    where = "error"
    try:
        item.session._setupstate.setup(item)  # noqa: SLF001
        where = "failed"
        item.runtest()
    except BaseException as error:
        return Found(_outcome(error, where), error)
    noted = item.__dict__.get("_excinfo")  # unittest's results are not raised
    if noted:
        return Found(_outcome(noted[0].value, "failed"), noted[0].value)
    return Found("passed", None)


def _outcome(error: BaseException, otherwise: str) -> str:
    if isinstance(error, CheckTimeout):
        return "timeout"
    if isinstance(error, _xfailed):
        return "xfailed"
    if isinstance(error, _skipped) or type(error).__name__ == "SkipTest":
        return "skipped"
    if isinstance(error, _session_ends):
        return "missing"
    return otherwise
