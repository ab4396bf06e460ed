"""What each tier does not prevent, or takes away from tests, in sentences for every result. Plain data."""

from __future__ import annotations

from collections.abc import Mapping

from fixloop.sandbox.job import Tier

STRONGEST = Tier.FULL.value

_LOCAL_GAPS = (
    "No network, not even to the machine itself, and no local sockets but connected pairs: tests that need them fail.",
    "There are no message queues and no System V objects.",
    "Nothing is told about processes, not even own ones: of /proc there is only the command's own /proc/self.",
    "Fixed places such as /tmp cannot be written: the temporary folder is the one that TMPDIR names.",
    "Names, sizes, times and uses of files elsewhere can be asked for, though not what is in them.",
    "Files that may be read can be locked, which other programs may wait for.",
    "The space written is limited for each file, not for all of them together.",
)
GAPS: Mapping[Tier, tuple[str, ...]] = {
    Tier.FULL: (),
    Tier.ROOT: (
        *_LOCAL_GAPS,
        "Shared memory is the machine's own: closed while anything in it is open to everybody, and swept after a run.",
        "Times of files that everybody may write can be changed.",
        (
            "Where a folder on the way to Python is closed to other users, modes of files do not keep the command from"
            " reading what it is shown; then there is no shared memory, no pseudo terminal and no watching of files."
        ),
    ),
    Tier.REDUCED: (
        *_LOCAL_GAPS,
        "Names, sizes, times and uses of files that only this user may read can be asked for, too.",
        "Modes, owners and times of files cannot be changed: attempts do nothing. There are no attributes of files.",
        "There is no shared memory and no pseudo terminal: tests that use locks or pools of multiprocessing fail.",
        "The number of processes is not limited.",
    ),
    Tier.SANDBOX_EXEC: (
        "This tier was written for macOS but never run there by fixloop's own tests.",
        "System calls are not filtered.",
        "A process that detaches itself may outlive its run.",
        "Neither the number of processes nor the space written to disk is limited, and memory is not either.",
        "No network at all, not even to the machine itself.",
    ),
    Tier.REFUSE: (),
}


def gaps_of(tier: str | None) -> tuple[str, ...]:
    """The gaps of a tier by the name that results carry; none for one that is not known."""
    return next((gaps for known, gaps in GAPS.items() if known.value == tier), ())
