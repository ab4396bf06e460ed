"""What an environment may make readable: one line a case."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixloop.evaluate.exposure import expose

CODE, EMPTY, ENVIRONMENT, INSTALLATION = ("one.py",), (), ("pyvenv.cfg",), ("lib/python3.12/os.py",)

ALLOWED = (
    ("work/lib", CODE),
    ("work/lib", ("package/one.py",)),
    ("work/lib", ("name/space/one.so",)),
    ("work/packages/site-packages", EMPTY),
    (".local/share/uv/python/cpython-3.12", INSTALLATION),
    (".local/lib/python3.12/site-packages", EMPTY),
    (".local/pipx/venvs/one", ENVIRONMENT),
    (".cache/pypoetry/virtualenvs/one", ENVIRONMENT),
    (".pyenv/versions/3.12.1", INSTALLATION),
    (".virtualenvs/one/lib", CODE),
    ("work/.venv/lib/python3.12/site-packages", CODE),
    ("miniconda3", INSTALLATION),
    (".unknown/one", ENVIRONMENT),
    (".unknown/python", INSTALLATION),
)
REFUSED = (
    (".", CODE, "everything"),
    ("..", CODE, "everything"),
    (".ssh", CODE, "keys"),
    (".ssh/python", INSTALLATION, "keys"),
    (".config/app", CODE, "keys"),
    (".aws", ENVIRONMENT, "keys"),
    ("Library/Keychains", CODE, "keys"),
    (".local", INSTALLATION, "keys"),
    (".local/share", CODE, "keys"),
    (".local/share/keyrings", CODE, "keys"),
    (".cache", CODE, "keys"),
    (".cache/mozilla", CODE, "hidden"),
    (".unknown", CODE, "hidden"),
    (".unknown/one/src", CODE, "hidden"),
    (".pyenv/.secret", CODE, "hidden"),
    ("documents", EMPTY, "no Python code"),
    ("documents", ("letter.txt",), "no Python code"),
    ("documents", (".hidden/one.py",), "no Python code"),
    ("documents", ("a/b/c/d/e/one.py",), "no Python code"),
)


def made(home: Path, name: str, files: tuple[str, ...]) -> Path:
    folder = home / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "people" / "someone"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(("name", "files"), ALLOWED)
def test_python_and_its_code_are_shown(home: Path, name: str, files: tuple[str, ...]) -> None:
    folder = made(home, name, files)
    assert expose([folder, folder], home / "workspace", {"HOME": str(home)}).shown == (folder,)


@pytest.mark.parametrize(("name", "files", "why"), REFUSED)
def test_everything_else_is_not(home: Path, name: str, files: tuple[str, ...], why: str) -> None:
    folder = made(home, name, files)
    result = expose([folder], home / "workspace", {"HOME": str(home)})
    assert result.shown == ()
    assert [why in str(refusal) for refusal in result.refused] == [True], result


@pytest.mark.parametrize("path", ["/", "/etc", "/etc/ssl", "/proc/self", "/sys", "/dev", "/home", "/root"])
def test_the_systems_own_is_not(home: Path, path: str) -> None:
    assert expose([Path(path)], home, {"HOME": str(home)}).shown == ()


def test_a_link_is_judged_by_where_it_leads(home: Path) -> None:
    (home / "site-packages").symlink_to(made(home, ".ssh", CODE))
    assert expose([home / "site-packages"], home / "workspace", {"HOME": str(home)}).shown == ()


def test_the_workspace_is_visible_anyway(home: Path) -> None:
    folder = made(home, "workspace/.hidden", EMPTY)
    assert expose([folder], home / "workspace", {"HOME": str(home)}).shown == (folder,)


def test_what_does_not_exist_is_not_told(home: Path) -> None:
    assert expose([home / "gone"], home / "workspace", {"HOME": str(home)}) == expose([], home, {})
