"""``sys.monitoring`` where this interpreter has it, which is on Python 3.12 and later."""

from __future__ import annotations

import sys
from typing import Any, Optional

monitoring: Any = getattr(sys, "monitoring", None)


def take_tool() -> Optional[int]:
    """A tool number that nobody uses, now ours; None where there is none."""
    if not hasattr(sys, "monitoring"):
        return None
    for number in (3, 4, 5, 1):
        if monitoring.get_tool(number) is None:
            monitoring.use_tool_id(number, "fixloop")
            return number
    return None
