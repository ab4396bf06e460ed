"""What a user lets through the sandbox's walls: checked, and read from the user's own file. Never from a workspace.

The file is ``fixloop/config.toml`` in ``XDG_CONFIG_HOME`` (``~/.config``), one ``[[workspace]]`` table a project.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, cast

from fixloop.records.settings import Grants

PORTS_AT_MOST = 64
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KERNEL_TREES = ("/proc", "/sys", "/dev")
_SOCKETS = "/run"  # of services that would do things for whoever connects
_PRIVATE = ("/tmp", "/var/tmp")  # noqa: S108 (the names are the point)
_T = TypeVar("_T", str, int)

_OWN = ("HOME", "TMPDIR", "PATH")


class BadGrant(Exception):
    """It cannot be given; the message says which and why, for a person."""


def in_force(asked: Grants, root: Path, environ: Mapping[str, str]) -> Grants:
    """What was asked for together with what the user's file gives to the workspace at ``root``. Raises BadGrant."""
    grants = asked + _from_file(root, environ)
    for path in grants.read:
        _check_path(path, environ)
    for port in grants.ports:
        if not 0 < port < 1 << 16:
            raise BadGrant(f"{port} is not a port: name one from 1 to 65535.")
    if len(grants.ports) > PORTS_AT_MOST:
        raise BadGrant(f"{len(grants.ports)} ports are more than the {PORTS_AT_MOST} that can be granted.")
    for name in grants.env:
        if not _VARIABLE.fullmatch(name):
            shown = name.partition("=")[0]  # what follows may be a secret
            raise BadGrant(f"{shown!r} is not the name of a variable alone. Give no value: it is taken from yours.")
        if name in _OWN:
            raise BadGrant(f"The variable {name} is the sandbox's own and cannot be passed on.")
    return grants


def _check_path(path: Path, environ: Mapping[str, str]) -> None:
    if not path.is_absolute():
        raise BadGrant(f"{path} cannot be granted: give its whole path.")
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError):
        raise BadGrant(f"{path} cannot be granted: it does not exist, or cannot be looked at.") from None
    if not real.is_dir() and not real.is_file():
        raise BadGrant(f"{path} cannot be granted: it is neither a file nor a folder.")
    refused = _why_not(real, environ)
    if refused:
        raise BadGrant(f"{path} cannot be granted: {refused} Name what is needed inside it.")


def _why_not(real: Path, environ: Mapping[str, str]) -> str:
    home = Path(environ.get("HOME") or Path.home()).resolve()
    if real == Path("/"):
        return "it is everything."
    if home.is_relative_to(real):
        return "it holds your whole home folder."
    if any(real.is_relative_to(tree) for tree in _KERNEL_TREES) and not real.is_relative_to("/dev/shm/"):  # noqa: S108
        return "it belongs to the kernel."
    if real.is_relative_to(_SOCKETS):
        return "through the sockets in it, services of this machine could be reached."
    if str(real) in _PRIVATE:
        return "the sandbox has a private one in its place."
    return ""


def _from_file(root: Path, environ: Mapping[str, str]) -> Grants:
    place = _place(environ)
    try:
        text = place.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Grants()
    except (OSError, ValueError) as error:
        raise BadGrant(f"{place} cannot be read: {error}.") from None
    if root in place.parents or place.resolve().is_relative_to(root):
        raise BadGrant(
            f"{place} lies inside the workspace {root}, which may not grant anything to itself. Move it out."
        )
    try:
        return _of_workspace(tomllib.loads(text), root)
    except tomllib.TOMLDecodeError as error:
        raise BadGrant(f"{place} is not valid TOML: {error}.") from None
    except _Malformed as error:
        raise BadGrant(f"{place} is not understood: {error}.") from None


def _place(environ: Mapping[str, str]) -> Path:
    given = environ.get("XDG_CONFIG_HOME", "")
    folder = Path(given) if given.startswith("/") else Path(environ.get("HOME") or Path.home()) / ".config"
    return folder / "fixloop" / "config.toml"


class _Malformed(Exception):
    pass


def _of_workspace(document: Mapping[str, object], root: Path) -> Grants:
    _only(document, {"workspace"}, "the file")
    grants = Grants()
    for table in _tables(document.get("workspace", [])):
        _only(table, {"path", "allow-read", "allow-ports", "allow-env"}, "a workspace")
        path = table.get("path")
        if not isinstance(path, str) or not path:
            raise _Malformed("a workspace needs its path")
        given = Grants(
            tuple(map(_absolute, _list(table, "allow-read", str))),
            tuple(_list(table, "allow-ports", int)),
            tuple(_list(table, "allow-env", str)),
        )
        if root == _absolute(path).resolve():
            grants += given
    return grants


def _tables(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in cast("list[object]", value)):
        raise _Malformed("write each workspace as a table [[workspace]]")
    return cast("list[Mapping[str, object]]", value)


def _only(table: Mapping[str, object], known: set[str], where: str) -> None:
    unknown = sorted(set(table) - known)
    if unknown:
        raise _Malformed(f"{where} has no setting {unknown[0]!r}, only {', '.join(sorted(known))}")


def _list(table: Mapping[str, object], name: str, kind: type[_T]) -> list[_T]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(type(item) is kind for item in cast("list[object]", value)):
        raise _Malformed(f"{name} must be a list of {'numbers' if kind is int else 'texts'}")
    return cast("list[_T]", value)


def _absolute(text: str) -> Path:
    path = Path(text)
    if path.parts[:1] == ("~",):
        path = Path(os.path.expanduser(text))  # noqa: PTH111 (of this user alone, never ~other)
    if not path.is_absolute():
        raise _Malformed(f"{text} is not a whole path")
    return path
