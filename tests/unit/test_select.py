"""Which checks a request is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixloop.evaluate.project import is_source, patterns_of_tests, project_root
from fixloop.evaluate.select import BadTarget, NothingBelongs, parse_target, select
from fixloop.evaluate.sources import WorkspaceSources

FILES = {
    "pyproject.toml": "[tool.pytest.ini_options]\npython_files = ['test_*.py', 'check_*.py']\n",
    "README.md": "",
    "shop/__init__.py": "from shop.cart import Cart\n",
    "shop/cart.py": "from . import money\n",
    "shop/money.py": "",
    "shop/lonely.py": "",
    "tests/__init__.py": "",
    "tests/helpers.py": "import shop.money\n",
    "tests/test_money.py": "from shop import money\n",
    "tests/test_cart.py": "import shop\n",
    "tests/check_helped.py": "from . import helpers\n",
    "tests/test_other.py": "import json\n",
    "oddly_named.py": "def test_it():\n    pass\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        file = tmp_path / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (tmp_path / "outside.py").write_text("")
    (tmp_path / "project" / "link.py").symlink_to(tmp_path / "outside.py")
    return tmp_path / "project"


@pytest.mark.parametrize(
    ("target", "targets"),
    [
        ("tests/test_cart.py", ("tests/test_cart.py",)),
        ("tests/test_cart.py::test_a[x::y]", ("tests/test_cart.py::test_a[x::y]",)),
        ("tests", ("tests",)),
        ("oddly_named.py", ("oddly_named.py",)),
        ("shop/money.py", ("tests/test_money.py", "tests/check_helped.py", "tests/test_cart.py")),
        ("shop/cart.py", ("tests/test_cart.py", "tests/check_helped.py", "tests/test_money.py")),
        ("shop/lonely.py", ()),
        (".", ()),
    ],
)
def test_a_target_becomes_pytest_arguments(root: Path, target: str, targets: tuple[str, ...]) -> None:
    sources = WorkspaceSources(root, {})
    assert select([parse_target(target, root, root)], root, sources).targets == targets


def test_a_scope_that_fell_back_to_the_whole_suite_says_so(root: Path) -> None:
    selection = select([parse_target("shop/lonely.py", root, root)], root, WorkspaceSources(root, {}))
    assert selection.scope == "the whole suite, since no test file imports shop/lonely.py"


def test_a_caller_may_refuse_to_fall_back(root: Path) -> None:
    with pytest.raises(NothingBelongs, match=r"No test file imports shop/lonely\.py"):
        select([parse_target("shop/lonely.py", root, root)], root, WorkspaceSources(root, {}), fall_back=False)


def test_targets_are_read_from_where_the_user_stands(root: Path) -> None:
    assert parse_target("test_cart.py::test_a", root / "tests", root).path == "tests/test_cart.py"


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("tests/test_nothing.py", "does not exist"),
        ("README.md", "is not a Python file"),
        ("../outside.py", "is outside the workspace"),
        ("link.py", "is outside the workspace"),
        ("/dev/null", "is outside the workspace"),
    ],
)
def test_a_bad_target_is_refused_in_a_sentence(root: Path, target: str, says: str) -> None:
    with pytest.raises(BadTarget, match=says):
        parse_target(target, root, root)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("shop/cart.py", True),
        ("src/shop/cart.py", True),
        ("shop/testing.py", True),
        ("tests/test_cart.py", False),
        ("tests/helpers.py", False),
        ("shop/test/data.py", False),
        ("shop/cart_test.py", False),
        ("conftest.py", False),
        ("setup.py", False),
        ("pyproject.toml", False),
        (".venv/lib/thing.py", False),
        ("shop.egg-info/x.py", False),
    ],
)
def test_only_sources_may_be_changed(path: str, expected: bool) -> None:
    assert is_source(path, ("test_*.py", "*_test.py")) is expected


@pytest.mark.parametrize(
    ("file", "text", "patterns"),
    [
        ("pytest.ini", "[pytest]\npython_files = spec_*.py check.py\n", ("spec_*.py", "check.py")),
        ("setup.cfg", "[tool:pytest]\npython_files =\n  a.py\n  b.py\n", ("a.py", "b.py")),
        ("tox.ini", "[pytest]\npython_files = t.py", ("t.py",)),
        ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = 'x.py y.py'", ("x.py", "y.py")),
        ("pyproject.toml", "not = [toml", ("test_*.py", "*_test.py")),
        ("pytest.ini", "no section", ("test_*.py", "*_test.py")),
    ],
)
def test_test_files_are_what_the_project_says(tmp_path: Path, file: str, text: str, patterns: tuple[str, ...]) -> None:
    (tmp_path / file).write_text(text)
    assert patterns_of_tests(tmp_path) == patterns


def test_the_root_is_the_nearest_project_below_the_ceiling(root: Path, tmp_path: Path) -> None:
    assert project_root(root / "tests") == root
    assert project_root(tmp_path, tmp_path) == tmp_path
    (root / "tests" / "pytest.ini").write_text("")
    assert project_root(root / "tests", root) == root
    (root / "tests" / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    assert project_root(root / "tests", root) == root / "tests"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "pytest.ini").write_text("")
    assert project_root(tmp_path / "tests") == tmp_path / "tests"


def test_a_package_belongs_to_the_project_that_holds_its_settings(tmp_path: Path) -> None:
    package = tmp_path / "packages" / "a"
    (package / "tests").mkdir(parents=True)
    (package / "pyproject.toml").write_text("[project]\nname = 'a'\n")
    (tmp_path / "pytest.ini").write_text("")
    assert project_root(package / "tests") == package  # no repository holds the two together
    (tmp_path / ".git").mkdir()
    assert project_root(package / "tests") == tmp_path
    assert project_root(package / "tests", package) == package
    (package / ".venv").mkdir()
    (package / ".venv" / "pyvenv.cfg").write_text("")
    assert project_root(package / "tests") == package
