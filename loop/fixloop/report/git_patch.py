"""Changes of whole files as a patch that ``git apply`` takes: text, binary, new, deleted, links and modes.

The header lines are git's own, so that paths are those from the top of a repository. Notes stand before the first
header as lines that begin with ``#``; git ignores them. The same changes give the same bytes.
"""

from __future__ import annotations

import base64
import difflib
import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence

from fixloop.sandbox.changes import Change, Changes, Content

_COMPARED_AT_MOST = 1_000_000  # lines of one side times lines of the other: beyond it the whole middle is replaced
_COMPARED_IN_ALL = 20_000_000
_CONTEXT = 3
_NONE = "0" * 40
_BYTES_A_LINE = 52


def git_patch(changes: Changes, prefix: str = "") -> bytes:
    """The patch; empty when nothing changed. ``prefix`` leads from the repository's top to the workspace's root."""
    notes = "".join(f"# {_printable(note)}\n" for note in changes.notes).encode()
    work = _Work(_COMPARED_IN_ALL)
    return notes + b"".join(part for change in changes.changed for part in _file(change, prefix, work))


class _Work:
    """What may still be spent on comparing: a hostile file can make it cost the square of its length."""

    def __init__(self, left: int) -> None:
        self._left = left

    def affords(self, amount: int) -> bool:
        """True, and spent, when that much is left."""
        if amount > min(self._left, _COMPARED_AT_MOST):
            return False
        self._left -= amount
        return True


def _file(change: Change, prefix: str, work: _Work) -> Iterator[bytes]:
    before, after = change.before, change.after
    if before and after and before.is_link != after.is_link:  # another kind of thing: the old goes, the new comes
        yield from _file(Change(change.path, before, None), prefix, work)
        yield from _file(Change(change.path, None, after), prefix, work)
        return
    path = os.fsencode(prefix + change.path)
    old, new = _bytes(before), _bytes(after)
    yield b"diff --git %s %s\n" % (_name(b"a/" + path), _name(b"b/" + path))
    yield _modes(before, after)
    if old == new and before and after:
        return
    yield f"index {_id(before)}..{_id(after)}\n".encode()
    if b"\0" in old or b"\0" in new:
        yield b"GIT binary patch\n" + _literal(new) + b"\n" + _literal(old) + b"\n"
    elif old != new:
        yield b"--- %s\n" % (_ended(_name(b"a/" + path)) if before else b"/dev/null")
        yield b"+++ %s\n" % (_ended(_name(b"b/" + path)) if after else b"/dev/null")
        yield from _hunks(_lines(old), _lines(new), work)


def _bytes(content: Content | None) -> bytes:
    return (content.data or b"") if content else b""


def _mode(content: Content) -> str:
    if content.is_link:
        return "120000"
    return "100755" if content.is_executable else "100644"


def _modes(before: Content | None, after: Content | None) -> bytes:
    if before is None:
        return f"new file mode {_mode(after)}\n".encode() if after else b""
    if after is None:
        return f"deleted file mode {_mode(before)}\n".encode()
    if _mode(before) == _mode(after):
        return b""
    return f"old mode {_mode(before)}\nnew mode {_mode(after)}\n".encode()


def _id(content: Content | None) -> str:
    """The name that git gives to a content."""
    if content is None:
        return _NONE
    data = _bytes(content)
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _literal(data: bytes) -> bytes:
    packed = zlib.compress(data, 9)
    lines = [b"literal %d\n" % len(data)]
    for at in range(0, len(packed), _BYTES_A_LINE):
        piece = packed[at : at + _BYTES_A_LINE]
        length = len(piece) + (64 if len(piece) <= 26 else 70)  # A to Z, then a to z
        lines.append(b"%c%s\n" % (length, base64.b85encode(piece, pad=True)))
    return b"".join(lines)


def _lines(data: bytes) -> list[bytes]:
    # Only the line feed ends a line for git; a form feed or lone CR is content.
    *whole, last = data.split(b"\n")
    return [line + b"\n" for line in whole] + ([last] if last else [])


def _hunks(old: Sequence[bytes], new: Sequence[bytes], work: _Work) -> Iterator[bytes]:
    for group in _groups(_opcodes(old, new, work)):
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        yield f"@@ -{_range(old_start, old_end)} +{_range(new_start, new_end)} @@\n".encode()
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from _marked(b" ", old[i1:i2])
            else:
                yield from _marked(b"-", old[i1:i2])
                yield from _marked(b"+", new[j1:j2])


_Opcode = tuple[str, int, int, int, int]


def _opcodes(old: Sequence[bytes], new: Sequence[bytes], work: _Work) -> list[_Opcode]:
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    ends = len(old) - tail, len(new) - tail
    found: list[_Opcode] = [("equal", 0, head, 0, head)] if head else []
    if work.affords((ends[0] - head) * (ends[1] - head)):
        matcher = difflib.SequenceMatcher(None, old[head : ends[0]], new[head : ends[1]])
        found += [(tag, i1 + head, i2 + head, j1 + head, j2 + head) for tag, i1, i2, j1, j2 in matcher.get_opcodes()]
    else:
        found.append(("replace", head, ends[0], head, ends[1]))
    return [*found, ("equal", ends[0], len(old), ends[1], len(new))] if tail else found


def _groups(opcodes: Sequence[_Opcode]) -> Iterator[list[_Opcode]]:
    """Changes with the lines around them, as far apart as makes them hunks of their own."""
    group: list[_Opcode] = []
    for at, (tag, i1, i2, j1, j2) in enumerate(opcodes):
        if tag != "equal":
            group.append((tag, i1, i2, j1, j2))
            continue
        size = i2 - i1
        is_last = at == len(opcodes) - 1
        if group and (is_last or size > 2 * _CONTEXT):
            kept = min(size, _CONTEXT)
            yield [*group, ("equal", i1, i1 + kept, j1, j1 + kept)]
            group = []
        if not is_last:
            kept = size if group else min(size, _CONTEXT)
            group.append(("equal", i2 - kept, i2, j2 - kept, j2))
    if group:
        yield group


def _range(start: int, end: int) -> str:
    return f"{start + 1 if end > start else start},{end - start}"


def _marked(mark: bytes, lines: Sequence[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield mark + line
        if not line.endswith(b"\n"):
            yield b"\n\\ No newline at end of file\n"


def _name(path: bytes) -> bytes:
    if all(0x20 <= byte < 0x7F and byte not in b'"\\' for byte in path):
        return path
    spelt = (
        b"\\%03o" % byte if not 0x20 <= byte < 0x7F else (b"\\" if byte in b'"\\' else b"") + bytes([byte])
        for byte in path
    )
    return b'"%s"' % b"".join(spelt)


def _ended(name: bytes) -> bytes:
    return name + b"\t" if b" " in name else name  # a tab ends a name that holds spaces


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)
