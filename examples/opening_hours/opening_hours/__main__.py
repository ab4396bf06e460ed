"""Lets ``python -m opening_hours`` run the command line of ``report``."""

import sys

from .report import main

if __name__ == "__main__":
    sys.exit(main())
