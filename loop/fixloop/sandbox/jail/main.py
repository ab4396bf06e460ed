"""Entry of the launcher: read the order from stdin, set up its tier, see the command to its end."""

from __future__ import annotations

import os

from . import command, signals
from .order import Order, Refused


def main() -> None:
    """Carry out one order. Whatever happens to the parent, nothing outlives this process."""
    order = Order.load(_read_all(0))
    for descriptor in (order.channel, order.report, *([order.requests] if order.warm else [])):
        os.set_inheritable(descriptor, False)  # noqa: FBT003
    signals.hold()
    if signals.LINUX:
        from . import kernel

        kernel.die_with_parent(signals.TERM)
    if os.getppid() != order.parent:
        return  # it ended before that
    try:
        _tier(order)
    except Refused as refused:
        command.refuse(order.report, str(refused))
    except OSError as error:
        command.refuse(order.report, f"{error.filename or 'set-up'}: {error.strerror}")


def _tier(order: Order) -> None:
    # Each tier is imported only where it is used: the launcher starts once per run.
    if order.tier == "full":
        if not signals.LINUX:
            raise Refused("namespaces exist only on Linux")
        from . import full

        full.run(order)
    else:
        from . import reduced

        reduced.run(order)


def _read_all(descriptor: int) -> bytes:
    chunks: list[bytes] = []
    while chunk := os.read(descriptor, 1 << 20):
        chunks.append(chunk)
    return b"".join(chunks)
