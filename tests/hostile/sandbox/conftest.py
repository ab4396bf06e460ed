"""A workspace, and a place for temporary files that has to be empty again after every test."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "text").write_text("base")
    return folder.resolve()


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a run may put temporary files of its own: empty again after every test. Its path is as short as usual."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name).resolve()
        folder.chmod(0o711)  # for tiers with another user
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder
        assert list(folder.iterdir()) == []


@pytest.fixture
def token() -> str:
    """An argument by which the processes of one test are told from all others."""
    return f"token-{secrets.token_hex(8)}"
