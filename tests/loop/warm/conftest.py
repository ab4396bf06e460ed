"""What the tests of the warm evaluator share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from projects import write
from warm_bench import Bench


class MakeBench(Protocol):
    def __call__(self, files: Mapping[str, str | bytes], **more: Any) -> Bench: ...


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[MakeBench]:
    """Writes a project and gives its evaluators; ends their processes."""
    made: list[Bench] = []

    def make(files: Mapping[str, str | bytes], **more: Any) -> Bench:
        made.append(Bench(write(tmp_path / "project", files), **more))
        return made[-1]

    yield make
    for each in made:
        each.warm.close()
