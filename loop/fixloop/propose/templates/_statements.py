"""Whole statements as lines of text: taken out, put in, shifted in or out."""

from __future__ import annotations

import libcst as cst

from fixloop.propose.scopes import walk
from fixloop.propose.syntax import SyntaxView
from fixloop.records.source import Edit, Span

_TEXTS = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)


def whole(view: SyntaxView, statement: cst.BaseStatement) -> str:
    """The lines of a statement, ending in a line end even at the end of the file."""
    text = view.slice(view.statement_lines(statement))
    return text if text.endswith(("\n", "\r")) else text + view.source.newline


def at_indent(view: SyntaxView, statement: cst.BaseStatement, indent: str) -> str | None:
    """The lines of a statement as they read at another indentation, None when a string spans lines."""
    if len(view.lines(statement)) > 1 and _holds_long_text(view, statement):
        return None
    own = view.indent(statement)
    lines = whole(view, statement).splitlines(keepends=True)
    if not all(line.startswith(own) or not line.strip() for line in lines):
        return None
    return "".join(indent + line[len(own) :] if line.strip() else line for line in lines)


def _holds_long_text(view: SyntaxView, statement: cst.BaseStatement) -> bool:
    return any(isinstance(node, _TEXTS) and len(view.lines(node)) > 1 for node in walk(statement))


def removed(view: SyntaxView, statement: cst.BaseStatement) -> Edit:
    """Take the lines of a statement out."""
    return Edit(view.statement_lines(statement), "")


def before(view: SyntaxView, statement: cst.BaseStatement, text: str) -> Edit:
    """Put lines before a statement."""
    start = view.statement_lines(statement).start
    return Edit(Span(start, start), text)


def after(view: SyntaxView, statement: cst.BaseStatement, text: str) -> Edit:
    """Put lines after a statement."""
    end = view.statement_lines(statement).end
    ended = end == 0 or view.source.text[end - 1] in "\r\n"
    return Edit(Span(end, end), text if ended else view.source.newline + text.rstrip("\r\n"))


def body_of(function: cst.FunctionDef) -> tuple[cst.BaseStatement, ...]:
    """The statements of a function after its docstring; none where the body stands on the header's line."""
    if not isinstance(function.body, cst.IndentedBlock):
        return ()
    statements = tuple(function.body.body)
    return statements[1:] if statements and is_docstring(statements[0]) else statements


def is_docstring(statement: cst.BaseStatement) -> bool:
    """True for a line that holds nothing but a string."""
    match statement:
        case cst.SimpleStatementLine(body=(cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString()),)):
            return True
        case _:
            return False


def only(statement: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """The small statement of a line that holds exactly one."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        return statement.body[0]
    return None


def loop_around(view: SyntaxView, node: cst.CSTNode) -> cst.For | cst.While | None:
    """The innermost loop of the same function around a node."""
    for at in view.ancestors(node):
        if isinstance(at, cst.For | cst.While):
            return at
        if isinstance(at, cst.FunctionDef | cst.ClassDef):
            return None
    return None
