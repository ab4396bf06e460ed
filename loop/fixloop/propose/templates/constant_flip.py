"""Template: the wrong one of True, False and None."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.template import Example, Rewrite, Site, Template

_OTHER = {
    "True": (("False", 1.0), ("None", 0.15)),
    "False": (("True", 1.0), ("None", 0.25)),
    "None": (("False", 0.4), ("True", 0.3), ("0", 0.4), ("[]", 0.4), ('""', 0.4), ("{}", 0.3)),
}


class ConstantFlip(Template):
    """Undoes ``True`` for ``False``, and None where an empty value of the right type is due."""

    name = "constant-flip"
    prior = 0.8
    visits = (cst.Name,)
    examples = (
        Example(
            """
            def contains(items, wanted):
                for item in items:
                    if item == wanted:
                        return True
                return True
            """,
            """
            def contains(items, wanted):
                for item in items:
                    if item == wanted:
                        return True
                return False
            """,
        ),
        Example(
            """
            def newest(rows):
                return sorted(rows, reverse=False)
            """,
            """
            def newest(rows):
                return sorted(rows, reverse=True)
            """,
        ),
        Example(
            """
            def tags(post):
                if 'tags' not in post:
                    return None
                return post['tags']
            """,
            """
            def tags(post):
                if 'tags' not in post:
                    return []
                return post['tags']
            """,
        ),
    )

    @staticmethod
    def rewrites(node: cst.CSTNode, site: Site) -> Iterator[Rewrite]:
        """The other constants, except where None is compared with."""
        assert isinstance(node, cst.Name)
        other = _OTHER.get(node.value, ())
        if not other or (node.value == "None" and isinstance(site.view.parent(node), _WHERE_NONE_IS_MEANT)):
            return
        for text, weight in other:
            yield Rewrite.replace(site.view.span(node), text, weight)


_WHERE_NONE_IS_MEANT = (cst.ComparisonTarget, cst.Comparison, cst.Annotation, cst.BinaryOperation, cst.Param, cst.Index)
