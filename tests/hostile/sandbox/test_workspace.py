"""The workspace as the command sees it, and as the host keeps it."""

from __future__ import annotations

import hashlib
import os
import py_compile
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from boxes import NOT_LINUX, PREFIXES, both_tiers, job, namespaces_only, never, told
from fixloop.sandbox.run import Ended, Tier, run


@both_tiers
def test_files_are_laid_over_and_the_host_keeps_its_own(workspace: Path, tier: Tier) -> None:
    before = hashlib.sha256((workspace / "text").read_bytes()).digest()
    code = """
seen = [open("text").read(), open("new/folder/text").read()]
for name in ("text", "new/folder/text", "created"):
    with open(name, "w") as file:
        file.write("written inside")
os.mkdir("made")
tell(seen)
"""
    files = {"text": b"unsaved", "new/folder/text": b"added"}
    assert told(run(job(workspace, code, files=files), tier, never)) == ["unsaved", "added"]
    assert hashlib.sha256((workspace / "text").read_bytes()).digest() == before
    assert [path.name for path in workspace.iterdir()] == ["text"]


@namespaces_only
def test_the_workspace_keeps_its_place(tier: Tier) -> None:
    root = Path(__file__).parent.resolve()  # wherever the checkout is, often under the home directory
    code = "open('left-behind', 'w').close(); tell([os.getcwd(), os.path.exists(sys.argv[1])])"
    assert told(run(job(root, code, __file__), tier, never)) == [str(root), True]
    assert not (root / "left-behind").exists()


@both_tiers
@pytest.mark.parametrize("name", ["/etc/hosts", "../outside", "a/../../outside", "out/file", "", "."])
def test_a_file_outside_the_workspace_is_refused(workspace: Path, tier: Tier, name: str, tmp_path: Path) -> None:
    (workspace / "out").symlink_to(tmp_path)
    completed = run(job(workspace, "pass", files={name: b"x"}), tier, never)
    assert completed.ended is Ended.NOT_STARTED
    assert completed.detail.endswith(".")
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "file").exists()


@both_tiers
def test_links_are_followed_inside_the_workspace_and_replaced_elsewhere(
    workspace: Path, tier: Tier, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text("base")
    (workspace / "in").symlink_to(workspace / "text")
    (workspace / "out").symlink_to(tmp_path / "outside")
    code = "tell([open(name).read() for name in ('text', 'out')])"
    files = {"in": b"unsaved", "out": b"unsaved"}
    assert told(run(job(workspace, code, files=files), tier, never)) == ["unsaved", "unsaved"]
    assert [(workspace / "text").read_text(), (tmp_path / "outside").read_text()] == ["base", "base"]


@both_tiers
@pytest.mark.skipif(NOT_LINUX, reason="only there are pipes shown in the workspace")
def test_a_pipe_at_the_place_of_a_file_is_replaced(workspace: Path, tier: Tier) -> None:
    os.mkfifo(workspace / "pipe")
    code = "tell(open('pipe').read())"
    assert told(run(job(workspace, code, files={"pipe": b"unsaved"}), tier, never)) == "unsaved"
    assert (workspace / "pipe").is_fifo()


@namespaces_only
def test_of_what_may_be_read_only_files_and_folders_are_shown(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        (tmp_path / "file").write_text("base")
        visible = (*PREFIXES, tmp_path / "socket", tmp_path / "file", Path("/dev/zero"))
        code = "tell([os.path.exists(f'{sys.argv[1]}/{name}') for name in ('socket', 'file')])"
        assert told(run(job(workspace, code, str(tmp_path), visible=visible), tier, never)) == [False, True]


@both_tiers
def test_stale_bytecode_is_never_used(workspace: Path, tier: Tier) -> None:
    module = workspace / "module.py"
    module.write_text("VALUE = 1\n")
    compiled = Path(py_compile.compile(str(module), doraise=True))
    compiled_before = compiled.read_bytes()
    code = "sys.path.insert(0, os.getcwd()); import module; tell(module.VALUE)"
    # The same size and, as everything here happens at once, most likely the same second.
    assert told(run(job(workspace, code, files={"module.py": b"VALUE = 2\n"}), tier, never)) == 2
    assert compiled.read_bytes() == compiled_before


@both_tiers
def test_a_virtual_environment_of_the_workspace_works(workspace: Path, tier: Tier) -> None:
    venv = workspace / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    changes = {"argv": (str(venv / "bin" / "python"), "-c", "import os, sys; os.write(4, sys.prefix.encode())")}
    completed = run(job(workspace, "", **changes), tier, never)
    assert completed.channel == os.fsencode(venv), completed


@namespaces_only
def test_an_editable_install_sees_the_laid_over_text(workspace: Path, tier: Tier, tmp_path: Path) -> None:
    (workspace / "src").mkdir()
    (workspace / "src" / "project.py").write_text("VALUE = 'base'")
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--symlinks", venv], check=True)
    packages = next(venv.glob("lib*/python*/site-packages"))
    (packages / "project.pth").write_text(f"{workspace / 'src'}\n")
    changes = {
        "argv": (str(venv / "bin" / "python"), "-c", "import os, project; os.write(4, project.VALUE.encode())"),
        "visible": (*PREFIXES, venv),
        "files": {"src/project.py": b"VALUE = 'unsaved'"},
    }
    completed = run(job(workspace, "", **changes), tier, never)
    assert completed.channel == b"unsaved", completed
