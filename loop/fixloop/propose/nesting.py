"""Is a text nested so deeply that parsing it would be dangerous?

libcst's native parser overflows the C stack, and so ends the process, where Python's own parser raises.
"""

from __future__ import annotations

import ast
import re
import warnings

_BRACKET = re.compile(r"[()\[\]{}]")
_DEEPEST = 300  # CPython itself stops at 200


def too_deep_at(text: str) -> int | None:
    """The 1-based line at which a text gets too deep (1 where it cannot be told), None for every other text."""
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        for match in _BRACKET.finditer(line):
            depth = depth + 1 if match.group() in "([{" else max(depth - 1, 0)
            if depth > _DEEPEST:
                return number
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (RecursionError, MemoryError):
        return 1
    except (SyntaxError, ValueError):
        return None  # newer syntax perhaps: not for this question to decide
    return None
