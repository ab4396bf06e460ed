"""What a command changed, told as a patch: the same tree by ``git apply``, and nothing gained by a hostile one."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from boxes import both_tiers, job, namespaces_only, never
from fixloop.report.git_patch import git_patch
from fixloop.sandbox import changes
from fixloop.sandbox.run import Completed, Ended, Limits, Tier, run

FILES = {
    "text": b"base\n",
    "no end": b"one\ntwo",
    "pkg/a.py": b"".join(b"line %d\n" % number for number in range(40)),
    "pkg/deep/b.py": b"x = 1\n",
    "pkg/deep/c.py": b"y = 1\n",
    "crlf": b"a\r\nb\x0cc\rd\r\n",
    "binary": bytes(range(256)) * 9,
    "latin": "é\n".encode("latin-1"),
    "run.sh": b"#!/bin/sh\n",
}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = (tmp_path / "repository").resolve()
    for name, data in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    (root / "run.sh").chmod(0o755)
    (root / "link").symlink_to("text")
    (root / "link to folder").symlink_to("pkg")
    subprocess.run(["git", "init", "-q", root], check=True)
    return root


def changed_by(root: Path, tier: Tier, code: str, most: int = changes.MOST_BYTES) -> changes.Changes:
    completed = run(job(root, code, changes_bytes=most), tier, never)
    assert (completed.ended, completed.status) == (Ended.EXITED, 0), completed
    return changes.read(completed.changes, root)


def tree(root: Path) -> dict[str, tuple[str, bytes]]:
    """Everything that git would see, and the repository's own data left out."""
    found: dict[str, tuple[str, bytes]] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if name.split("/")[0] == ".git" or (path.is_dir() and not path.is_symlink()):
            continue
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = ("link", os.fsencode(path.readlink()))
        elif stat.S_ISREG(mode):
            found[name] = ("program" if mode & 0o100 else "file", path.read_bytes())
        else:
            found[name] = ("other", b"")
    return found


def apply(root: Path, patch: bytes, where: Path) -> None:
    done = subprocess.run(["git", "apply", "--whitespace=nowarn"], cwd=where, input=patch, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b""), patch.decode(errors="replace")


EDITS = {
    "nothing": "",
    "append": "open('text', 'a').write('more\\n')",
    "no line end": "open('no end', 'w').write('one\\nthree'); open('text', 'w').write('base')",
    "several hunks": (
        "lines = open('pkg/a.py').read().splitlines(True); lines[0] = 'first\\n'; lines[8:8] = ['new\\n'];"
        " del lines[30]; lines.append('last\\n'); open('pkg/a.py', 'w').writelines(lines)"
    ),
    "line ends": "open('crlf', 'ab').write(b'e\\r'); open('latin', 'ab').write(b'\\xff\\n')",
    "emptied": "open('text', 'w').close()",
    "new": "open('new', 'w').write('n'); open('empty', 'w').close(); os.mkdir('d'); open('d/x', 'w').write('x\\n')",
    "deleted": "os.unlink('text'); os.unlink('pkg/deep/b.py'); os.unlink('binary'); os.unlink('link')",
    "folder deleted": "import shutil; shutil.rmtree('pkg')",
    "folder emptied": "import shutil; shutil.rmtree('pkg'); os.mkdir('pkg'); open('pkg/a.py', 'w').write('only\\n')",
    "renamed": "os.rename('text', 'other'); os.rename('pkg/deep/c.py', 'pkg/d.py')",
    "folder renamed": "import shutil; shutil.move('pkg', 'package')",
    "mode": "os.chmod('text', 0o755); os.chmod('run.sh', 0o644)",
    "mode and text": "os.chmod('text', 0o755); open('text', 'a').write('x')",
    "binary": "open('binary', 'r+b').write(b'z'); open('bin2', 'wb').write(os.urandom(300) + bytes(5))",
    "binary to text": "open('binary', 'w').write('text\\n'); open('text', 'wb').write(bytes(3))",
    "link changed": "os.unlink('link'); os.symlink('/etc/passwd', 'link')",
    "link to file": "os.unlink('link'); open('link', 'w').write('base\\n')",
    "file to link": "os.unlink('text'); os.symlink('crlf', 'text')",
    "file to folder": "os.unlink('text'); os.mkdir('text'); open('text/in', 'w').write('i\\n')",
    "folder to file": "import shutil; shutil.rmtree('pkg'); open('pkg', 'w').write('p\\n')",
    "folder to link": "import shutil; shutil.rmtree('pkg'); os.symlink('/etc', 'pkg')",
    "link to folder": (
        "os.unlink('link to folder'); os.mkdir('link to folder'); open('link to folder/a.py', 'w').write('l')"
    ),
    "names": (
        "os.mkdir('a b'); [open(os.path.join(b'a b', name), 'w').write('n\\n')"
        " for name in (b' x', b'\"q\"', b'\\\\', b'new\\nline', 'é'.encode(), b'\\xff', b'tab\\t', b'a b/b', b'-rf')"
        " if b'/' not in name]"
    ),
    "unreadable": "open('text', 'a').write('u'); os.chmod('text', 0); os.chmod('pkg/deep', 0)",
    "same content": "data = open('text').read(); os.unlink('text'); open('text', 'w').write(data); os.utime('crlf')",
}


@both_tiers
@pytest.mark.parametrize("code", EDITS.values(), ids=EDITS)
def test_the_patch_makes_the_same_tree(repository: Path, tmp_path: Path, tier: Tier, code: str) -> None:
    if tier is Tier.REDUCED and "chmod" in code:
        pytest.skip("this tier lets nobody change a mode")
    before = tree(repository)
    told = changed_by(repository, tier, code)
    assert (told.complete, told.notes) == (True, ())
    assert tree(repository) == before
    patch = git_patch(told)
    assert patch == git_patch(changed_by(repository, tier, code)) or "urandom" in code
    wanted = tmp_path / "wanted"
    shutil.copytree(repository, wanted, symlinks=True)
    subprocess.run([sys.executable, "-I", "-c", "import os\n" + code], cwd=wanted, check=True)
    for path in wanted.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | 0o600)
    if "urandom" in code:
        (wanted / "bin2").write_bytes(next(change.after.data for change in told.changed if change.path == "bin2"))
    if patch:
        apply(repository, patch, repository)
    assert tree(repository) == tree(wanted)
    assert bool(patch) == (tree(wanted) != before)


@both_tiers
def test_paths_begin_at_the_top_of_the_repository(repository: Path, tier: Tier) -> None:
    root = repository / "pkg"
    patch = git_patch(changed_by(root, tier, "open('a.py', 'a').write('more\\n'); open('n', 'w').write('n')"), "pkg/")
    apply(repository, patch, root)
    assert (root / "n").read_text() == "n"
    assert (root / "a.py").read_bytes() == FILES["pkg/a.py"] + b"more\n"


@both_tiers
def test_caches_and_the_repository_itself_are_left_out(repository: Path, tier: Tier) -> None:
    code = """
for name in ("__pycache__", ".pytest_cache", ".git/hooks", ".venv", "node_modules"):
    os.makedirs(name, exist_ok=True)
    open(name + "/post-checkout", "w").write("evil")
"""
    told = changed_by(repository, tier, code)
    assert told.changed == ()
    assert all(note.endswith("is left out.") for note in told.notes)


@both_tiers
def test_nothing_is_followed_and_nothing_blocks(repository: Path, tier: Tier, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    (repository / "out").symlink_to(tmp_path)
    code = f"""
import socket
os.mkfifo("pipe"); os.mkfifo("pkg/pipe")
if {tier is Tier.FULL}: socket.socket(socket.AF_UNIX).bind("socket")
os.symlink({str(secret)!r}, "link2"); os.symlink("loop", "loop"); os.symlink("/proc/self/fd/0", "stdin")
os.unlink("out"); os.mkdir("out"); open("out/secret", "w").write("mine")
"""
    told = changed_by(repository, tier, code)
    assert [note for note in told.notes if "pipe" in note or "socket" in note] == list(told.notes)
    assert len(told.notes) == 2 + (tier is Tier.FULL)  # elsewhere no socket can be made
    patch = git_patch(told)
    assert b"s3cret" not in patch
    assert secret.read_text() == "s3cret"
    (repository / "pkg" / "pipe").unlink(missing_ok=True)
    apply(repository, patch, repository)
    assert (repository / "out" / "secret").read_text() == "mine"


@both_tiers
@pytest.mark.parametrize(
    "code",
    [
        "os.mkdir('many'); [os.close(os.open(f'many/{i}', os.O_CREAT)) for i in range(30_000)]",
        "for _ in range(200): os.mkdir('d'); os.chdir('d')",
        "open('big', 'w').write('x' * 300_000)",
        "[open(f'b{i}', 'w').write('x' * 90_000) for i in range(9)]",
    ],
    ids=["many", "deep", "big", "much"],
)
def test_what_is_too_much_is_cut_off_and_said(repository: Path, tier: Tier, code: str) -> None:
    told = changed_by(repository, tier, code, most=200_000)
    assert not told.complete
    assert told.notes[0] == "There are more changes than are shown: a limit was met."
    assert git_patch(told).startswith(b"# There are more changes")


@both_tiers
def test_a_file_too_large_is_named(repository: Path, tier: Tier) -> None:
    told = changed_by(repository, tier, "open('big', 'w').truncate(1 << 27)\nopen('text', 'a').write('x')")
    assert [change.path for change in told.changed] == ["text"]
    assert told.notes == ("Not among the changes: big is too large, or cannot be read.",)


@both_tiers
def test_a_name_cannot_add_to_the_patch(repository: Path, tier: Tier) -> None:
    code = "os.mkfifo('x\\n--- text\\n+++ text\\n@@ -1,1 +0,0 @@\\n-base\\n')"
    patch = git_patch(changed_by(repository, tier, code))
    assert patch.count(b"\n") == 1
    assert patch.startswith(b"# ")


@namespaces_only
def test_what_still_runs_cannot_change_what_is_told(repository: Path, tier: Tier) -> None:
    code = """
if os.fork() == 0:
    os.setsid()
    while True:
        open("text", "a").write("x")
        os.unlink("text")
"""
    for _ in range(3):
        told = changed_by(repository, tier, code)
        assert told.complete
        assert {change.path for change in told.changed} <= {"text"}


@both_tiers
def test_forged_whiteouts_and_marks_are_only_the_commands_own_files(repository: Path, tier: Tier) -> None:
    code = """
for name in ("user.overlay.opaque", "user.overlay.whiteout", "user.overlay.redirect"):
    try:
        os.setxattr("pkg", name, b"y")
        os.setxattr("text", name, b"/etc/passwd")
    except OSError:
        pass
try:
    os.mknod("text2", 0o020000, 0)
except OSError:
    pass
"""
    told = changed_by(repository, tier, code)
    assert told.changed == ()


@both_tiers
def test_a_run_that_did_not_end_by_itself_tells_nothing(repository: Path, tier: Tier) -> None:
    asked = job(
        repository,
        "open('text', 'w')\nimport time; time.sleep(60)",
        changes_bytes=1 << 20,
        limits=Limits(wall_seconds=1),
    )
    completed = run(asked, tier, never)
    assert (completed.ended, completed.changes) == (Ended.WALL_LIMIT, b"")


def test_records_cut_short_are_no_changes(repository: Path) -> None:
    whole: Completed = run(job(repository, "open('n', 'w').write('n')", changes_bytes=1 << 20), Tier.REDUCED, never)
    for length in range(len(whole.changes)):
        told = changes.read(whole.changes[:length], repository)
        assert not told.complete
        assert {change.path for change in told.changed} <= {"n"}


def test_comparing_is_bounded() -> None:
    old = b"".join(b"%d\n" % (number % 7) for number in range(20_000))
    new = b"".join(b"%d\n" % (number % 5) for number in range(20_000))
    files = tuple(changes.Change(str(at), changes.Content(old), changes.Content(new)) for at in range(5))
    assert git_patch(changes.Changes(files)).count(b"diff --git") == 5
