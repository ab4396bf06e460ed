"""Workspaces that an overlay cannot serve: another user's files, another file system inside. Never a weaker run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from boxes import (
    PACKAGES,
    PREFIXES,
    SYSTEM_PYTHON,
    both_tiers,
    job,
    namespaces_only,
    never,
    parent_arguments,
    system_python_serves_others,
    told,
)
from fixloop.sandbox.run import Limits, Tier, run

OTHER = 54321
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")

WRITE_EVERYWHERE = """
seen = [open(name).read() for name in ("text", "private", "folder/kept")]
for name in ("text", "private", "folder/kept", "folder/new"):
    open(name, "w").write("written inside")
os.rename("folder", "moved")
os.unlink("moved/kept")
os.chmod("text", 0o600)
tell(seen)
"""


def _give_away(folder: Path, uid: int, gid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


@pytest.fixture
def filled(workspace: Path) -> Path:
    (workspace / "private").write_text("base")
    (workspace / "private").chmod(0o600)
    (workspace / "folder").mkdir()
    (workspace / "folder" / "kept").write_text("base")
    return workspace


def _state(folder: Path) -> dict[str, tuple[object, ...]]:
    """Everything about the files of a folder that a run could have changed."""
    return {
        str(path): (status.st_mode, status.st_uid, status.st_mtime_ns, path.is_file() and path.read_bytes())
        for path in (folder, *folder.rglob("*"))
        for status in [path.lstat()]
    }


@namespaces_only
@as_root
@pytest.mark.parametrize(("uid", "gid"), [(OTHER, OTHER), (0, OTHER), (OTHER, 0)])
def test_another_users_workspace_is_the_commands_own(filled: Path, tier: Tier, uid: int, gid: int) -> None:
    _give_away(filled, uid, gid)
    before = _state(filled)
    completed = run(job(filled, WRITE_EVERYWHERE, files={"text": b"unsaved"}), tier, never)
    assert told(completed) == ["unsaved", "base", "base"]
    assert _state(filled) == before
    assert "belongs in part to another user" in " ".join(completed.notes)


@namespaces_only
@as_root
def test_a_file_of_another_user_in_an_own_workspace_can_be_replaced(filled: Path, tier: Tier) -> None:
    os.chown(filled / "folder" / "kept", OTHER, OTHER)
    before = _state(filled)
    code = "open('folder/kept', 'a').write('+'); tell(open('folder/kept').read())"
    assert told(run(job(filled, code, files={"folder/kept": b"unsaved"}), tier, never)) == "unsaved+"
    assert _state(filled) == before


@namespaces_only
@as_root
def test_knowing_every_user_gives_no_power_over_their_files(filled: Path, tier: Tier, tmp_path: Path) -> None:
    visible = tmp_path / "visible"
    visible.mkdir()
    for name, mode in (("secret", 0o600), ("open", 0o666)):
        (visible / name).write_text("base")
        (visible / name).chmod(mode)
    _give_away(filled, OTHER, OTHER)
    _give_away(visible, OTHER, OTHER)
    before = _state(visible)
    code = """
secret, public = sys.argv[1] + "/secret", sys.argv[1] + "/open"
def attempt(action):
    try:
        action()
    except OSError:
        return "refused"
    return "done"
tell([attempt(action) for action in (
    lambda: open(secret).read(),
    lambda: open(public, "w"),
    lambda: os.setuid(54321),
    lambda: os.setgid(54321),
    lambda: os.setgroups([54321]),
    lambda: os.chown("text", 54321, -1),
)])
"""
    completed = run(job(filled, code, str(visible), visible=(*PREFIXES, visible)), tier, never)
    assert told(completed) == ["refused"] * 6
    assert _state(visible) == before


@namespaces_only
@as_root
def test_a_copy_leaves_room_for_what_is_written(filled: Path, tier: Tier) -> None:
    (filled / "large").write_bytes(bytes(8 << 20))
    _give_away(filled, OTHER, OTHER)
    code = "open(sys.argv[1], 'wb').write(bytes(int(sys.argv[2]))); tell(True)"
    limits = Limits(wall_seconds=30, scratch_bytes=4 << 20)
    assert told(run(job(filled, code, "new", str(3 << 20), limits=limits), tier, never)) is True
    completed = run(job(filled, code, "new", str(6 << 20), limits=limits), tier, never)
    assert b"No space left" in completed.output


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A workspace where every user can get at it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        folder = Path(name).resolve()
        folder.chmod(0o755)
        (folder / "text").write_text("base")
        yield folder


def _lines(argv: list[str], uid: int | None = None) -> list[str]:
    env = {"PYTHONPATH": str(PACKAGES), "TMPDIR": "/tmp", "PATH": "/usr/bin:/bin"}
    groups = None if uid is None else []
    done = subprocess.run(
        argv, user=uid, group=uid, extra_groups=groups, cwd="/", env=env, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


@namespaces_only
@as_root
def test_an_ordinary_user_can_run_in_a_folder_of_root(public_folder: Path, tier: Tier) -> None:
    if not Path(SYSTEM_PYTHON).exists() or not system_python_serves_others():
        pytest.skip("no Python that another user could run this code with")
    (public_folder / "secret").write_text("PRIVATE")
    (public_folder / "secret").chmod(0o600)
    before = _state(public_folder)
    code = """
import os
assert open("text").read() == "unsaved"
open("text", "w").write("x")
assert not os.path.exists("secret")
"""
    argv = parent_arguments(SYSTEM_PYTHON, public_folder, tier, "-c", code)
    answer = _lines(argv, uid=OTHER)[-1]
    assert json.loads(answer)[:2] == ["exited", 0], answer
    assert _state(public_folder) == before


MOUNTED = """
set -e
for name in .venv data; do
    mount -t tmpfs tmpfs "$1/$name"
    echo mounted > "$1/$name/file"
done
shift
exec "$@"
"""


@namespaces_only
@pytest.mark.skipif(shutil.which("unshare") is None, reason="a mount of the test's own needs unshare")
def test_a_file_system_mounted_inside_is_seen(public_folder: Path, tier: Tier) -> None:
    for name in (".venv", "data"):
        (public_folder / name).mkdir()
    code = """
import os
for name in ("data/file", "text"):
    open(name, "a").write("+")
try:
    open(".venv/file", "w")
    environment = "writable"
except OSError:
    environment = open(".venv/file").read()
os.write(4, repr([open("data/file").read(), open("text").read(), environment]).encode() + b"\\n")
"""
    argv = parent_arguments(sys.executable, public_folder, tier, "-c", code)
    own_mounts = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNTED, "sh", str(public_folder)]
    record, answer = _lines([*own_mounts, *argv])
    assert json.loads(answer)[:2] == ["exited", 0], answer
    assert record == repr(["mounted\n+", "unsaved+", "mounted\n"])
    assert (public_folder / "text").read_text() == "base"


@both_tiers
def test_an_ordinary_run_has_nothing_to_say(workspace: Path, tier: Tier) -> None:
    assert run(job(workspace, "pass"), tier, never).notes == ()
