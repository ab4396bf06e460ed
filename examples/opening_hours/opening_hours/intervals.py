"""Half-open intervals of whole minutes, and sets of them in normal form.

An ``IntervalSet`` holds the fewest intervals that cover its minutes, in ascending order. Two sets that cover the same
minutes are therefore equal, and every end of an interval is a moment at which something changes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Interval:
    """The minutes from ``start`` up to but not including ``end``; never empty."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"an interval must end after it starts: {self.start} to {self.end}")

    @property
    def length(self) -> int:
        """How many minutes it covers."""
        return self.end - self.start

    def shift(self, minutes: int) -> Interval:
        """The same interval, that much later."""
        return Interval(self.start + minutes, self.end + minutes)

    def meets(self, other: Interval) -> bool:
        """Whether the two overlap or touch, so that together they are one interval."""
        return self.start <= other.end and other.start < self.end

    def hull(self, other: Interval) -> Interval:
        """The smallest interval that covers both."""
        return Interval(min(self.start, other.start), max(self.end, other.end))

    def overlap(self, other: Interval) -> Interval | None:
        """The minutes that both cover, if there are any."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Interval(start, end) if start < end else None


class IntervalSet:
    """An immutable set of minutes, kept as sorted intervals with a gap between any two."""

    def __init__(self, spans: Iterable[Interval] = ()) -> None:
        self._spans = _normalise(spans)
        self._starts = [span.start for span in self._spans]

    @classmethod
    def of(cls, *pairs: tuple[int, int]) -> IntervalSet:
        """A set from pairs of start and end."""
        return cls(Interval(start, end) for start, end in pairs)

    def __iter__(self) -> Iterator[Interval]:
        return iter(self._spans)

    def __len__(self) -> int:
        return len(self._spans)

    def __eq__(self, other: object) -> bool:
        return self._spans == other._spans if isinstance(other, IntervalSet) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._spans)

    def __repr__(self) -> str:
        pairs = ", ".join(f"({span.start}, {span.end})" for span in self._spans)
        return f"IntervalSet.of({pairs})"

    def __contains__(self, minute: int) -> bool:
        index = bisect_right(self._starts, minute) - 1
        return index >= 0 and minute < self._spans[index].end

    def __or__(self, other: IntervalSet) -> IntervalSet:
        return IntervalSet((*self._spans, *other._spans))

    def __and__(self, other: IntervalSet) -> IntervalSet:
        overlaps = (mine.overlap(theirs) for mine in self._spans for theirs in other._spans)
        return IntervalSet(overlap for overlap in overlaps if overlap is not None)

    def __sub__(self, other: IntervalSet) -> IntervalSet:
        return IntervalSet(rest for span in self._spans for rest in _without(span, other))

    @property
    def total(self) -> int:
        """How many minutes the set covers."""
        return sum(span.length for span in self._spans)

    def shift(self, minutes: int) -> IntervalSet:
        """The same set, that much later."""
        return IntervalSet(span.shift(minutes) for span in self._spans)

    def next_boundary(self, minute: int) -> int | None:
        """The first start or end of an interval that lies strictly after ``minute``."""
        for span in self._spans:
            if minute < span.start:
                return span.start
            if minute < span.end:
                return span.end
        return None


def _normalise(spans: Iterable[Interval]) -> tuple[Interval, ...]:
    joined: list[Interval] = []
    for span in sorted(spans):
        if joined and joined[-1].meets(span):
            joined[-1] = joined[-1].hull(span)
        else:
            joined.append(span)
    return tuple(joined)


def _without(span: Interval, holes: IntervalSet) -> Iterator[Interval]:
    """The parts of ``span`` that lie between the holes."""
    start = span.start
    for hole in holes:
        cut = span.overlap(hole)
        if cut is None:
            continue
        if start < cut.start:
            yield Interval(start, cut.start)
        start = cut.end
    if start < span.end:
        yield Interval(start, span.end)
