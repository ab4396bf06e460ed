"""``fixloop doctor``: what is ready here, what is missing, how to get it."""

from __future__ import annotations

from pathlib import Path

from fixloop.assembly import Refused
from fixloop.cli import exits
from fixloop.cli.arguments import DoctorOptions
from fixloop.cli.engine import Engine
from fixloop.cli.streams import write, write_document
from fixloop.records.settings import Settings
from fixloop.report.doctor import DoctorItem, can_repair
from fixloop.report.documents import doctor_document


def doctor(options: DoctorOptions, engine: Engine) -> int:
    """Everything from the request to the exit status."""
    try:
        items = engine.diagnose(engine.locate(".", Path.cwd()), Settings(options.interpreter, sandbox=options.sandbox))
    except Refused as error:
        items, message = (), str(error)
    else:
        message = ""
    if options.json:
        write_document(doctor_document(items, message))
    else:
        _tell(items, message)
    return exits.OK if can_repair(items) and not message else exits.COULD_NOT_RUN


def _tell(items: tuple[DoctorItem, ...], message: str) -> None:
    from rich.text import Text

    from fixloop.cli.render import render
    from fixloop.report import text

    if message:
        closing = Text(message, "bold red")
    elif can_repair(items):
        closing = Text("Ready. Everything that a repair needs is here.", "bold green")
    else:
        closing = Text("Not ready: see what is marked above.", "bold red")
    write([render(text.doctor(items), "", closing)])
