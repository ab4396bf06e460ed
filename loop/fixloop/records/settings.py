"""What a user may choose, whichever front end it is said in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Sandbox = Literal["auto", "reduced"]
SANDBOXES: tuple[Sandbox, ...] = ("auto", "reduced")


@dataclass(frozen=True)
class Settings:
    """``interpreter`` None means the project's own; seconds are wall time, of a whole repair and of one check.

    ``sandbox`` "reduced" allows the tier of that name where no stronger one works. Never taken from a workspace.
    """

    interpreter: str | None = None
    model: str = "none"
    budget_seconds: float = 180.0
    check_seconds: float = 10.0
    seed: int = 0
    sandbox: Sandbox = "auto"
