"""Which folders outside the workspace a project's interpreter may make readable in the sandbox.

Environments and links come with a repository, so what they name is a wish. The rule allows: a Python's own folder, or
one that holds Python code; never a home as a whole, a kernel tree, a settings folder, or a place for keys. A hidden
folder only if managers of environments use it or it lies in an environment. Looks at the host; runs nothing.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_NEVER_IN = tuple(map(Path, ("/proc", "/sys", "/dev", "/etc", "/run", "/boot", "/private/etc")))
_NEVER_AS_A_WHOLE = frozenset(map(Path, ("/", "/home", "/root", "/Users", "/var", "/var/lib", "/srv", "/mnt", "/tmp")))  # noqa: S108
_KEYS = frozenset(
    {".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".config", ".password-store", ".pki", ".git"}
    | {".mozilla", ".thunderbird", ".netrc", ".terraform.d", "keyrings", "Keychains", "Application Support"}
)
_TOO_WIDE = (".local", ".local/share", ".cache")  # keyrings and caches of everything lie in them
_OF_MANAGERS = (
    *(".local/lib", ".local/pipx", ".local/venvs"),
    *(f".local/share/{name}" for name in ("uv", "hatch", "pdm", "virtualenv", "virtualenvs", "mise", "rye", "pipx")),
    *(f".cache/{name}" for name in ("pypoetry", "uv", "hatch", "pdm", "nix")),
    *(".pyenv", ".rye", ".asdf", ".conda", ".virtualenvs", ".venv", ".venvs", ".nix-profile", ".tox", ".nox"),
    *(".mambaforge", ".miniforge3", ".miniconda3", ".micromamba", ".linuxbrew", ".pixi"),
)
_LIBRARY = re.compile(r"(python|pypy)3\.\d+t?")
_CODE = (".py", ".so", ".pyd", ".pth", ".dist-info", ".egg-info")
_ARCHIVES = frozenset({".zip", ".egg", ".whl", ".pyz"})
_ENTRIES_LOOKED_AT, _DEPTH = 2000, 3


@dataclass(frozen=True)
class Refusal:
    """A folder that is not shown, and why: the end of a sentence about it."""

    path: Path
    why: str

    def __str__(self) -> str:
        return (
            f"{self.path} is not readable in the sandbox, though the interpreter's environment names it: it {self.why}."
            f" Tests that need it will not find it. If you trust what names it, allow it with --allow-read {self.path}."
        )


@dataclass(frozen=True)
class Exposure:
    """What is shown, and what is not."""

    shown: tuple[Path, ...]
    refused: tuple[Refusal, ...] = ()


def expose(paths: Iterable[Path], root: Path, environ: Mapping[str, str]) -> Exposure:
    """Decide for each of ``paths`` that exists; what lies in ``root``, the workspace, is visible anyway."""
    shown: list[Path] = []
    refused: list[Refusal] = []
    homes = homes_of(environ)
    for path in dict.fromkeys(paths):
        real = Path(os.path.realpath(path))
        if not real.exists():
            continue
        why = "" if real.is_relative_to(root) else _why_not(real, homes)
        if why:
            refused.append(Refusal(path, why))
        else:
            shown.append(path)
    return Exposure(tuple(shown), tuple(refused))


def homes_of(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The user's home as the environment and as the system names it, links resolved."""
    named = [environ.get("HOME", "")]
    if sys.platform != "win32":
        import pwd

        with suppress(KeyError):
            named.append(pwd.getpwuid(os.getuid()).pw_dir)
    return tuple(dict.fromkeys(Path(home).resolve() for home in named if Path(home).is_absolute()))


def is_environment(folder: Path) -> bool:
    """True for a virtual environment, a conda environment or an installed Python."""
    if (folder / "pyvenv.cfg").is_file() or (folder / "conda-meta").is_dir():
        return True
    return any((library / "os.py").is_file() for library in libraries(folder))


def libraries(prefix: Path) -> list[Path]:
    """The folders of Python's own modules below an installation's."""
    found: list[Path] = []
    for name in ("lib", "lib64"):
        with suppress(OSError):
            found += [entry for entry in (prefix / name).iterdir() if _LIBRARY.fullmatch(entry.name)]
    return sorted(found)


def _why_not(real: Path, homes: Iterable[Path]) -> str:
    if real in _NEVER_AS_A_WHOLE or any(home.is_relative_to(real) for home in homes):
        return "holds everything of a user or of the system"
    if any(real.is_relative_to(tree) for tree in _NEVER_IN):
        return "belongs to the system's settings or to the kernel"
    if _KEYS.intersection(real.parts) or _is_too_wide(real):
        return "is a place where keys and passwords are kept"
    if not _hidden_is_known(real):
        return "lies in a hidden folder that no manager of environments is known to use"
    if not (is_environment(real) or _holds_code(real)):
        return "holds no Python code"
    return ""


def _is_too_wide(real: Path) -> bool:
    return any(real.parts[-len(parts) :] == parts for parts in (Path(place).parts for place in _TOO_WIDE))


def _hidden_is_known(real: Path) -> bool:
    hidden = [at for at, part in enumerate(real.parts) if part.startswith(".")]
    if not hidden:
        return True
    known = [Path(place).parts for place in _OF_MANAGERS]
    if all(any(real.parts[at : at + len(parts)] == parts for parts in known) for at in hidden):
        return True
    around = [folder for folder in (real, *real.parents) if len(folder.parts) > hidden[-1]]
    return any(is_environment(folder) and not _is_too_wide(folder) for folder in around)


def _holds_code(folder: Path) -> bool:
    """True if a module could be imported from here. Gives up, with False, on a folder too large to look through."""
    if folder.is_file():
        return folder.suffix in _ARCHIVES
    if folder.name in {"site-packages", "dist-packages"}:
        return True
    seen = 0
    for at, folders, files in os.walk(folder):
        if any(name.endswith(_CODE) for name in (*files, *folders)):
            return True
        seen += len(files) + len(folders)
        if seen > _ENTRIES_LOOKED_AT:
            return False
        if len(Path(at).relative_to(folder).parts) >= _DEPTH:
            folders.clear()
        folders[:] = [name for name in folders if not name.startswith(".")]
    return False
