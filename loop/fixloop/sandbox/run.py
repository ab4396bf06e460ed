"""The sandbox as the rest of fixloop sees it: a job in, its outcome out.

``run`` starts one command in a tier and waits for it, ``open_session`` one that stays and is asked; ``choose_tier``
finds out what this machine can enforce. A layer that cannot be set up means ``Ended.NOT_STARTED``, never a weaker run.
No host file is ever written.
"""

from __future__ import annotations

from fixloop.sandbox.job import Completed, Ended, Job, Limits, Tier
from fixloop.sandbox.launch import run
from fixloop.sandbox.session import Session, SessionOver, open_session
from fixloop.sandbox.tiers import TierReport, choose_tier

__all__ = [
    "Completed",
    "Ended",
    "Job",
    "Limits",
    "Session",
    "SessionOver",
    "Tier",
    "TierReport",
    "choose_tier",
    "open_session",
    "run",
]
