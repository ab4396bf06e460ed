"""Carries out attacks as whoever starts it: ``python -m hostile.sandbox.attacks.drive WHERE NAME...``.

``WHERE`` is a tier, or ``bare`` for no sandbox. Prints one line of JSON per attack: [damage, what went wrong].
"""

from __future__ import annotations

import json
import sys

from fixloop.sandbox.run import Tier

from .catalogue import ATTACKS
from .scene import bare, inside, outcome


def main() -> None:
    where, *names = sys.argv[1:]
    runner = bare if where == "bare" else inside(Tier(where))
    for name in names:
        sys.stdout.write(json.dumps(outcome(ATTACKS[name], runner)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
