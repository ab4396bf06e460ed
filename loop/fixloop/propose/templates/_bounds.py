"""Where a number serves as a bound, and how likely an expression is a number at all."""

from __future__ import annotations

import libcst as cst

from fixloop.propose.template import Site

_ORDERED = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)
_TERMS = (cst.Multiply, cst.Divide, cst.FloorDivide, cst.Modulo)
_NUMBER_CALLS = frozenset({"len", "int", "sum", "min", "max", "abs", "round", "count", "index", "find", "bit_length"})
_SHORT = 2


def as_bound(node: cst.BaseExpression, site: Site) -> float:
    """How much the place of an expression invites an off-by-one slip, in [0, 1]."""
    parent = site.view.parent(node)
    match parent:
        case cst.Arg(keyword=None, star=""):
            call = site.view.parent(parent)
            return 0.0 if not isinstance(call, cst.Call) else 1.0 if called_name(call) == "range" else 0.4
        case cst.Slice():
            return 0.9
        case cst.Index():
            return 0.8
        case cst.Comparison(comparisons=(cst.ComparisonTarget(operator=operator), *_)):
            return _in_comparison(operator)
        case cst.ComparisonTarget(operator=operator):
            return _in_comparison(operator)
        case cst.Return() | cst.IfExp():
            return 0.6
        case cst.Assign() | cst.AnnAssign() | cst.AugAssign():
            return 0.5 if parent.value is node else 0.0
        case cst.BinaryOperation(operator=operator):
            return 0.35 if isinstance(operator, _TERMS) else 0.0
        case _:
            return 0.0


def _in_comparison(operator: cst.BaseCompOp) -> float:
    if isinstance(operator, _ORDERED):
        return 0.9
    return 0.55 if isinstance(operator, cst.Equal | cst.NotEqual) else 0.0


def as_number(node: cst.BaseExpression) -> float:
    """How likely an expression yields an integer, in [0, 1], by its look alone."""
    match node:
        case cst.BinaryOperation(operator=operator):
            return 0.0 if isinstance(operator, cst.Divide) or _joins_text(node) else 1.0
        case cst.Call():
            return 1.0 if called_name(node) in _NUMBER_CALLS else 0.5
        case cst.Name(value=value):
            return 0.0 if value in {"True", "False", "None", "self", "cls"} else 1.0 if len(value) <= _SHORT else 0.85
        case cst.Subscript(slice=[*_, cst.SubscriptElement(slice=cst.Slice())]):
            return 0.0
        case cst.Attribute() | cst.Subscript():
            return 0.6
        case _:
            return 0.0


def _joins_text(node: cst.BinaryOperation) -> bool:
    text = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString, cst.List, cst.Tuple, cst.Dict)
    return isinstance(node.left, text) or isinstance(node.right, text)


def called_name(call: cst.Call) -> str:
    """The last part of what a call names: ``f`` in ``f()`` and in ``a.f()``; empty for anything else."""
    match call.func:
        case cst.Name(value=value) | cst.Attribute(attr=cst.Name(value=value)):
            return value
        case _:
            return ""
