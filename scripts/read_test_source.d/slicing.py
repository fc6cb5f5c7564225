"""The backward slice: the statements that the failing one depends on."""
import ast
import re

from checkout import FUNCTIONS, dotted
from fixtures import called_functions, yields

LOGGING = re.compile(r"^(logger|logging|log|print|warnings)\b")
PURE_CALLS = {"len", "isinstance", "abs", "min", "max", "sum", "all", "any", "float", "int", "str", "list", "tuple", "range",
              "sorted", "set", "dict", "type", "hasattr", "getattr", "round", "repr", "zip", "enumerate"}


def statement_at(function_node, line):
    """The smallest statement of the function that the line belongs to; of a compound one only its head counts."""
    best = None
    for node in ast.walk(function_node):
        if not isinstance(node, ast.stmt) or node is function_node:
            continue
        body = getattr(node, "body", None)
        end = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno
        if node.lineno <= line <= max(end, node.lineno) and (best is None or node.lineno >= best.lineno):
            best = node
    return best


def function_at(module, line):
    inside = [(name, node) for name, node in module.functions.items() if node.lineno <= line <= node.end_lineno]
    return min(inside, key=lambda item: item[1].end_lineno - item[1].lineno)[0] if inside else None


def head_end(node):
    """The last line of a statement, of a compound one of its head."""
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.stmt):
        return max(node.lineno, body[0].lineno - 1)
    return node.end_lineno


def names_read(node):
    return {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load)}


def head_nodes(node):
    """What a statement itself evaluates, without the statements in it."""
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter, node.target]
    if isinstance(node, (ast.While, ast.If)):
        return [node.test]
    if isinstance(node, (ast.With, ast.AsyncWith)):
        return [part for item in node.items for part in (item.context_expr, item.optional_vars) if part is not None]
    if isinstance(node, ast.Try):
        return [handler.type for handler in node.handlers if handler.type is not None]
    return [node]


def names_bound(node):
    bound = set()
    for part in head_nodes(node):
        for inner in ast.walk(part):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
                bound.add(inner.id)
            elif isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, (ast.Store, ast.Del)):
                root = inner
                while isinstance(root, (ast.Attribute, ast.Subscript)):
                    root = root.value
                if isinstance(root, ast.Name):
                    bound.add(root.id)
    if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
        bound.add(node.name)
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        bound |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return bound


def sets_something(node):
    """A call that changes what later calls do, whatever it is given: seeds, switches of a library."""
    names = [dotted(inner.func).split(".")[-1] for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return any("seed" in name or name.startswith(("set_", "enable_", "disable_", "use_")) for name in names)


def leaves(node):
    """A guard: the branch ends the function or skips the test."""
    return any(
        isinstance(inner, (ast.Return, ast.Raise, ast.Break, ast.Continue))
        or (isinstance(inner, ast.Call) and dotted(inner.func) in ("pytest.skip", "pytest.xfail", "pytest.fail"))
        for statement in getattr(node, "body", [])
        for inner in ast.walk(statement)
    )


def is_noise(node):
    return isinstance(node, ast.Expr) and (
        isinstance(node.value, ast.Constant)
        or isinstance(node.value, ast.Call) and LOGGING.match(dotted(node.value.func) or "") is not None
    )


def checks_only(node):
    """An assertion that calls nothing but pure functions: what it compares has been computed already."""
    if not isinstance(node, ast.Assert):
        return False
    calls = [dotted(inner.func) for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    return all(name in PURE_CALLS or name.split(".")[0] in ("torch", "np", "numpy", "math") for name in calls)


def is_pure(node):
    """An expression that computes from what is there and changes nothing, by what it calls."""
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
            return False
        if isinstance(inner, ast.Call):
            name = dotted(inner.func)
            last = name.split(".")[-1]
            library = name.split(".")[0] in ("torch", "np", "numpy", "math") and not last.endswith("_") and "rand" not in name and not sets_something(inner)
            if name not in PURE_CALLS and not library:
                return False
    return True


class Slice:
    """The statements of one function that a statement depends on. Nothing behind it that no loop leads back to; before
    it, only what provably changes nothing is left out: messages, checks of what has been computed, and values that
    nobody reads and that pure functions make."""

    def __init__(self, function_node, target):
        self.function, self.target = function_node, target
        self.parents = {}
        for node in ast.walk(function_node):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
        self.kept, self.names = set(), set()
        self.grow()

    def ancestors(self, node):
        while node is not self.function and node in self.parents:
            node = self.parents[node]
            if isinstance(node, ast.stmt) and node is not self.function:
                yield node

    def keep(self, node):
        if node in self.kept:
            return False
        self.kept.add(node)
        for part in head_nodes(node):
            self.names |= names_read(part)
        if isinstance(node, ast.Try):  # what happens to an error, and what is put back in the end
            self.keep_all(node.handlers + node.finalbody)
        for ancestor in self.ancestors(node):
            self.keep(ancestor)
        return True

    def keep_all(self, nodes):
        for node in nodes:
            for inner in ast.walk(node):
                if isinstance(inner, ast.stmt):
                    self.kept.add(inner)
            self.names |= names_read(node)

    def comes_before(self, node):
        """The statement may run before the target: it stands before it, or in a loop around both."""
        if node.lineno < self.target.lineno:
            return True
        loops = {a for a in self.ancestors(self.target) if isinstance(a, (ast.For, ast.AsyncFor, ast.While))}
        return any(a in loops for a in self.ancestors(node))

    def matters(self, node):
        if is_noise(node) or checks_only(node) or isinstance(node, ast.Pass):
            return False
        if isinstance(node, ast.Assign) and all(isinstance(target, ast.Name) for target in node.targets):
            return bool({target.id for target in node.targets} & self.names) or not is_pure(node.value)
        if isinstance(node, FUNCTIONS + (ast.ClassDef,)):
            return node.name in self.names or bool(node.decorator_list)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While, ast.If)):
            return any(self.matters(inner) for inner in node.body + node.orelse) or not all(is_pure(part) for part in head_nodes(node)) or bool(
                names_bound(node) & self.names) or leaves(node)
        return True

    def grow(self):
        self.keep(self.target)
        if isinstance(self.target, (ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While)):
            self.keep_all([self.target])  # its failing may be the body's doing
        statements = [node for node in ast.walk(self.function) if isinstance(node, ast.stmt) and node is not self.function]
        inner = {deep for node in statements if isinstance(node, FUNCTIONS + (ast.ClassDef,)) for deep in ast.walk(node) if deep is not node}
        statements = [node for node in statements if node not in inner or node is self.target]
        changed = True
        while changed:
            changed = False
            for node in statements:
                if node not in self.kept and self.comes_before(node) and self.matters(node):
                    changed = self.keep_whole(node) or changed

    def keep_whole(self, node):
        """A compound statement that does not lead to the target is kept with its body."""
        grew = self.keep(node)
        if isinstance(getattr(node, "body", None), list) and node not in set(self.ancestors(self.target)):
            self.keep_all([node])
        return grew

    def lines(self):
        """Ranges of lines, merged, in their order."""
        ranges = sorted({(node.lineno, head_end(node)) for node in self.kept})
        merged = []
        for begin, end in ranges:
            if merged and begin <= merged[-1][1] + 1:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([begin, end])
        return merged

    def count(self):
        return len(self.kept)


def unsafe_reasons(module, names):
    """Why a slice of these functions may not do what the whole does."""
    reasons = []
    for name in names:
        node = module.functions[name]
        for inner in ast.walk(node):
            called = dotted(inner.func) if isinstance(inner, ast.Call) else ""
            if called in ("exec", "eval", "globals", "locals", "setattr", "__import__", "importlib.import_module"):
                reasons.append(f"{module.path}:{inner.lineno} calls {called}")
            if isinstance(inner, (ast.Global, ast.Nonlocal)):
                reasons.append(f"{module.path}:{inner.lineno} writes names of an outer scope")
            if isinstance(inner, (ast.Await, ast.AsyncFor, ast.AsyncWith)):
                reasons.append(f"{module.path}:{inner.lineno} is asynchronous")
            if type(inner).__name__ == "Match":
                reasons.append(f"{module.path}:{inner.lineno} binds names by patterns")
        if yields(node):
            reasons.append(f"{module.path}:{node.lineno} is a generator")
    return list(dict.fromkeys(reasons))[:20]


def call_chain(module, test, inner):
    """Names of the functions from the test to the one that failed, and the line of each call to the next."""
    waiting, seen = [[(test, None)]], {test}
    while waiting:
        chain = waiting.pop(0)
        name = chain[-1][0]
        if name == inner:
            return chain
        for called, call in called_functions(module.functions[name]):
            target = name.split("::")[0] + "::" + called[5:] if called.startswith("self.") else called
            if target in module.functions and target not in seen:
                seen.add(target)
                waiting.append(chain[:-1] + [(name, call.lineno), (target, None)])
    return None


def module_needs(module, names):
    """Imports and definitions of the module that the names need, directly or not: lines of imports and of the rest."""
    imports, definitions, waiting, seen = set(), set(), list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in module.imports:
            node = module.imports[name][0]
            imports.add((node.lineno, node.end_lineno))
        for table in (module.functions, module.classes):
            if name in table:
                node = table[name]
                first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
                definitions.add((first, node.end_lineno))
                waiting += list(names_read(node))
        if name in module.constants:
            node = module.constants[name]
            definitions.add((node.lineno, node.end_lineno))
            waiting += list(names_read(node))
    return [list(span) for span in sorted(imports)], [list(span) for span in sorted(definitions)]


class ChainSlice:
    """The backward slice from the failing statement up to the test function: a Slice for each function on the way."""

    def __init__(self, module, test, failing_function, failing, frames):
        self.module, self.parts = module, {}
        self.chain = call_chain(module, test, failing_function)
        logged = {frame["function"].split(".")[-1]: frame["line"] for frame in frames}
        for name, call_line in reversed(self.chain or []):
            node = module.functions[name]
            line = logged.get(name.split("::")[-1], call_line)
            target = failing if name == failing_function else statement_at(node, line) or statement_at(node, call_line)
            if target is not None:
                self.parts[name] = Slice(node, target)

    def names(self):
        return {name for part in self.parts.values() for name in part.names}

    def unsafe(self, failing_function):
        if self.chain is None:
            return [f"no call of {failing_function} was found"]
        reasons = unsafe_reasons(self.module, [name for name, _ in self.chain])
        for name, part in self.parts.items():
            if any(isinstance(a, FUNCTIONS + (ast.ClassDef, ast.Lambda)) for a in part.ancestors(part.target)):
                reasons.append(f"{self.module.path}:{part.target.lineno} lies in a function within {name}")
        return reasons

    def facts(self, failing_function):
        sliced = {name.split("::")[-1] for name, _ in self.chain or []}
        imports, definitions = module_needs(self.module, self.names() - sliced)
        return {
            "functions": {name: {"lines": part.lines(), "target": part.target.lineno} for name, part in self.parts.items()},
            "imports": imports, "definitions": definitions, "unsafe": self.unsafe(failing_function),
            "kept": sum(part.count() for part in self.parts.values()),
            "of": sum(sum(isinstance(inner, ast.stmt) for inner in ast.walk(part.function)) - 1 for part in self.parts.values()),
        }
