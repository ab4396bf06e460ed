"""What may be granted, and who may say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixloop.evaluate.grants import BadGrant, in_force
from fixloop.records.settings import Grants

FILE = """
[[workspace]]
path = "{root}"
allow-read = ["{data}"]
allow-ports = [5432]
allow-env = ["DATABASE_URL"]

[[workspace]]
path = "/another"
allow-ports = [80]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("work", "data", "home/.config/fixloop"):
        (tmp_path / name).mkdir(parents=True)
    return (tmp_path / "work").resolve()


@pytest.fixture
def environ(root: Path) -> dict[str, str]:
    return {"HOME": str(root.parent / "home"), "DATABASE_URL": "s3cret"}


def configure(root: Path, text: str) -> Path:
    file = root.parent / "home/.config/fixloop/config.toml"
    file.write_text(text.format(root=root, data=root.parent / "data"))
    return file


def test_nothing_is_granted_by_itself(root: Path, environ: dict[str, str]) -> None:
    assert in_force(Grants(), root, environ) == Grants()


def test_the_users_file_counts_for_the_workspace_that_it_names(root: Path, environ: dict[str, str]) -> None:
    configure(root, FILE)
    given = Grants((root.parent / "data",), (5432,), ("DATABASE_URL",))
    assert in_force(Grants(), root, environ) == given
    assert in_force(Grants(ports=(1, 5432)), root, environ).ports == (1, 5432)
    (root / "vendored").mkdir()
    assert in_force(Grants(), root / "vendored", environ) == Grants()


def test_the_file_is_found_where_the_user_keeps_settings(root: Path, environ: dict[str, str]) -> None:
    file = configure(root, FILE)
    elsewhere = root.parent / "settings"
    file.parent.rename(elsewhere)
    assert in_force(Grants(), root, environ) == Grants()
    (root.parent / "xdg").mkdir()
    elsewhere.rename(root.parent / "xdg" / "fixloop")
    assert in_force(Grants(), root, {**environ, "XDG_CONFIG_HOME": str(root.parent / "xdg")}).ports == (5432,)
    assert in_force(Grants(), root, {**environ, "XDG_CONFIG_HOME": "xdg"}) == Grants()  # relative to what?


@pytest.mark.parametrize("by_link", [False, True])
def test_a_workspace_grants_nothing_to_itself(root: Path, environ: dict[str, str], by_link: bool) -> None:
    folder = root / "fixloop"
    folder.mkdir()
    (folder / "config.toml").write_text(FILE.format(root=root, data="/etc"))
    place = root
    if by_link:
        place = root.parent / "xdg"
        place.mkdir()
        (place / "fixloop").symlink_to(folder)
    with pytest.raises(BadGrant, match=r"lies inside the workspace .*, which may not grant anything to itself"):
        in_force(Grants(), root, {**environ, "XDG_CONFIG_HOME": str(place)})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[workspace", "is not valid TOML"),
        ("workspace = 1", "write each workspace as a table"),
        ("[workspace]\npath = '/x'", "write each workspace as a table"),
        ("[[workspaces]]\n", "the file has no setting 'workspaces', only workspace"),
        ("[[workspace]]\n", "a workspace needs its path"),
        ("[[workspace]]\npath = 'x'\n", "x is not a whole path"),
        ("[[workspace]]\npath = '/x'\nallow-network = true", "has no setting 'allow-network'"),
        ("[[workspace]]\npath = '/x'\nallow-ports = [true]", "allow-ports must be a list of numbers"),
        ("[[workspace]]\npath = '/x'\nallow-ports = 5432", "allow-ports must be a list of numbers"),
        ("[[workspace]]\npath = '/x'\nallow-read = ['data']", "data is not a whole path"),
        ("[[workspace]]\npath = '/x'\nallow-env = [1]", "allow-env must be a list of texts"),
    ],
)
def test_a_malformed_file_grants_nothing_and_runs_nothing(
    root: Path, environ: dict[str, str], text: str, said: str
) -> None:
    configure(root, text)
    with pytest.raises(BadGrant) as refused:
        in_force(Grants(), root, environ)
    assert said in str(refused.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"\0"])
def test_a_file_that_is_no_text_is_refused(root: Path, environ: dict[str, str], data: bytes) -> None:
    configure(root, "").write_bytes(data)
    with pytest.raises(BadGrant):
        in_force(Grants(), root, environ)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "it is everything"),
        ("//", "it is everything"),
        ("{home}", "it holds your whole home folder"),
        ("{home}/..", "it holds your whole home folder"),
        ("{link}", "it holds your whole home folder"),
        ("/proc", "belongs to the kernel"),
        ("/proc/self/environ", "is neither a file nor a folder|belongs to the kernel|cannot be looked at"),
        ("/sys/kernel", "belongs to the kernel"),
        ("/dev/null", "is neither a file nor a folder"),
        ("/dev/pts", "belongs to the kernel"),
        ("/run", "services of this machine"),
        ("/var/run", "services of this machine"),
        ("/var/tmp", "a private one in its place"),
        ("{home}/missing", "does not exist"),
        ("data", "give its whole path"),
    ],
)
def test_a_path_that_opens_too_much_is_refused(root: Path, environ: dict[str, str], path: str, said: str) -> None:
    link = root.parent / "link"
    link.symlink_to(environ["HOME"])
    with pytest.raises(BadGrant, match=said):
        in_force(Grants(read=(Path(path.format(home=environ["HOME"], link=link)),)), root, environ)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(root: Path, environ: dict[str, str], port: int) -> None:
    with pytest.raises(BadGrant, match="is not a port"):
        in_force(Grants(ports=(port,)), root, environ)


@pytest.mark.parametrize("name", ["TOKEN=s3cret", "", "1A", "A B", "HOME", "PATH", "TMPDIR"])
def test_what_is_no_variable_to_pass_on_is_refused(root: Path, environ: dict[str, str], name: str) -> None:
    with pytest.raises(BadGrant) as refused:
        in_force(Grants(env=(name,)), root, environ)
    assert "s3cret" not in str(refused.value)


def test_grants_are_told_without_values() -> None:
    assert Grants().words == ""
    told = Grants((Path("/a"), Path("/b")), (1, 2), ("A", "B")).words
    assert told == "reads /a, /b; reaches 127.0.0.1:1, 127.0.0.1:2; sees $A, $B"
