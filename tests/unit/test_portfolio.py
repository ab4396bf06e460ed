"""The order, the distinctness and the limits of what the offline proposer names."""

from __future__ import annotations

from textwrap import dedent

import pytest

from fixloop.ports import Brief, Unreadable
from fixloop.propose.portfolio import OfflineProposer
from fixloop.records.attempt import Candidate, Suspect
from fixloop.records.execution import CheckResult, Failure, Frame, Outcome
from fixloop.records.source import SourceText

CODE = """\
LIMIT = 9

def clamp(value, low, high):
    if value < low:
        return low
    if value > high:
        return low
    return value
"""


class Files:
    def __init__(self, read_only: tuple[str, ...] = (), **texts: str | bytes) -> None:
        self.read_only = read_only
        self.files = {
            f"{name}.py": text if isinstance(text, bytes) else dedent(text).encode() for name, text in texts.items()
        }

    def read(self, path: str) -> SourceText:
        if path not in self.files:
            raise Unreadable(f"{path}: no such file")
        return SourceText(path, self.files[path])

    def editable(self, path: str) -> bool:
        return path not in self.read_only


def propose(files: Files, *suspects: Suspect, failure: Failure | None = None, seed: int = 0) -> list[Candidate]:
    broken = (CheckResult("t.py::t", Outcome.FAILED, failure=failure or Failure("AssertionError", "assert 1 == 2")),)
    return list(OfflineProposer().propose(Brief(suspects, broken, files, seed)))


def after(files: Files, candidate: Candidate) -> str:
    (edit,) = candidate.patch.files
    return edit.apply(files.read(edit.path)).text


def test_candidates_come_best_first_and_once() -> None:
    files = Files(mod=CODE)
    found = propose(files, Suspect("mod.py", 7, 0.9), Suspect("mod.py", 6, 0.4))
    ranks = [candidate.rank for candidate in found]
    assert ranks == sorted(ranks, reverse=True)
    texts = [after(files, candidate) for candidate in found]
    assert len(texts) == len(set(texts))
    assert CODE not in texts
    assert CODE.replace("high:\n        return low", "high:\n        return high") in texts[:30]


def test_the_more_suspicious_line_comes_first() -> None:
    files = Files(mod=CODE)
    for lines in ((4, 6), (6, 4)):
        found = propose(files, *(Suspect("mod.py", line, score) for line, score in zip(lines, (1.0, 0.1), strict=True)))
        assert found[0].suspect.line == lines[0]


def test_the_same_brief_gives_the_same_candidates() -> None:
    suspects = [Suspect("mod.py", line, 0.5) for line in range(1, 9)]
    assert propose(Files(mod=CODE), *suspects) == propose(Files(mod=CODE), *reversed(suspects), seed=7)


def test_lines_of_modules_classes_and_decorators_count() -> None:
    files = Files(mod="LIMIT = 9\n\nclass Box:\n    size: int = 0\n\n    @wraps(min)\n    def f(self): ...\n")
    texts = [after(files, at) for at in propose(files, *(Suspect("mod.py", line, 1.0) for line in (1, 4, 6)))]
    for changed in ("LIMIT = 10\n", "size: int = 1\n", "@wraps(max)\n"):
        assert any(changed in text for text in texts)


def test_only_editable_files_are_changed() -> None:
    files = Files(read_only=("test_mod.py",), mod=CODE, test_mod="assert 1 < 2\n")
    found = propose(files, Suspect("test_mod.py", 1, 1.0), Suspect("mod.py", 4, 0.5))
    assert found
    assert {path for candidate in found for path in candidate.patch.paths} == {"mod.py"}


@pytest.mark.parametrize("bad", ["def f(:\n", b"\xff\xfe", b"# coding: latin-1\n\x00", b"# coding: nonsense\nx = 1\n"])
def test_a_file_that_is_not_python_yields_nothing(bad: str | bytes) -> None:
    files = Files(bad=bad, mod=CODE)
    suspects = [Suspect("bad.py", 1, 1.0), Suspect("gone.py", 1, 1.0), Suspect("mod.py", 4, 0.5)]
    assert {candidate.suspect.path for candidate in propose(files, *suspects)} == {"mod.py"}
    assert propose(files, *suspects[:2]) == []


def test_a_line_beyond_the_file_yields_nothing() -> None:
    assert propose(Files(mod=CODE), Suspect("mod.py", 400, 1.0), Suspect("mod.py", 2, 1.0)) == []


def test_line_ends_and_encoding_survive() -> None:
    text = f"# coding: latin-1\n{CODE}# é\n".replace("\n", "\r\n")
    files = Files(mod=text.encode("latin-1"))
    found = propose(files, *(Suspect("mod.py", line, 0.5) for line in range(1, 10)))
    for candidate in found:
        (edit,) = candidate.patch.files
        data = edit.apply(files.read("mod.py")).data
        assert data.count(b"\r\n") == data.count(b"\n")
        assert data.endswith("# é\r\n".encode("latin-1"))
    assert any("return high" in after(files, at).split("value > high:\r\n")[-1] for at in found)


def test_a_candidate_says_what_it_does_and_where_it_comes_from() -> None:
    files = Files(mod=CODE)
    found = {at.summary: at for at in propose(files, Suspect("mod.py", 4, 1.0))}
    candidate = found["line 4: replace `<` by `<=`"]
    assert [(origin.proposer, origin.name) for origin in candidate.provenance] == [("template", "comparison-boundary")]
    assert candidate.patch.files[0].base_sha256 == files.read("mod.py").sha256


@pytest.mark.parametrize(
    ("bound", "rewritten"),
    [("n", {"n + 1", "n - 1"}), ("n - 1", {"n", "n - 2"}), ("n + 1", {"n", "n + 2"}), ("n // 2", {"n // 2 + 1"})],
)
def test_an_off_by_one_reads_as_a_person_would_write_it(bound: str, rewritten: set[str]) -> None:
    files = Files(mod=f"def f(xs, n):\n    return xs[:{bound}]\n")
    texts = [after(files, at) for at in propose(files, Suspect("mod.py", 2, 1.0))]
    assert {f"def f(xs, n):\n    return xs[:{text}]\n" for text in rewritten} <= set(texts)
    assert not [text for text in texts if "- 1 + 1" in text or "+ 1 - 1" in text or "- 1 - 1" in text]


def test_a_missing_name_is_imported_from_the_file_that_has_it() -> None:
    files = Files(
        a="from b import load\n\ndef run():\n    return store(load())\n", b="def load(): ...\ndef store(x): ...\n"
    )
    failure = Failure("NameError", "name 'store' is not defined", (Frame("b.py", 1, "load"), Frame("a.py", 4, "run")))
    found = propose(files, Suspect("a.py", 4, 1.0), failure=failure)
    assert after(files, found[0]).startswith("from b import load, store\n")


def test_syntax_newer_than_this_interpreter_is_still_repaired() -> None:
    files = Files(mod='def f(d, low):\n    type Row = int\n    return d > low\n')  # fmt: skip
    assert any("d >= low" in after(files, at) for at in propose(files, Suspect("mod.py", 3, 1.0)))


def test_nothing_a_reviewer_would_call_cheating_is_proposed() -> None:
    code = """\
    def read(path, seen=[]):
        try:
            for line in open(path):
                if line == "":
                    continue
                seen.append(int(line))
        except ValueError:
            return None
        return seen[len(seen)]
    """
    files = Files(mod=code)
    for failure in (
        Failure("IndexError", "list index out of range"),
        Failure("Exception", "x"),
        Failure("TypeError", ""),
    ):
        for at in propose(files, *(Suspect("mod.py", line, 1.0) for line in range(1, 10)), failure=failure):
            text = after(files, at)
            for banned in ("except:", "except Exception", "BaseException", "exit(", "skip", "def read(path): pass"):
                assert banned not in text
            assert "def read(" in text
