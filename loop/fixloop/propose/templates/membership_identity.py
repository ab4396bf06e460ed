"""Template: the wrong one of ``in``, ``is`` and ``==``."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template

_OTHER: dict[type[cst.BaseCompOp], tuple[tuple[str, float], ...]] = {
    cst.In: (("not in", 1.0), ("==", 0.25)),
    cst.NotIn: (("in", 1.0), ("!=", 0.25)),
    cst.Is: (("is not", 1.0), ("==", 0.8)),
    cst.IsNot: (("is", 1.0), ("!=", 0.8)),
    cst.Equal: (("in", 0.3), ("is", 0.25)),
    cst.NotEqual: (("not in", 0.3), ("is not", 0.25)),
}


class MembershipIdentity(Template):
    """Undoes a negation too many or too few in ``in`` and ``is`` tests, and ``is`` where ``==`` was meant."""

    name = "membership-identity"
    prior = 0.8
    visits = (cst.ComparisonTarget,)
    examples = (
        Example(
            """
            def missing(key, table):
                return key in table
            """,
            """
            def missing(key, table):
                return key not in table
            """,
        ),
        Example(
            """
            def is_sentinel(code):
                return code is 1000
            """,
            """
            def is_sentinel(code):
                return code == 1000
            """,
        ),
        Example(
            """
            def name_of(user):
                if user is not None:
                    return 'anonymous'
                return user.name
            """,
            """
            def name_of(user):
                if user is None:
                    return 'anonymous'
                return user.name
            """,
        ),
        Example(
            """
            def allowed(role, roles):
                return role == roles
            """,
            """
            def allowed(role, roles):
                return role in roles
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The comparison with a related operator."""
        assert isinstance(node, cst.ComparisonTarget)
        for text, weight in _OTHER.get(type(node.operator), ()):
            if text in {"in", "not in"} and not isinstance(node.comparator, _CONTAINERS):
                continue
            if text in {"is", "is not"} and not isinstance(node.comparator, cst.Name | cst.Attribute):
                continue
            yield Rewrite.replace(site.view.span(node.operator), text, weight)


_CONTAINERS = (
    cst.Name,
    cst.Attribute,
    cst.Call,
    cst.Subscript,
    cst.List,
    cst.Tuple,
    cst.Set,
    cst.Dict,
    cst.SimpleString,
)
