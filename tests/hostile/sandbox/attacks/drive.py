"""Carries out code as whoever starts it: ``python -m hostile.sandbox.attacks.drive WHERE``.

``WHERE`` is a tier, or ``bare`` for no sandbox. Reads attacks, or other code to be judged like them, from stdin: name
-> (code, victim's code, why it is unsafe). Prints JSON: name -> [damage, what went wrong].
"""

from __future__ import annotations

import json
import sys

from fixloop.sandbox.run import Tier

from .record import Attack
from .scene import bare, inside, outcomes


def main() -> None:
    runner = bare if sys.argv[1] == "bare" else inside(Tier(sys.argv[1]))
    asked = json.load(sys.stdin)
    attacks = {name: Attack(name, code, victim=victim, unsafe=unsafe) for name, (code, victim, unsafe) in asked.items()}
    json.dump(outcomes(attacks, runner), sys.stdout)


if __name__ == "__main__":
    main()
