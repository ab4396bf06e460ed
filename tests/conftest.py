"""The projects under test run with fixloop's own lean environment, as if it were activated.

The one that runs this suite loads half a dozen plugins into every pytest, which no small project has.
"""

from __future__ import annotations

import os
from pathlib import Path

LEAN = Path(__file__).parents[1] / ".venv"

if (LEAN / "bin" / "python").exists():
    os.environ["VIRTUAL_ENV"] = str(LEAN)
