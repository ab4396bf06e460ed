"""Repositories that try to run something on the host, or to read a secret of it, when fixloop merely looks at them.

Judged by a marker on the host and by what the sandbox would show, never by what the repository says.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from fakes import FakeCancellation
from fixloop.assembly import Place
from fixloop.cli.texts import Texts
from fixloop.doctor import look
from fixloop.evaluate.cold import ColdEvaluator
from fixloop.evaluate.interpreter import NoInterpreter, NoSandbox, find_interpreter
from fixloop.evaluate.project import patterns_of_tests, project_root
from fixloop.evaluate.sources import WorkspaceSources
from fixloop.ports import RunRequest, Unreadable
from fixloop.records.execution import Outcome
from fixloop.sandbox.run import choose_tier
from fixloop_lsp.session import Snapshot
from projects import write


class Ground:
    """A workspace, a home with a secret, and the marker that must never appear."""

    def __init__(self, folder: Path) -> None:
        folder = folder.resolve()
        self.root, self.home, self.marker = folder / "workspace", folder / "home", folder / "marker"
        write(self.root, {"test_it.py": "def test_it(): pass\n"})
        write(self.home, {".ssh/id_rsa": "secret", ".config/app/token": "secret", "tool.py": "", "work/lib/one.py": ""})
        self.environ = {"HOME": str(self.home), "PATH": os.environ["PATH"]}

    @property
    def python_code(self) -> str:
        """Leaves the marker where it can."""
        return f"open({str(self.marker)!r}, 'w')"

    def script(self, file: Path, answer: object = None) -> Path:
        """A program that leaves the marker, then answers as an interpreter would."""
        file.parent.mkdir(parents=True, exist_ok=True)
        told = json.dumps(answer or {})
        file.write_text(f"#!/bin/sh\necho x > {self.marker}\necho '{told}' >&4\necho '{told}'\n")
        file.chmod(0o755)
        return file

    def environment(self, folder: Path) -> Path:
        """Make a real one; returns its site-packages."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        return next((folder / "lib").glob("python*/site-packages"))


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def pdm_names_a_script(ground: Ground) -> None:
    (ground.root / ".pdm-python").write_text(f"{ground.script(ground.root / 'tools' / 'python')}\n")


def pdm_names_a_script_by_a_link_elsewhere(ground: Ground) -> None:
    """The name lies outside, as in a folder that a user unpacked; what it leads to does not."""
    ground.script(ground.root / "tools" / "python3")
    (ground.home / "python3").symlink_to(ground.root / "tools" / "python3")
    (ground.root / ".pdm-python").write_text(str(ground.home / "python3"))


def pdm_names_a_script_elsewhere(ground: Ground) -> None:
    (ground.root / ".pdm-python").write_text(str(ground.script(ground.home / "python3")))


def environment_with_a_script(ground: Ground) -> None:
    ground.script(ground.root / ".venv" / "bin" / "python")
    (ground.root / ".venv" / "pyvenv.cfg").write_text(f"home = {ground.home}\n")


def environment_with_an_import_line(ground: Ground) -> None:
    (ground.environment(ground.root / ".venv") / "evil.pth").write_text(f"import os; {ground.python_code}\n")


def environment_with_sitecustomize(ground: Ground) -> None:
    (ground.environment(ground.root / ".venv") / "sitecustomize.py").write_text(ground.python_code)


def environment_over_a_base_of_the_workspace(ground: Ground) -> None:
    ground.environment(ground.root / ".venv")
    (ground.root / ".venv" / "bin" / "python").unlink()
    (ground.root / ".venv" / "bin" / "python").symlink_to(ground.script(ground.root / "base" / "bin" / "python3"))
    (ground.root / ".venv" / "pyvenv.cfg").write_text(f"home = {ground.root / 'base' / 'bin'}\n")


def environment_of_the_repository_above(ground: Ground) -> None:
    (ground.root / ".git").mkdir()
    environment_with_an_import_line(ground)
    ground.root = ground.root / "package"
    write(ground.root, {"pyproject.toml": "", "test_it.py": "def test_it(): pass\n"})


def users_environment_that_imports_the_workspace(ground: Ground) -> None:
    """As an editable install does; ``site`` looks for sitecustomize there, too."""
    packages = ground.environment(ground.home / ".virtualenvs" / "one")
    (packages / "one.pth").write_text(f"{ground.root}\nimport evil\n")
    write(ground.root, {"sitecustomize.py": ground.python_code, "evil.py": ground.python_code})
    ground.environ["VIRTUAL_ENV"] = str(ground.home / ".virtualenvs" / "one")


def activated_environment_of_the_workspace(ground: Ground) -> None:
    (ground.environment(ground.root / "other") / "evil.pth").write_text(f"import os; {ground.python_code}\n")
    ground.environ["VIRTUAL_ENV"] = str(ground.root / "other")


def first_on_the_path(ground: Ground) -> None:
    for name in ("python3", "python", "nvim", "bash", "dirname"):
        ground.script(ground.root / "bin" / name)
    ground.environ["PATH"] = f"{ground.root / 'bin'}{os.pathsep}{ground.environ['PATH']}"


def shim_that_takes_a_program_of_the_workspace(ground: Ground) -> None:
    """A shim of the user's, and a program that it calls by name."""
    first_on_the_path(ground)
    shims = ground.home / ".pyenv" / "shims"
    write(shims, {"python3": f'#!/bin/sh\ndirname {shims}\nexec {sys.executable} "$@"\n'})
    (shims / "python3").chmod(0o755)
    ground.environ["PATH"] = f"{shims}{os.pathsep}{ground.environ['PATH']}"


def poetry_name_that_leads_back(ground: Ground) -> None:
    digest = base64.urlsafe_b64encode(hashlib.sha256(os.path.normcase(ground.root).encode()).digest()).decode()[:8]
    ground.script(ground.root / f"evil-{digest}-py3.12" / "bin" / "python")
    (ground.home / ".cache" / "pypoetry" / "virtualenvs").mkdir(parents=True)
    name = "../../../../workspace/evil"
    (ground.root / "pyproject.toml").write_text(f'[tool.poetry]\nname = "{name}"\n')


ATTACKS: tuple[Callable[[Ground], None], ...] = (
    pdm_names_a_script,
    pdm_names_a_script_by_a_link_elsewhere,
    pdm_names_a_script_elsewhere,
    environment_with_a_script,
    environment_with_an_import_line,
    environment_with_sitecustomize,
    environment_over_a_base_of_the_workspace,
    environment_of_the_repository_above,
    users_environment_that_imports_the_workspace,
    activated_environment_of_the_workspace,
    first_on_the_path,
    shim_that_takes_a_program_of_the_workspace,
    poetry_name_that_leads_back,
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_looking_at_a_repository_runs_nothing_on_the_host(ground: Ground, attack: Callable[[Ground], None]) -> None:
    attack(ground)
    with suppress(NoInterpreter, NoSandbox):
        find_interpreter(ground.root, None, ground.environ)
    list(look(ground.root, None, ground.environ))
    assert not ground.marker.exists()


def shown(ground: Ground) -> str:
    """Which secrets the sandbox would show."""
    try:
        found = find_interpreter(ground.root, None, ground.environ)
    except NoInterpreter:
        return ""
    secrets = (ground.home / ".ssh" / "id_rsa", ground.home / ".config" / "app" / "token")
    visible = [Path(os.path.realpath(path)) for path in found.prefixes]
    return " ".join(str(secret) for secret in secrets if any(secret.is_relative_to(path) for path in visible))


@pytest.mark.parametrize("named", ["{home}", "{home}/.ssh", "{home}/.config", "{home}/.config/app", "{home}/..", "/"])
@pytest.mark.parametrize("how", ["entry", "finder", "link"])
def test_an_environment_cannot_make_secrets_readable(ground: Ground, how: str, named: str) -> None:
    named = named.format(home=ground.home)
    packages = ground.environment(ground.root / ".venv")
    if how == "entry":
        (packages / "one.pth").write_text(f"{named}\n")
    elif how == "link":
        (packages / "one").symlink_to(named)
        (packages / "one.pth").write_text("one\n")
    else:
        finder = "import sys\nclass Finder:\n    def find_spec(*_): return None\nsys.meta_path.append(Finder())\n"
        write(packages, {"__editable___one_finder.py": f"MAPPING = {{'one': {named!r}}}\n{finder}"})
        (packages / "__editable__.one.pth").write_text("import __editable___one_finder\n")
    found = find_interpreter(ground.root, None, ground.environ)
    assert found.origin == "the project's .venv"
    assert shown(ground) == ""
    assert any(str(named if how != "link" else packages / "one") in note for note in found.notes), found.notes


@pytest.mark.parametrize("home", [".ssh", ".", ".config/app/bin"])
def test_a_base_cannot_make_secrets_readable(ground: Ground, home: str) -> None:
    ground.environment(ground.root / ".venv")
    (ground.root / ".venv" / "pyvenv.cfg").write_text(f"home = {ground.home / home}\n")
    assert shown(ground) == ""


@pytest.mark.parametrize("target", [".ssh/id_rsa", ".ssh/python3"])
def test_a_link_cannot_make_secrets_readable(ground: Ground, target: str) -> None:
    secret = ground.home / target
    secret.touch()
    secret.chmod(0o755)
    ground.environment(ground.root / ".venv")
    (ground.root / ".venv" / "bin" / "python").unlink()
    (ground.root / ".venv" / "bin" / "python").symlink_to(secret)
    assert shown(ground) == ""


def forged(ground: Ground) -> Mapping[str, object]:
    places = [str(ground.home), str(ground.home / ".ssh"), "/", "relative", "nul\0"]
    return {"version": "3.12.0", "prefixes": places, "path": places, "user": places[1], "editable": places} | {
        "packages": ["pytest", "evil"]
    }


def test_a_forged_answer_cannot_make_secrets_readable(ground: Ground) -> None:
    python = ground.script(ground.root / "python", forged(ground))
    (ground.root / ".pdm-python").write_text(str(python))
    found = find_interpreter(ground.root, None, ground.environ)
    assert (found.path, found.origin) == (python, ".pdm-python")  # it answered, and was heard
    assert (found.packages, found.sys_path) == ({"pytest"}, ())
    assert shown(ground) == ""
    assert not ground.marker.exists()


@pytest.mark.parametrize(
    "answer", [[], 3, {"version": 3}, {"version": "3.12", "prefixes": [{}], "path": [], "user": "", "editable": []}]
)
def test_a_malformed_answer_is_no_answer(ground: Ground, answer: object) -> None:
    python = ground.script(ground.root / "python", answer)
    with pytest.raises(NoInterpreter, match="does not run as a Python interpreter"):
        find_interpreter(ground.root, str(python), ground.environ)


def test_what_is_refused_is_told_with_the_result(ground: Ground) -> None:
    packages = ground.environment(ground.root / ".venv")
    (packages / "one.pth").write_text(f"{Path(pytest.__file__).parents[1]}\n{ground.home / '.ssh'}\n")
    secret = ground.home / ".ssh" / "id_rsa"
    write(ground.root, {"test_it.py": f"import os\ndef test_it(): assert not os.path.exists({str(secret)!r})\n"})
    environ = {**ground.environ, "PYTHONPATH": str(ground.home)}
    sources = WorkspaceSources(ground.root, {})
    interpreter = find_interpreter(ground.root, None, environ)
    tier = choose_tier().tier
    cold = ColdEvaluator(ground.root, {}, sources, interpreter, tier, FakeCancellation(), environ, workers=1)
    execution = cold.run(RunRequest((), wall_seconds=60, check_seconds=30, lean=True))
    assert [result.outcome for result in execution.results] == [Outcome.PASSED], execution
    told = [note for note in execution.notes if "--allow-read" in note]
    assert [note.split()[0] for note in told] == [str(ground.home / ".ssh"), str(ground.home)]
    said = [item.detail for item in look(ground.root, None, environ) if item.name == "not readable"]
    assert len(said) == 1


@pytest.mark.parametrize("path", ["link.py", "folder/id_rsa", "../home/.ssh/id_rsa", "{home}/.ssh/id_rsa"])
def test_texts_outside_the_workspace_are_never_read(ground: Ground, path: str) -> None:
    (ground.root / "link.py").symlink_to(ground.home / ".ssh" / "id_rsa")
    (ground.root / "folder").symlink_to(ground.home / ".ssh")
    path = path.format(home=ground.home)
    for read in (WorkspaceSources(ground.root, {}).read, Texts(Place(ground.root)).read):
        with pytest.raises(Unreadable, match="cannot be read"):
            read(path)
    assert Snapshot({}).source(ground.root, path) is None


@pytest.mark.parametrize("target", ["/dev/zero", "pipe"])
def test_settings_that_never_end_are_not_read(ground: Ground, target: str) -> None:
    os.mkfifo(ground.root / "pipe")
    for name in ("pytest.ini", "pyproject.toml", "setup.cfg", "tox.ini", ".pdm-python", "code.py"):
        (ground.root / name).symlink_to(target)
    assert project_root(ground.root) == ground.root
    assert patterns_of_tests(ground.root) == ("test_*.py", "*_test.py")
    assert find_interpreter(ground.root, None, ground.environ).origin != ".pdm-python"
    with pytest.raises(Unreadable):
        WorkspaceSources(ground.root, {}).read("code.py")
