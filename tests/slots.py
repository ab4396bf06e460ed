"""A real warm process in the real sandbox, whose children run the code that they are sent, each in a slot."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from boxes import job
from fixloop.sandbox.run import Tier, open_session

WARM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from _fixloop_jail.slot import Slots
del sys.path[0]
slots = Slots(os.getcwd())
def tell(value):
    os.write(4, json.dumps(value).encode() + b"\\n")
for line in os.fdopen(3):
    where, code = json.loads(line)
    child = slots.fork() if where == "slot" else os.fork()
    if child == 0:
        try:
            exec(code)
        except BaseException as error:
            tell(repr(error))
        os._exit(0)
    status = os.waitpid(child, 0)[1] if "lasting" not in code else None
    if where == "slot":
        slots.release()
    tell({"end": status})
"""

Ask = Callable[..., list[object]]


@contextmanager
def warm_process(root: Path, **changes: object) -> Generator[Ask]:
    """Gives ``ask(code, where="slot")``: what the code told, then the child's wait status.

    ``where`` "warm" runs the code in a plain fork: as the warm process itself. A child whose code has the word
    "lasting" is given up at once.
    """
    argv = (sys.executable, "-I", "-S", "-c", WARM, "{tools}")
    with open_session(job(root, "", argv=argv, **changes), Tier.FULL) as session:

        def ask(code: str, where: str = "slot") -> list[object]:
            session.send(json.dumps([where, code]).encode())
            answers: list[object] = []
            while True:
                line = session.receive(20)
                assert line is not None, answers
                answer = json.loads(line)
                if isinstance(answer, dict) and "end" in answer:
                    return [*answers, answer["end"]]
                answers.append(answer)

        yield ask
