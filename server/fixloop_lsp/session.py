"""What the client has told and been told: its documents, its settings, and which checks fail.

Everything here is touched on the event loop alone. Work happens elsewhere, on a ``Snapshot``, and comes back as a
``Run``; what no longer fits the documents as they are now is not shown.
"""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fixloop.records.attempt import Suspect
from fixloop.records.execution import CheckResult, Execution, Location
from fixloop.records.settings import Settings
from fixloop.records.source import SourceText, UndecodableSource
from fixloop_lsp import convert

_INSTALLED = frozenset({"site-packages", "dist-packages"})


@dataclass(frozen=True)
class Document:
    """An open Python file. ``path`` is as the client names it, ``real`` with its links resolved."""

    uri: str
    path: Path
    real: Path
    version: int | None
    text: str


@dataclass(frozen=True)
class Snapshot:
    """The open documents at one moment."""

    documents: Mapping[str, Document]

    def overlay(self, root: Path) -> dict[str, bytes]:
        """The buffers below ``root`` that differ from the disk, by POSIX path from it. Reads the disk."""
        found: dict[str, bytes] = {}
        for document in self.documents.values():
            if document.real.is_relative_to(root):
                on_disk = _read(document.real)
                data = encoded(document.text, on_disk)
                if data != on_disk:
                    found[document.real.relative_to(root).as_posix()] = data
        return found

    def source(self, root: Path, path: str) -> SourceText | None:
        """A file's text in this snapshot, from its buffer or the disk; None where there is neither.

        None, too, for a file outside ``root``: links of the workspace, and what tests report, may name any.
        """
        real = Path(os.path.realpath(root / path))
        if not real.is_relative_to(root):
            return None
        on_disk = _read(real)
        for document in self.documents.values():
            if document.real == real:
                return SourceText(path, encoded(document.text, on_disk))
        return None if on_disk is None else SourceText(path, on_disk)


@dataclass(frozen=True)
class Run:
    """One evaluation that ended: for which document, on which snapshot, and what it showed.

    By broken check: ``suspects``, best first, and the files that it ``touched``. ``texts`` hold every file that the
    failures and suspects are in.
    """

    uri: str
    root: Path
    snapshot: Snapshot
    execution: Execution
    suspects: Mapping[str, tuple[Suspect, ...]]
    touched: Mapping[str, frozenset[str]]
    texts: Mapping[str, SourceText]
    of_everything: bool = False  # it ran every check of the workspace, whatever document it was for


@dataclass(frozen=True)
class Failing:
    """A check that did not pass, with the run that showed it."""

    check: CheckResult
    run: Run

    @property
    def place(self) -> Location:
        """Where it failed."""
        return place_of(self.check)

    @property
    def suspects(self) -> tuple[Suspect, ...]:
        """The likeliest places of the fault, best first."""
        return self.run.suspects.get(self.check.id, ())

    @property
    def paths(self) -> frozenset[str]:
        """The files in which it is shown."""
        return frozenset({self.place.path, *(suspect.path for suspect in self.suspects[:1])})


@dataclass
class Session:
    """One client's state."""

    client_name: str | None = None
    settings: Settings = field(default_factory=Settings)
    folders: dict[str, Path] = field(default_factory=dict[str, Path])
    documents: dict[str, Document] = field(default_factory=dict[str, Document])
    _failing: dict[tuple[Path, str], Failing] = field(default_factory=dict[tuple[Path, str], Failing])
    _awaited: list[tuple[str, str, asyncio.Future[bool]]] = field(
        default_factory=list[tuple[str, str, "asyncio.Future[bool]"]]
    )

    def put(self, uri: str, version: int, text: str) -> Document | None:
        """Note a document's text; None where it is no concern of ours."""
        path = convert.path_of(uri)
        if path is None or path.suffix != ".py":
            return None
        known = self.documents.get(uri)
        real = known.real if known else Path(os.path.realpath(path))
        document = self.documents[uri] = Document(uri, path, real, version, text)
        for awaited, expected, future in self._awaited:
            if awaited == uri and _same(expected, text) and not future.done():
                future.set_result(True)
        return document

    def remove(self, uri: str) -> None:
        """Forget a document that was closed, and what its own tests showed."""
        self.documents.pop(uri, None)
        self._failing = {key: failing for key, failing in self._failing.items() if failing.run.uri != uri}

    def snapshot(self) -> Snapshot:
        """The open documents as they are now."""
        return Snapshot(dict(self.documents))

    def named(self, uri: str) -> Document | None:
        """The document of a URI; a stand-in without a version for a Python file that is not open."""
        path = convert.path_of(uri)
        if uri in self.documents or path is None or path.suffix != ".py":
            return self.documents.get(uri)
        return Document(uri, path, Path(os.path.realpath(path)), None, "")

    def folder_of(self, document: Document) -> Path | None:
        """The workspace folder that a document is worked on from; None when its code is not ours to run.

        A client without folders works on single files, each from where it lies.
        """
        if _INSTALLED.intersection(document.real.parts):
            return None
        if not self.folders:
            return document.path.parent
        holding = [folder for folder in self.folders.values() if document.path.is_relative_to(folder)]
        return max(holding, key=lambda folder: len(folder.parts), default=None)

    def uri_at(self, root: Path, path: str) -> str:
        """How the client names a file of a workspace."""
        document = self.document_at(root, path)
        return document.uri if document else convert.uri_of(self._seen_root(root) / path)

    def _seen_root(self, root: Path) -> Path:
        # The client may reach the workspace through a link, and would not recognise the file by its real path.
        for document in self.documents.values():
            if document.real.is_relative_to(root):
                inside = document.real.relative_to(root).parts
                if document.path.parts[-len(inside) :] == inside:
                    return Path(*document.path.parts[: -len(inside)])
        return root

    def document_at(self, root: Path, path: str) -> Document | None:
        """The open document of a file of the workspace."""
        real = Path(os.path.realpath(root / path))
        return next((document for document in self.documents.values() if document.real == real), None)

    def record(self, run: Run) -> None:
        """Replace what was known of the checks that ran, and of every check in the files that they are in."""
        ran = {result.id for result in run.execution.results}
        whole = {check.partition("::")[0] for check in ran} if run.execution.complete else set[str]()
        of_all = run.of_everything and run.execution.complete
        document = run.snapshot.documents.get(run.uri)
        if document and document.real.is_relative_to(run.root):
            whole.add(document.real.relative_to(run.root).as_posix())
        kept = {
            key: failing
            for key, failing in self._failing.items()
            if key[0] != run.root or not (of_all or key[1] in ran or key[1].partition("::")[0] in whole)
        }
        self._failing = kept | {(run.root, check.id): Failing(check, run) for check in run.execution.broken}

    def forget(self, root: Path) -> None:
        """Drop what was known of a workspace whose checks can no longer be run."""
        self._failing = {key: failing for key, failing in self._failing.items() if key[0] != root}

    def failing(self) -> Iterable[Failing]:
        """Every check that did not pass when it last ran."""
        return self._failing.values()

    def failing_of(self, uri: str) -> Iterator[Failing]:
        """The failing checks that belong to a document: they are shown in it, or they ran some of it."""
        document = self.documents.get(uri)
        for failing in self._failing.values() if document else ():
            root = failing.run.root
            if document and document.real.is_relative_to(root):
                path = document.real.relative_to(root).as_posix()
                if path in failing.paths or path in failing.run.touched.get(failing.check.id, ()):
                    yield failing

    def is_current(self, run: Run, path: str) -> bool:
        """True while an open file's text is what the run saw, whatever its version is now."""
        document, seen = self.document_at(run.root, path), run.texts.get(path)
        return document is None or (seen is not None and seen.text == document.text)

    def is_unchanged_since(self, uri: str, version: int) -> bool:
        """True when a document's text is what it was at ``version``, as far as any run that is kept can tell."""
        now = self.documents.get(uri)
        if now is None or now.version == version:
            return True
        seen = [failing.run.snapshot.documents.get(uri) for failing in self._failing.values()]
        return any(then and then.version == version and then.text == now.text for then in seen)

    def expect(self, uri: str, text: str) -> asyncio.Future[bool]:
        """A future that comes true when the client reports this text, whatever its line ends, for the document."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        entry = (uri, text, future)
        self._awaited.append(entry)
        future.add_done_callback(lambda _: self._awaited.remove(entry))
        return future


def place_of(check: CheckResult) -> Location:
    """Where a check failed; the top of its file where that is not known."""
    return check.location or Location(check.id.partition("::")[0], 1)


def encoded(text: str, on_disk: bytes | None) -> bytes:
    """The bytes that saving a buffer would write: those on the disk where the text is the same."""
    if on_disk is not None and _decodes_to(on_disk, text):
        return on_disk
    plain = text.encode("utf-8", "surrogatepass")
    bom = codecs.BOM_UTF8 if on_disk and on_disk.startswith(codecs.BOM_UTF8) else b""
    try:
        return SourceText("", bom + plain).with_text(text).data
    except (UndecodableSource, UnicodeEncodeError, LookupError):
        return plain  # what the file declares cannot hold it: let the interpreter say so


def _same(one: str, other: str) -> bool:
    return one.replace("\r\n", "\n") == other.replace("\r\n", "\n")


def _decodes_to(data: bytes, text: str) -> bool:
    try:
        return SourceText("", data).text == text
    except UndecodableSource:
        return False


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes() if path.is_file() else None  # a pipe would keep the event loop waiting
    except OSError:
        return None
