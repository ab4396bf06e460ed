"""The words of one file: which attributes, methods, keywords and keys it speaks of.

Only counts what is written; resolves no types and reads no other file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from fixloop.propose import scopes

_SPEAKING = frozenset({
    cst.Attribute, cst.FunctionDef, cst.ClassDef, cst.Arg, cst.Param, cst.SubscriptElement, cst.DictElement,
})  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """Names by the kind of place in which a module uses them, each in order of first use."""

    module: cst.Module

    @cached_property
    def _nodes(self) -> tuple[cst.CSTNode, ...]:
        return tuple(node for node in scopes.walk(self.module) if type(node) in _SPEAKING)

    @cached_property
    def _attributes_of(self) -> dict[cst.ClassDef, tuple[str, ...]]:
        return {}

    @cached_property
    def attributes(self) -> tuple[str, ...]:
        """Attribute and method names, and what the classes bind."""
        names: dict[str, None] = {}
        for node in self._nodes:
            match node:
                case cst.Attribute(attr=name) | cst.FunctionDef(name=name):
                    names[name.value] = None
                case cst.ClassDef(body=body):
                    names.update(dict.fromkeys(scopes.bound_in([body]).bound))
                case _:
                    pass
        return tuple(names)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """Names of functions that classes define."""
        return _unique(
            item.name.value
            for node in self._nodes
            if isinstance(node, cst.ClassDef)
            for item in node.body.body
            if isinstance(item, cst.FunctionDef)
        )

    @cached_property
    def callables(self) -> tuple[str, ...]:
        """Functions and classes that the module defines at its top level."""
        return _unique(item.name.value for item in self.module.body if isinstance(item, cst.FunctionDef | cst.ClassDef))

    @cached_property
    def coroutines(self) -> tuple[str, ...]:
        """Functions and methods that are defined with ``async def``."""
        return _unique(
            node.name.value for node in self._nodes if isinstance(node, cst.FunctionDef) and node.asynchronous
        )

    @cached_property
    def imported(self) -> tuple[str, ...]:
        """Names that the module's own import statements bind."""
        found: dict[str, None] = {}
        for line in self.module.body:
            if isinstance(line, cst.SimpleStatementLine):
                imports = [small for small in line.body if isinstance(small, cst.Import | cst.ImportFrom)]
                found.update(dict.fromkeys(scopes.bound_in(imports).bound))
        return tuple(found)

    @cached_property
    def keywords(self) -> tuple[str, ...]:
        """Parameters of functions and keywords of calls."""
        found: dict[str, None] = {}
        for node in self._nodes:
            match node:
                case cst.Param(name=name) | cst.Arg(keyword=cst.Name() as name):
                    found[name.value] = None
                case _:
                    pass
        return tuple(found)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Plain strings that serve as subscripts or as keys of dictionary displays."""
        found: dict[str, None] = {}
        for node in self._nodes:
            match node:
                case cst.SubscriptElement(slice=cst.Index(value=cst.SimpleString() as key)):
                    found[key.raw_value] = None
                case cst.DictElement(key=cst.SimpleString() as key):
                    found[key.raw_value] = None
                case _:
                    pass
        return tuple(found)

    def own_attributes(self, owner: cst.ClassDef) -> tuple[str, ...]:
        """Attributes that a class binds on ``self`` or in its body, its methods left out."""
        known = self._attributes_of.get(owner)
        if known is None:
            known = self._attributes_of[owner] = tuple(_attributes_bound_by(owner))
        return known


def _attributes_bound_by(owner: cst.ClassDef) -> Iterator[str]:
    found: dict[str, None] = {}
    for node in scopes.walk(owner.body):
        if isinstance(node, cst.AssignTarget | cst.AnnAssign):
            found.update(dict.fromkeys(_on_self(node.target)))
    methods = {item.name.value for item in owner.body.body if isinstance(item, cst.FunctionDef)}
    found.update(dict.fromkeys(scopes.bound_in([owner.body]).bound))
    return (name for name in found if name not in methods)


def _on_self(target: cst.BaseExpression) -> Iterator[str]:
    match target:
        case cst.Attribute(value=cst.Name(value="self"), attr=name):
            yield name.value
        case cst.Tuple(elements=elements) | cst.List(elements=elements):
            for element in elements:
                yield from _on_self(element.value)
        case _:
            return


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
