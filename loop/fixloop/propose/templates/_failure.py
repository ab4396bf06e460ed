"""What the failures say, for templates that react to an error message."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fixloop.propose.template import Site


def messages(site: Site, *exceptions: str) -> Iterator[str]:
    """The messages of the failures that raised one of these exceptions, named without their module."""
    for result in site.failures:
        if result.failure and result.failure.exception.rpartition(".")[2] in exceptions:
            yield result.failure.message


def raised(site: Site, *exceptions: str) -> bool:
    """True when a failure raised one of these exceptions."""
    return any(True for _ in messages(site, *exceptions))


def about_none(site: Site) -> bool:
    """True when a failure came from using None as if it were something else."""
    return any("NoneType" in message or "None" in message for message in messages(site, "TypeError", "AttributeError"))


def first_groups(site: Site, pattern: str, *exceptions: str) -> tuple[tuple[str, ...], ...]:
    """The distinct groups that ``pattern`` finds in the messages of these exceptions."""
    found = (re.search(pattern, message) for message in messages(site, *exceptions))
    return tuple(dict.fromkeys(match.groups() for match in found if match))
