"""What a run's sockets hold: kernel memory that is in no process's account and that no limit of the kernel's adds up.

The kernel tells how many sockets a network has, not what is in them. So a run is held to account for the growth of the
whole machine's kernel memory, but only while it has so many sockets that they could explain it.
"""

from __future__ import annotations

from .processes import read

_MOST_BYTES = 8 << 20  # in one socket, with the largest buffers that kernels usually allow
_NOT_THE_KERNELS = (b"MemFree:", b"Buffers:", b"Cached:", b"SwapCached:", b"AnonPages:", b"SReclaimable:")


class Buffers:
    """Knows what there was before the run."""

    def __init__(self) -> None:
        self._sockets_before = _sockets()
        self._least = _kernel_memory()

    def exceed(self, limit: int) -> bool:
        """True when the run's sockets seem to hold more."""
        if (_sockets() - self._sockets_before) * _MOST_BYTES <= limit:
            return False
        now = _kernel_memory()
        self._least = min(self._least, now)
        return now - self._least > limit


def _sockets() -> int:
    try:
        return int(read("/proc/net/sockstat").split()[2])
    except OSError:
        return 0  # a kernel without a network


def _kernel_memory() -> int:
    kilobytes = {words[0]: int(words[1]) for line in read("/proc/meminfo").splitlines() if (words := line.split())}
    return (kilobytes[b"MemTotal:"] - sum(kilobytes.get(name, 0) for name in _NOT_THE_KERNELS)) << 10
