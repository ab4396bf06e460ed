"""What a user may choose, whichever front end it is said in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """``interpreter`` None means the project's own; seconds are wall time, of a whole repair and of one check.

    ``test_command`` is run instead of pytest. Only the user says it; nothing in a workspace does.
    """

    interpreter: str | None = None
    model: str = "none"
    budget_seconds: float = 180.0
    check_seconds: float = 10.0
    seed: int = 0
    test_command: str | None = None
