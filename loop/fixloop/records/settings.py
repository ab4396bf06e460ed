"""What a user may choose, whichever front end it is said in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Sandbox = Literal["auto", "reduced"]
SANDBOXES: tuple[Sandbox, ...] = ("auto", "reduced")


@dataclass(frozen=True)
class Grants:
    """What the sandbox lets through besides the workspace and its interpreter. Only a user gives them.

    ``read``: further paths of this machine, read-only. ``ports``: TCP services of its 127.0.0.1, at the same numbers.
    ``env``: names of variables of the caller's environment.
    """

    read: tuple[Path, ...] = ()
    ports: tuple[int, ...] = ()
    env: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """True when anything is granted."""
        return bool(self.read or self.ports or self.env)

    def __add__(self, other: Grants) -> Grants:
        """Both together, each item once."""
        return Grants(
            tuple(dict.fromkeys((*self.read, *other.read))),
            tuple(dict.fromkeys((*self.ports, *other.ports))),
            tuple(dict.fromkeys((*self.env, *other.env))),
        )

    @property
    def words(self) -> str:
        """For a person, in one line: what is granted, never a variable's value. Empty for nothing."""
        parts = (
            ("reads ", ", ".join(map(str, self.read))),
            ("reaches 127.0.0.1:", ", 127.0.0.1:".join(map(str, self.ports))),
            ("sees ", ", ".join(f"${name}" for name in self.env)),
        )
        return "; ".join(word + items for word, items in parts if items)


NO_GRANTS = Grants()


@dataclass(frozen=True)
class Settings:
    """``interpreter`` None means the project's own; seconds are wall time, of a whole repair and of one check.

    ``sandbox`` "reduced" allows the tier of that name where no stronger one works. Never taken from a workspace.
    ``test_command`` is run instead of pytest. Only the user says it; nothing in a workspace does.
    """

    interpreter: str | None = None
    model: str = "none"
    budget_seconds: float = 180.0
    check_seconds: float = 10.0
    seed: int = 0
    sandbox: Sandbox = "auto"
    grants: Grants = NO_GRANTS
    test_command: str | None = None
