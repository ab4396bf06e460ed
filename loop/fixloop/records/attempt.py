"""Suspects, candidates and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fixloop.records.source import Patch


@dataclass(frozen=True)
class Suspect:
    """A line that may hold the fault. ``score`` is its suspiciousness in [0, 1]."""

    path: str
    line: int
    score: float


@dataclass(frozen=True)
class Provenance:
    """Who proposed a candidate: ``proposer`` is ``template``, ``synthesis`` or ``model``; ``name`` says which."""

    proposer: str
    name: str


@dataclass(frozen=True)
class Candidate:
    """A patch that may be the fix. ``rank`` orders candidates: higher is tried first."""

    patch: Patch
    provenance: tuple[Provenance, ...]
    suspect: Suspect
    rank: float
    summary: str


class Verdict(StrEnum):
    """What the evidence says of a candidate. There is no "correct"."""

    VERIFIED = "verified"
    PLAUSIBLE = "plausible"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Evidence:
    """What one gate found, in words for a person."""

    gate: str
    held: bool
    detail: str


@dataclass(frozen=True)
class Attempt:
    """A candidate that was run. ``fixed`` and ``still_broken`` split the target checks."""

    candidate: Candidate
    verdict: Verdict
    critique: str
    fixed: tuple[str, ...] = ()
    still_broken: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
