"""Every template's own examples, run through the real machinery."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixloop.ports import Brief
from fixloop.propose.portfolio import OfflineProposer
from fixloop.propose.syntax import SyntaxView
from fixloop.propose.template import Example, Site, Template
from fixloop.propose.templates import TEMPLATES
from fixloop.records.attempt import Suspect
from fixloop.records.execution import CheckResult, Failure, Outcome
from fixloop.records.source import SourceText, splice

CASES = [pytest.param(template, example, id=f"{template.name}-{at}") for template in TEMPLATES
         for at, example in enumerate(template.examples)]  # fmt: skip
TEXTS = sorted({example.before for template in TEMPLATES for example in template.examples})


class OneFile:
    def __init__(self, text: str) -> None:
        self.source = SourceText("pkg/mod.py", text.encode())

    def read(self, path: str) -> SourceText:
        assert path == self.source.path
        return self.source

    def editable(self, path: str) -> bool:
        return path == self.source.path


def failing(example: Example) -> tuple[CheckResult, ...]:
    return (CheckResult("t.py::test", Outcome.FAILED, failure=Failure(example.exception, example.message)),)


def proposed(templates: tuple[type[Template], ...], example: Example) -> Iterator[str]:
    sources = OneFile(example.before)
    lines = range(1, sources.source.line_count + 1)
    suspects = [Suspect(sources.source.path, line, 0.5) for line in lines]
    for candidate in OfflineProposer(templates).propose(Brief(suspects, failing(example), sources, 0)):
        (edit,) = candidate.patch.files
        yield edit.apply(sources.source).text


@pytest.mark.parametrize(("template", "example"), CASES)
def test_a_template_proposes_what_its_example_says(template: type[Template], example: Example) -> None:
    assert example.after in list(proposed((template,), example))


@pytest.mark.parametrize(("template", "example"), CASES)
def test_what_a_template_proposes_is_new_distinct_and_compiles(template: type[Template], example: Example) -> None:
    check_distinct_and_valid(example, list(proposed((template,), example)))


@pytest.mark.parametrize("template", TEMPLATES[::4], ids=lambda template: template.name)
def test_what_the_library_proposes_is_new_distinct_and_compiles(template: type[Template]) -> None:
    example = template.examples[-1]
    check_distinct_and_valid(example, list(proposed(TEMPLATES, example)))


def check_distinct_and_valid(example: Example, texts: list[str]) -> None:
    assert example.before not in texts
    assert len(texts) == len(set(texts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        for text in texts:
            compile(text, "proposed", "exec")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_a_template_is_described(template: type[Template]) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", template.name)
    assert 0 < template.prior <= 1
    assert len(template.examples) >= 2
    assert (template.__doc__ or "").startswith("Undoes ")
    assert template.__module__.rpartition(".")[2] == template.name.replace("-", "_")


def test_names_are_unique() -> None:
    names = [template.name for template in TEMPLATES]
    assert len(names) == len(set(names))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3), st.sampled_from(["\n", "\r\n"]), st.data())
def test_every_rewrite_applies_cleanly(texts: list[str], newline: str, data: st.DataObject) -> None:
    text = "\n".join(texts).replace("\n", newline)
    view = SyntaxView(SourceText("mod.py", text.encode()))
    example = data.draw(st.sampled_from([example for template in TEMPLATES for example in template.examples]))
    site = Site(view, failing(example))
    for nodes in view.nodes_by_line.values():
        for node in nodes:
            for template in TEMPLATES:
                if isinstance(node, template.visits):
                    for rewrite in template.rewrites(node, site):
                        assert 0 < rewrite.weight <= 1
                        edits = tuple(sorted(rewrite.edits))
                        assert all(edit.span.end <= len(text) for edit in edits)
                        assert all(a.span.end <= b.span.start for a, b in pairwise(edits))
                        assert newline == "\n" or "\n" not in splice(text, edits).replace("\r\n", "")
