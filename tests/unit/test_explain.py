"""Which limit of the sandbox is named for what happened."""

from __future__ import annotations

import pytest

from fixloop.sandbox import explain
from fixloop.sandbox.job import Ended, Limits, Tier

LIMITS = Limits(
    wall_seconds=1.5, cpu_seconds=2, memory_bytes=3 << 29, file_bytes=1000, open_files=1024, scratch_bytes=5 << 20
)


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        ("OSError: [Errno 24] Too many open files: 'x'", "1,024 open files to one process"),
        ("OSError: [Errno 24] Zu viele offene Dateien", "1,024 open files to one process"),
        ("sh: 1: File size limit exceeded", "files of at most 1000 bytes"),
        ("cp: error writing 'x': File too large", "files of at most 1000 bytes"),
        ("cp: error writing 'x': No space left on device", "5 MiB for everything written"),
        ("RuntimeError: can't start new thread", "1,024 processes and threads"),
        ("bash: fork: retry: Resource temporarily unavailable", "1,024 processes and threads"),
        ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate", "1.5 GiB of memory"),
        ("terminate called after throwing an instance of 'std::bad_alloc'", "1.5 GiB of memory"),
    ],
)
def test_the_limit_behind_an_error_is_named(words: str, allowed: str) -> None:
    (hint,) = explain.hints(words, LIMITS, Tier.FULL)
    assert allowed in hint


@pytest.mark.parametrize("words", ["", "1 failed", "BlockingIOError: [Errno 11] Resource temporarily unavailable"])
def test_other_words_say_nothing(words: str) -> None:
    assert explain.hints(words, LIMITS, Tier.FULL) == ()


@pytest.mark.parametrize(("tier", "named"), [(Tier.FULL, 3), (Tier.ROOT, 2), (Tier.REDUCED, 1)])
def test_what_a_tier_does_not_limit_is_not_named(tier: Tier, named: int) -> None:
    words = "No space left on device; can't start new thread; Too many open files"
    assert len(explain.hints(words, LIMITS, tier)) == named


@pytest.mark.parametrize("ended", Ended)
def test_every_limit_that_ends_a_run_has_its_sentence(ended: Ended) -> None:
    assert bool(explain.end(ended, LIMITS)) == ended.name.endswith("_LIMIT")


@pytest.mark.parametrize(
    ("code", "said"), [(-25, True), (153, True), (25, False), (-9, False), (0, False), (None, False)]
)
def test_the_signal_of_the_file_limit_is_named(code: int | None, said: bool) -> None:
    assert bool(explain.status(code)) is said
