from __future__ import annotations

import random

import pytest

from opening_hours import Interval, IntervalSet


def minutes_of(spans: IntervalSet) -> set[int]:
    return {minute for span in spans for minute in range(span.start, span.end)}


def random_set(source: random.Random) -> IntervalSet:
    starts = [source.randrange(60) for _ in range(source.randrange(6))]
    return IntervalSet(Interval(start, start + source.randrange(1, 12)) for start in starts)


@pytest.mark.parametrize(("start", "end"), [(5, 5), (6, 5)])
def test_an_interval_is_never_empty(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="must end after it starts"):
        Interval(start, end)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((0, 10), (5, 15), (5, 10)),
        ((0, 10), (2, 4), (2, 4)),
        ((0, 10), (0, 10), (0, 10)),
        ((0, 10), (10, 20), None),
        ((0, 10), (12, 20), None),
    ],
)
def test_overlap(first: tuple[int, int], second: tuple[int, int], expected: tuple[int, int] | None) -> None:
    overlap = Interval(*expected) if expected else None
    assert Interval(*first).overlap(Interval(*second)) == overlap
    assert Interval(*second).overlap(Interval(*first)) == overlap


@pytest.mark.parametrize(
    ("pairs", "normal"),
    [
        ([], []),
        ([(5, 9)], [(5, 9)]),
        ([(20, 30), (0, 10)], [(0, 10), (20, 30)]),
        ([(0, 10), (5, 15)], [(0, 15)]),
        ([(0, 30), (5, 10)], [(0, 30)]),
        ([(0, 10), (10, 20)], [(0, 20)]),
        ([(0, 10), (11, 20)], [(0, 10), (11, 20)]),
        ([(0, 10), (0, 10)], [(0, 10)]),
        ([(0, 4), (8, 12), (3, 9)], [(0, 12)]),
    ],
    ids=["empty", "one", "sorted", "overlapping", "nested", "touching", "apart", "twice", "bridged"],
)
def test_normal_form(pairs: list[tuple[int, int]], normal: list[tuple[int, int]]) -> None:
    assert [(span.start, span.end) for span in IntervalSet.of(*pairs)] == normal


@pytest.mark.parametrize(
    ("minute", "inside"), [(9, False), (10, True), (19, True), (20, False), (30, True), (40, False)]
)
def test_contains_the_start_but_not_the_end(minute: int, inside: bool) -> None:
    assert (minute in IntervalSet.of((10, 20), (30, 40))) is inside


@pytest.mark.parametrize(
    ("minute", "boundary"), [(0, 10), (10, 20), (15, 20), (20, 30), (25, 30), (39, 40), (40, None), (99, None)]
)
def test_next_boundary_is_strictly_later(minute: int, boundary: int | None) -> None:
    assert IntervalSet.of((10, 20), (30, 40)).next_boundary(minute) == boundary


@pytest.mark.parametrize(
    ("holes", "rest"),
    [
        ([], [(10, 20), (30, 40)]),
        ([(0, 50)], []),
        ([(10, 20)], [(30, 40)]),
        ([(12, 14), (16, 18)], [(10, 12), (14, 16), (18, 20), (30, 40)]),
        ([(15, 35)], [(10, 15), (35, 40)]),
        ([(20, 30)], [(10, 20), (30, 40)]),
    ],
    ids=["nothing", "everything", "exactly one", "inner holes", "across a gap", "the gap alone"],
)
def test_subtract(holes: list[tuple[int, int]], rest: list[tuple[int, int]]) -> None:
    assert IntervalSet.of((10, 20), (30, 40)) - IntervalSet.of(*holes) == IntervalSet.of(*rest)


@pytest.mark.parametrize("seed", range(5))
def test_operators_agree_with_sets_of_minutes(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(20):
        one, two = random_set(source), random_set(source)
        assert minutes_of(one | two) == minutes_of(one) | minutes_of(two)
        assert minutes_of(one & two) == minutes_of(one) & minutes_of(two)
        assert minutes_of(one - two) == minutes_of(one) - minutes_of(two)
        assert one.total == len(minutes_of(one))


def test_shift_moves_every_interval() -> None:
    assert IntervalSet.of((0, 5), (10, 15)).shift(100) == IntervalSet.of((100, 105), (110, 115))


def test_equal_sets_hash_alike() -> None:
    assert hash(IntervalSet.of((0, 4), (2, 9))) == hash(IntervalSet.of((0, 9)))
    assert IntervalSet.of((0, 9)) != "(0, 9)"


def test_repr_reads_as_code() -> None:
    assert repr(IntervalSet.of((10, 20), (0, 5))) == "IntervalSet.of((0, 5), (10, 20))"
