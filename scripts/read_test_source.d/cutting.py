"""Parts of a source as code of their own: kept statements as they stand, and what a module needs to be imported."""
import ast
import re
import sys

from checkout import FUNCTIONS, dotted
from slicing import is_noise, names_bound


class Emitter:
    """Writes the kept statements of a function as they stand in the source, at their own indentation."""

    def __init__(self, module, kept):
        self.module, self.kept = module, kept

    def lines_of(self, first, last):
        return self.module.lines[first - 1 : last]

    def head(self, node, body):
        """From the statement's first line to the colon; comments below it are left out."""
        first = min([body[0].lineno] + [decorator.lineno for decorator in getattr(body[0], "decorator_list", [])])
        lines = self.lines_of(node.lineno, max(node.lineno, first - 1))
        while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
            lines.pop()
        return lines

    def whole(self, node, shares_line=False):
        if shares_line:
            return [" " * node.col_offset + self.module.segment(node)]
        first = min([node.lineno] + [decorator.lineno for decorator in getattr(node, "decorator_list", [])])
        return self.lines_of(first, node.end_lineno)

    def block(self, statements, column):
        lines = []
        for before, node, after in zip([None] + statements[:-1], statements, statements[1:] + [None]):
            if node not in self.kept:
                continue
            shares = (before is not None and before.end_lineno == node.lineno) or (after is not None and after.lineno == node.end_lineno)
            lines += self.statement(node, shares)
        return lines or [" " * column + "pass"]

    def statement(self, node, shares_line=False):
        body = getattr(node, "body", None)
        compound = isinstance(body, list) and bool(body) and not isinstance(node, FUNCTIONS + (ast.ClassDef,))
        if not compound or body[0].lineno == node.lineno or all(inner in self.kept for inner in ast.walk(node) if isinstance(inner, ast.stmt)):
            return self.whole(node, shares_line)
        column = body[0].col_offset
        lines = self.head(node, body) + self.block(body, column)
        for handler in getattr(node, "handlers", []):
            lines += self.lines_of(handler.lineno, handler.end_lineno)
        orelse = getattr(node, "orelse", [])
        if any(inner in self.kept for inner in orelse):
            is_elif = isinstance(node, ast.If) and len(orelse) == 1 and isinstance(orelse[0], ast.If) and self.module.lines[orelse[0].lineno - 1].lstrip().startswith("elif")
            lines += [] if is_elif else [" " * node.col_offset + "else:"]
            lines += self.statement(orelse[0]) if is_elif else self.block(orelse, column)
        final = getattr(node, "finalbody", [])
        if final:
            lines += [" " * node.col_offset + "finally:"] + self.lines_of(final[0].lineno, final[-1].end_lineno)
        return lines

    def function(self, node, name=None):
        """The sliced function without its decorators, under another name where one is given."""
        if node.body[0].lineno == node.lineno:
            lines = self.lines_of(node.lineno, node.end_lineno)
        else:
            lines = self.head(node, node.body) + self.block(node.body, node.body[0].col_offset)
        if name is not None:
            lines = [re.sub(rf"\bdef\s+{re.escape(node.name)}\b", f"def {name}", lines[0], count=1)] + lines[1:]
        return lines


def is_main_guard(node):
    return isinstance(node, ast.If) and any(isinstance(inner, ast.Name) and inner.id == "__name__" for inner in ast.walk(node.test))


def acts(node):
    """A statement of the module that does something when it is imported, beside binding names: all but definitions,
    imports and plain values."""
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.ClassDef)) or is_noise(node):
        return False
    if isinstance(node, FUNCTIONS):
        known = ("pytest.mark", "pytest.fixture", "fixture", "functools", "contextmanager", "contextlib", "staticmethod", "property")
        return any(not dotted(d.func if isinstance(d, ast.Call) else d).startswith(known) for d in node.decorator_list)
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(not isinstance(target, (ast.Name, ast.Tuple)) for target in targets)
    if isinstance(node, (ast.If, ast.Try)):  # often only another import where one is missing
        return any(acts(inner) for inner in ast.iter_child_nodes(node) if isinstance(inner, ast.stmt)) or any(
            acts(inner) for handler in getattr(node, "handlers", []) for inner in handler.body)
    return not isinstance(node, ast.Pass)


def bound_anywhere(node):
    """Names that a statement of the module binds, whatever stands around the binding."""
    if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
        return {node.name}
    names = names_bound(node)
    if isinstance(node, (ast.If, ast.Try, ast.With)):
        for inner in ast.walk(node):
            if isinstance(inner, ast.stmt):
                names |= names_bound(inner)
    return names


def import_lines(imports):
    """The imports of the original, each a list of lines, with those of the scaffold: the standard library's first."""
    plain = {lines[0] for lines in imports if len(lines) == 1 and re.fullmatch(r"import \w+", lines[0]) and lines[0][7:] in getattr(sys, "stdlib_module_names", ())}
    rest = [line for lines in imports if lines[0] not in plain for line in lines]
    if "import pytest" not in rest:
        rest.insert(0, "import pytest")
    return sorted(plain | {"import os", "import random", "import sys"}) + [""] + rest


def count_statements(code):
    return sum(isinstance(node, ast.stmt) for node in ast.walk(ast.parse(code)))
