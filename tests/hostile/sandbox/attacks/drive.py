"""Carries out code as whoever starts it: ``python -m hostile.sandbox.attacks.drive WHERE``.

``WHERE`` is a tier, or ``bare`` for no sandbox. Reads attacks, or other code to be judged like them, from stdin: name
-> (code, victim's code). Prints one line of JSON for each: [damage, what went wrong].
"""

from __future__ import annotations

import json
import sys

from fixloop.sandbox.run import Tier

from .record import Attack
from .scene import bare, inside, outcome


def main() -> None:
    runner = bare if sys.argv[1] == "bare" else inside(Tier(sys.argv[1]))
    for name, (code, victim) in json.load(sys.stdin).items():
        sys.stdout.write(json.dumps(outcome(Attack(name, code, victim=victim), runner)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
