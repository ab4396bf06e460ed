"""One short sentence that says what a patch does."""

from __future__ import annotations

from fixloop.records.source import Edit, SourceText

_LONGEST = 48


def summarise(source: SourceText, edits: tuple[Edit, ...]) -> str:
    """What sorted edits do to a text, for example "line 12: replace `<` by `<=`"."""
    first = edits[0]
    line = source.line_of(first.span.start)
    olds = [source.text[edit.span.start : edit.span.end] for edit in edits]
    return f"line {line}: {_change(olds, [edit.replacement for edit in edits])}"


def _change(olds: list[str], news: list[str]) -> str:
    match olds, news:
        case [old], [new]:
            return _single(old, new)
        case [one, other], [new_one, new_other] if (
            one.strip() == new_other.strip() and other.strip() == new_one.strip()
        ):
            moved = one if one.strip() else other
            if one.strip() and other.strip():
                return f"exchange {_shown(one)} and {_shown(other)}"
            return f"move {_shown(moved)}"
        case [old, *_], [new, *rest]:
            more = len(rest)
            return f"{_single(old, new)} and {more} more {'change' if more == 1 else 'changes'}"
        case _:
            return "no change"


def _single(old: str, new: str) -> str:
    if not old.strip():
        return f"insert {_shown(new)}"
    if not new.strip():
        return f"remove {_shown(old)}"
    if old.split() == new.split():
        return f"move {_shown(old)} {'in' if len(new) > len(old) else 'out'}"
    return f"replace {_shown(old)} by {_shown(new)}"


def _shown(text: str) -> str:
    one_line = " ".join(text.split())
    return f"`{one_line if len(one_line) <= _LONGEST else one_line[: _LONGEST - 1] + '…'}`"
