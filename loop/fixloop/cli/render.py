"""Rich renderables to text, for the terminal or the file that standard output is."""

from __future__ import annotations

import io
import os

from rich.console import Console, RenderableType

from fixloop.cli.streams import stdout_is_terminal

UNWRAPPED = 10_000
_MARKS = str.maketrans({"✓": "+", "✗": "x", "…": "~"})


def render(*renderables: RenderableType) -> str:
    """Each on lines of its own. Coloured and wrapped on a terminal only; NO_COLOR is honoured there."""
    terminal = stdout_is_terminal()
    console = Console(
        file=io.StringIO(),
        force_terminal=terminal,
        no_color=bool(os.environ.get("NO_COLOR")),
        width=None if terminal else UNWRAPPED,
        highlight=False,
        markup=False,
        emoji=False,
    )
    for renderable in renderables:
        console.print(renderable, crop=False)
    file = console.file
    text = file.getvalue() if isinstance(file, io.StringIO) else ""
    return text if _speaks_unicode() else text.translate(_MARKS)


def _speaks_unicode() -> bool:
    import sys

    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")
