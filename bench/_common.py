"""What every benchmark shares: options, figures with goals, one table, one JSON document, one exit status."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured value. ``goal`` is in words; ``holds`` says whether the value meets it."""

    name: str
    value: float
    goal: str
    holds: bool


def main(
    description: str, measure: Callable[[bool, Callable[[str], None]], tuple[Sequence[Figure], Sequence[Table]]]
) -> None:
    """Run ``measure(quick, say)``, print what it found, and exit 0 when every goal holds, else 1."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="under a minute instead of the full run")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    options = parser.parse_args()
    console = Console(stderr=options.json, width=None if sys.stdout.isatty() else 130)
    figures, tables = measure(options.quick, lambda text: print(text, file=sys.stderr, flush=True))
    for table in tables:
        console.print(table)
    console.print(_summary(figures))
    if options.json:
        document = {"figures": [asdict(figure) for figure in figures], "environment": environment()}
        print(json.dumps(document, indent=2))
    sys.exit(0 if all(figure.holds for figure in figures) else 1)


def _summary(figures: Sequence[Figure]) -> Table:
    table = Table(title="Figures", title_justify="left")
    for heading in ("figure", "value", "goal", "holds"):
        table.add_column(heading, justify="right" if heading == "value" else "left")
    for figure in figures:
        table.add_row(figure.name, f"{figure.value:.3g}", figure.goal, "yes" if figure.holds else "NO")
    return table


def environment() -> dict[str, object]:
    """The machine, without anything that names it."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }
