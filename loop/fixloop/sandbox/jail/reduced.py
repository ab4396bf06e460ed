"""The reduced tier, for an ordinary user where namespaces are missing: a copy, Landlock and a filter of system calls.

The command keeps the user's own number, so that file modes guard nothing; what these walls do not cover is a gap.
"""

from __future__ import annotations

from . import command, host_view, kernel, landlock, private_copy, shared_machine, system_calls
from .order import Order


def run(order: Order) -> None:
    """Run the order to its end. Raises Refused."""

    def confine(place: command.Place, _: int) -> None:
        kernel.drop_held_capabilities()
        landlock.restrict(host_view.reading(order, place), host_view.writing(place), least=landlock.SCOPES, shared=True)
        system_calls.forbid()
        shared_machine.forbid(own_user=True)

    private_copy.run(order, private_copy.Owner(), confine, count_processes=False)
