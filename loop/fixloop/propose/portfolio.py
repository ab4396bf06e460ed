"""The offline repair engine: every template at every suspect, ranked.

Reads texts through the brief and nothing else, runs nothing, and decides nothing: it only says what to try first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from fixloop.ports import Brief, Sources, Unreadable
from fixloop.propose.summary import summarise
from fixloop.propose.syntax import SyntaxView, Unparsable
from fixloop.propose.template import Rewrite, Site, Template
from fixloop.propose.templates import TEMPLATES
from fixloop.propose.units import Units
from fixloop.records.attempt import Candidate, Provenance, Suspect
from fixloop.records.execution import CheckResult
from fixloop.records.source import Edit, FileEdit, Patch, UndecodableSource

_SOURCE_ROOTS = ("src", "lib")
_HALF_SIZE = 200  # changed characters at which the small-edit preference has lost half of its say
_SMALL_EDIT_SAY = 0.2


@dataclass(frozen=True)
class _Proposal:
    """A rewrite on its way to being a candidate."""

    rank: float
    path: str
    edits: tuple[Edit, ...]
    template: str
    suspect: Suspect

    @property
    def order(self) -> tuple[float, str, int, str, tuple[Edit, ...]]:
        return (-self.rank, self.path, self.edits[0].span.start, self.template, self.edits)


class OfflineProposer:
    """Suspects times templates, by suspiciousness, prior, weight and smallness. Needs no model and no network.

    The order is fully determined by the brief's texts, suspects and failures; its seed is not needed.
    """

    def __init__(self, templates: Sequence[type[Template]] = TEMPLATES) -> None:
        self._templates = tuple(templates)
        self._visitors: dict[type[cst.CSTNode], tuple[type[Template], ...]] = {}

    def propose(self, brief: Brief) -> Iterator[Candidate]:
        """Distinct candidates that compile, best first. Files that cannot be read or parsed yield none."""
        views = _views(brief)
        elsewhere = _elsewhere(brief, views)
        proposals = [
            proposal
            for path, view in views.items()
            if brief.sources.editable(path)
            for proposal in self._in_file(
                Site(view, brief.failures, _without(elsewhere, path)), [at for at in brief.suspects if at.path == path]
            )
        ]
        proposals.sort(key=lambda proposal: proposal.order)
        return _candidates(proposals, views)

    def _in_file(self, site: Site, suspects: Iterable[Suspect]) -> Iterator[_Proposal]:
        for node, suspect in _suspect_nodes(site.view, suspects).items():
            for template in self._for(type(node)):
                for rewrite in template.rewrites(node, site):
                    edits = tuple(sorted(edit for edit in rewrite.edits if _changes(edit, site.view)))
                    if edits:
                        rank = suspect.score * template.prior * rewrite.weight * _smallness(rewrite)
                        yield _Proposal(rank, site.view.source.path, edits, template.name, suspect)

    def _for(self, kind: type[cst.CSTNode]) -> tuple[type[Template], ...]:
        cached = self._visitors.get(kind)
        if cached is None:
            cached = tuple(template for template in self._templates if issubclass(kind, template.visits))
            self._visitors[kind] = cached
        return cached


def _candidates(proposals: Iterable[_Proposal], views: Mapping[str, SyntaxView]) -> Iterator[Candidate]:
    units = {path: Units(view) for path, view in views.items()}
    seen: set[tuple[str, frozenset[tuple[int, int]]]] = set()
    for proposal in proposals:
        edited = units[proposal.path].edited(proposal.edits)
        key = (proposal.path, frozenset((unit.start, hash(unit.text)) for unit in edited))
        if key in seen:
            continue
        seen.add(key)
        if units[proposal.path].compile_all(proposal.edits, edited):
            source = views[proposal.path].source
            yield Candidate(
                Patch((FileEdit(proposal.path, source.sha256, proposal.edits),)),
                (Provenance("template", proposal.template),),
                proposal.suspect,
                proposal.rank,
                summarise(source, proposal.edits),
            )


def _suspect_nodes(view: SyntaxView, suspects: Iterable[Suspect]) -> Mapping[cst.CSTNode, Suspect]:
    """The nodes on suspect lines, each with the most suspicious of its lines."""
    found: dict[cst.CSTNode, Suspect] = {}
    for suspect in sorted(suspects, key=lambda at: (-at.score, at.line)):
        for node in view.nodes_by_line.get(suspect.line, ()):
            found.setdefault(node, suspect)
    return found


def _changes(edit: Edit, view: SyntaxView) -> bool:
    return view.slice(edit.span) != edit.replacement


def _smallness(rewrite: Rewrite) -> float:
    """Near 1 for a change of few characters; never less than 1 minus the preference's say."""
    size = sum(edit.span.end - edit.span.start + len(edit.replacement) for edit in rewrite.edits)
    return 1.0 - _SMALL_EDIT_SAY * size / (size + _HALF_SIZE)


def _views(brief: Brief) -> Mapping[str, SyntaxView]:
    paths = dict.fromkeys([*(suspect.path for suspect in brief.suspects), *_imported_from(brief.failures)])
    views = ((path, _view(brief.sources, path)) for path in paths)
    return {path: view for path, view in views if view is not None}


def _view(sources: Sources, path: str) -> SyntaxView | None:
    try:
        return SyntaxView(sources.read(path))
    except (Unreadable, UndecodableSource, Unparsable):
        return None


def _imported_from(failures: Sequence[CheckResult]) -> Iterator[str]:
    """Files that the failures passed through, where a name that is missing may be defined."""
    for result in failures:
        if result.failure and result.failure.exception in {"NameError", "ImportError"}:
            yield from (frame.path for frame in result.failure.frames)


def _elsewhere(brief: Brief, views: Mapping[str, SyntaxView]) -> Mapping[str, tuple[str, ...]]:
    """Name -> dotted modules that define it, from the files that the brief speaks of and may be imported."""
    found: dict[str, tuple[str, ...]] = {}
    for path, view in views.items():
        if brief.sources.editable(path):
            for name in view.vocabulary.callables:
                found[name] = (*found.get(name, ()), _dotted(path))
    return found


def _without(elsewhere: Mapping[str, tuple[str, ...]], path: str) -> Mapping[str, tuple[str, ...]]:
    own = _dotted(path)
    return {name: rest for name, homes in elsewhere.items() if (rest := tuple(home for home in homes if home != own))}


def _dotted(path: str) -> str:
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    return ".".join(parts[1:] if len(parts) > 1 and parts[0] in _SOURCE_ROOTS else parts)
