"""Putting one expression in another's place with no more parentheses than a person would write."""

from __future__ import annotations

from enum import IntEnum

import libcst as cst

from fixloop.propose.syntax import SyntaxView
from fixloop.propose.template import Rewrite


class Level(IntEnum):
    """How tightly an expression binds, loosest first (Python reference, section 6.17)."""

    TUPLE = 0
    TERNARY = 1
    OR = 2
    AND = 3
    NOT = 4
    COMPARISON = 5
    BIT_OR = 6
    BIT_XOR = 7
    BIT_AND = 8
    SHIFT = 9
    SUM = 10
    TERM = 11
    UNARY = 12
    POWER = 13
    AWAIT = 14
    ATOM = 15


_BINARY: dict[type[cst.BaseBinaryOp], Level] = {
    cst.BitOr: Level.BIT_OR,
    cst.BitXor: Level.BIT_XOR,
    cst.BitAnd: Level.BIT_AND,
    cst.LeftShift: Level.SHIFT,
    cst.RightShift: Level.SHIFT,
    cst.Add: Level.SUM,
    cst.Subtract: Level.SUM,
    cst.Power: Level.POWER,
}


def binary_level(operator: cst.BaseBinaryOp) -> Level:
    """The level of a binary operation with this operator."""
    return _BINARY.get(type(operator), Level.TERM)


def level(node: cst.BaseExpression) -> Level:
    """How tightly an expression binds, its own parentheses aside."""
    match node:
        case cst.Tuple() | cst.Yield() | cst.NamedExpr():
            return Level.TUPLE
        case cst.IfExp() | cst.Lambda():
            return Level.TERNARY
        case cst.BooleanOperation(operator=operator):
            return Level.OR if isinstance(operator, cst.Or) else Level.AND
        case cst.UnaryOperation(operator=operator):
            return Level.NOT if isinstance(operator, cst.Not) else Level.UNARY
        case cst.Comparison():
            return Level.COMPARISON
        case cst.BinaryOperation(operator=operator):
            return binary_level(operator)
        case cst.Await():
            return Level.AWAIT
        case cst.GeneratorExp():
            return Level.TUPLE
        case cst.ConcatenatedString():
            return Level.ATOM
        case _:
            return Level.ATOM


def slot(view: SyntaxView, node: cst.BaseExpression) -> Level:
    """The loosest level that may stand unparenthesised where ``node`` stands."""
    parent = view.parent(node)
    match parent:
        case cst.BinaryOperation(operator=operator, left=left):
            own = binary_level(operator)
            if own is Level.POWER:
                return Level.AWAIT if node is left else Level.UNARY
            return own if node is left else Level(own + 1)
        case cst.Comparison() | cst.ComparisonTarget() | cst.StarredElement():
            return Level.BIT_OR
        case cst.BooleanOperation(operator=operator):
            return Level.OR if isinstance(operator, cst.Or) else Level.AND
        case cst.UnaryOperation(operator=operator):
            return Level.NOT if isinstance(operator, cst.Not) else Level.UNARY
        case cst.IfExp(orelse=orelse):
            return Level.TERNARY if node is orelse else Level.OR
        case cst.CompIf():
            return Level.OR
        case cst.CompFor(iter=iterable):
            return Level.OR if node is iterable else Level.ATOM
        case cst.Return() | cst.Index():
            return Level.TUPLE
        case cst.Assign(value=value) if node is value:
            return Level.TUPLE
        case cst.AnnAssign(value=value) | cst.AugAssign(value=value) if node is value:
            return Level.TERNARY
        case _:
            return Level.TERNARY if isinstance(parent, _ROOMY) else Level.ATOM


_ROOMY = (
    cst.Arg, cst.Slice, cst.Element, cst.DictElement, cst.DictComp, cst.ListComp, cst.SetComp, cst.GeneratorExp,
    cst.Lambda, cst.If, cst.While, cst.For, cst.Expr, cst.Assert, cst.Raise, cst.Param, cst.Yield,
    cst.FormattedStringExpression, cst.WithItem, cst.Match,
)  # fmt: skip


def operand(view: SyntaxView, node: cst.BaseExpression, at_least: Level) -> str:
    """The text of an expression for a place that asks for a level, parenthesised where it must be."""
    text = view.text(node)
    own = level(node)
    return f"({text})" if own < at_least or ("\n" in text and own < Level.ATOM) else text


def place(
    view: SyntaxView, node: cst.BaseExpression, text: str, of: Level = Level.ATOM, weight: float = 1.0
) -> Rewrite:
    """Put ``text``, an expression of level ``of``, where ``node`` stands.

    Parentheses are added where the surroundings need them, and those of ``node`` go when they no longer serve.
    """
    wanted = of < slot(view, node) or ("\n" in text and of < Level.ATOM)
    if not node.lpar:
        return Rewrite.replace(view.span(node), f"({text})" if wanted else text, weight)
    outer = view.outer(node)
    glued = outer.start > 0 and (
        view.source.text[outer.start - 1].isalnum() or view.source.text[outer.start - 1] == "_"
    )
    if wanted or glued or of <= level(node):
        return Rewrite.replace(view.span(node), text, weight)
    return Rewrite.replace(outer, text, weight)
