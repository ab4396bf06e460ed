"""Template: ``self`` forgotten, or one too many."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template
from fixloop.propose.templates._failure import first_groups, raised
from fixloop.records.source import Edit, Span


class MissingSelf(Template):
    """Undoes writing ``count`` for ``self.count``, ``self.x`` for a local ``x``, and a method without ``self``."""

    name = "missing-self"
    prior = 0.7
    visits = (cst.Name, cst.Attribute, cst.FunctionDef)
    examples = (
        Example(
            """
            class Counter:
                def __init__(self):
                    self.n = 0

                def read(self):
                    return n
            """,
            """
            class Counter:
                def __init__(self):
                    self.n = 0

                def read(self):
                    return self.n
            """,
            "NameError",
            "name 'n' is not defined. Did you mean: 'self.n'?",
        ),
        Example(
            """
            class Door:
                def __init__(self):
                    self.shut = True

                def open(self):
                    shut = False
            """,
            """
            class Door:
                def __init__(self):
                    self.shut = True

                def open(self):
                    self.shut = False
            """,
        ),
        Example(
            """
            class Clock:
                def tick():
                    return 1
            """,
            """
            class Clock:
                def tick(self):
                    return 1
            """,
            "TypeError",
            "Clock.tick() takes 0 positional arguments but 1 was given",
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The attribute for the name, the name for the attribute, or the parameter added."""
        if isinstance(node, cst.FunctionDef):
            yield from _parameter_added(node, site)
        elif isinstance(node, cst.Attribute):
            yield from _dropped(node, site)
        elif isinstance(node, cst.Name):
            yield from _added(node, site)


def _added(node: cst.Name, site: Site) -> Iterator[Rewrite]:
    view, owner = site.view, site.view.owner(node)
    parent = view.parent(node)
    plain = not isinstance(parent, cst.Param | cst.FunctionDef | cst.ClassDef | cst.ImportAlias | cst.Annotation)
    named = isinstance(parent, cst.Attribute) and parent.attr is node
    keyword = isinstance(parent, cst.Arg) and parent.keyword is node
    if owner is None or not plain or named or keyword or "self" not in view.local_names(node):
        return
    missing = any(name == node.value for (name,) in first_groups(site, r"name '(\w+)' is not defined", "NameError"))
    methods = {item.name.value for item in owner.body.body if isinstance(item, cst.FunctionDef)}
    if node.value in methods or node.value in view.vocabulary.own_attributes(owner):
        yield Rewrite.replace(view.span(node), f"self.{node.value}", 1.0 if missing else 0.5)


def _dropped(node: cst.Attribute, site: Site) -> Iterator[Rewrite]:
    match node:
        case cst.Attribute(value=cst.Name(value="self"), attr=cst.Name(value=name)):
            if name in site.view.local_names(node):
                yield Rewrite.replace(site.view.span(node), name, 0.5)
        case _:
            return


def _parameter_added(node: cst.FunctionDef, site: Site) -> Iterator[Rewrite]:
    given = [*node.params.posonly_params, *node.params.params]
    in_class = isinstance(site.view.parent(site.view.parent(node) or node), cst.ClassDef)
    named = given and given[0].name.value in {"self", "cls"}
    if not in_class or node.decorators or named or not raised(site, "TypeError", "NameError"):
        return
    name_end = site.view.span(node.name).end
    opening = site.view.source.text.index("(", name_end) + 1
    follows = bool(given) or node.params.star_arg != cst.MaybeSentinel.DEFAULT or bool(node.params.kwonly_params)
    text = "self, " if follows or node.params.star_kwarg else "self"
    yield Rewrite((Edit(Span(opening, opening), text),))
