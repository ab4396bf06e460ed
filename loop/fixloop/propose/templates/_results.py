"""What a function gives back, judged by how its own code looks."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from fixloop.propose.scopes import children, walk
from fixloop.propose.templates._bounds import called_name

EMPTY = ("None", "0", "[]", '""', "False", "{}")

_BY_CALL = {
    "list": "[]", "sorted": "[]", "len": "0", "sum": "0", "int": "0", "join": '""', "str": '""', "format": '""',
    "strip": '""', "lower": '""', "dict": "{}", "any": "False", "all": "False", "isinstance": "False",
}  # fmt: skip


def returns(function: cst.FunctionDef) -> Iterator[cst.Return]:
    """The return statements of a function, those of nested functions left out."""
    stack: list[cst.CSTNode] = [function.body]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.Return):
            yield node
        elif not isinstance(node, cst.FunctionDef | cst.ClassDef | cst.BaseExpression):
            stack.extend(children(node))


def likely_empty(function: cst.FunctionDef) -> frozenset[str]:
    """The empty values of the types that a function seems to return."""
    kinds: set[str] = set()
    for statement in returns(function):
        if statement.value is not None:
            kinds |= _empties(statement.value, function)
    return frozenset(kinds)


def _empties(value: cst.BaseExpression, function: cst.FunctionDef) -> set[str]:
    match value:
        case cst.List() | cst.ListComp():
            return {"[]"}
        case cst.Dict() | cst.DictComp():
            return {"{}"}
        case cst.SimpleString() | cst.FormattedString() | cst.ConcatenatedString():
            return {'""'}
        case cst.Integer() | cst.Float() | cst.BinaryOperation():
            return {"0"}
        case cst.Comparison() | cst.UnaryOperation(operator=cst.Not()):
            return {"False"}
        case cst.Name(value="True" | "False"):
            return {"False"}
        case cst.Name(value=name):
            return _assigned(name, function)
        case cst.Call():
            empty = _BY_CALL.get(called_name(value))
            return {empty} if empty else set()
        case _:
            return set()


def _assigned(name: str, function: cst.FunctionDef) -> set[str]:
    for node in walk(function.body):
        match node:
            case cst.Assign(targets=(cst.AssignTarget(target=cst.Name(value=target)),), value=value) if target == name:
                return set() if isinstance(value, cst.Name) else _empties(value, function)
            case _:
                pass
    return set()
