"""What a test does to its device and to its failure, in terms that a stress test can be compared with its original by."""
import ast

from checkout import dotted, is_fixture, same_file
from fixtures import BUILTIN_FIXTURES, Function, called_functions, describe_fixtures, device_setup, find_fixture, is_device_fixture, opening_call, reachable_functions
from slicing import PURE_CALLS, head_nodes

HIDING_MARKS = {"skip", "skipif", "xfail", "flaky", "skipIf", "skipUnless", "expectedFailure"}
HIDING_CALLS = {"pytest.skip", "pytest.xfail", "pytest.exit", "unittest.skip"}
WIDE_ERRORS = {"Exception", "BaseException", "RuntimeError", "AssertionError", "OSError"}
DEEPEST_CONSTANT = 10
MOST_NAMES = 500
MOST_SHAPES = 20


class Unknown(Exception):
    """The value is not written out in this file."""


class Normal(ast.NodeTransformer):
    """Constants looked through, lists as tuples, names without their modules: (2, 4) and [2, 4] are one shape."""

    def __init__(self, module, depth=0):
        self.module, self.depth, self.is_sure = module, depth, True

    def visit_Name(self, node):
        constant = self.module.constants.get(node.id)
        if constant is not None and self.depth < DEEPEST_CONSTANT:
            inner = Normal(self.module, self.depth + 1)
            value = inner.visit(ast.parse(ast.unparse(constant), mode="eval").body)
            self.is_sure = self.is_sure and inner.is_sure
            return value
        self.is_sure = False
        if node.id in self.module.imports or node.id in PURE_CALLS:
            return node
        raise Unknown

    def visit_Call(self, node):
        self.is_sure = False
        return self.generic_visit(node)

    def visit_BinOp(self, node):
        node = self.generic_visit(node)
        left, right = (side.value if isinstance(side, ast.Constant) else None for side in (node.left, node.right))
        if not all(isinstance(side, int) and abs(side) < 1 << 40 for side in (left, right)):
            return node
        if isinstance(node.op, ast.LShift) and 0 <= right <= 40:
            return ast.Constant(left << right)
        folded = {ast.Add: lambda: left + right, ast.Sub: lambda: left - right, ast.Mult: lambda: left * right}.get(type(node.op))
        return ast.Constant(folded()) if folded else node

    def visit_Attribute(self, node):
        if not dotted(node):
            raise Unknown
        return ast.Name(node.attr, ast.Load())

    def visit_List(self, node):
        return ast.Tuple([self.visit(item) for item in node.elts], ast.Load())


def comparable(module, node):
    """The value as a text that is the same for the same value, with a "?" in front where others may be too (calls, names of
    other files); None where nobody knows it without running the file."""
    try:
        normal = Normal(module)
        text = ast.unparse(normal.visit(ast.parse(module.segment(node), mode="eval").body))
        return text if normal.is_sure else "?" + text
    except (Unknown, SyntaxError, ValueError, RecursionError):
        return None


def set_up_of(module, rows):
    """What the fixtures get from these rows, {name: values}; an empty list where a value is not known."""
    found = {}
    for parametrisation, nodes in rows:
        for name, node in zip(parametrisation.names, nodes):
            if name in parametrisation.indirect:
                found.setdefault(name, []).append(comparable(module, node))
    return {name: [] if None in values else sorted(set(values)) for name, values in found.items()}


def all_rows(function):
    return [(p, nodes) for p in function.parametrisations for nodes, _ in p.rows or []]


def open_arguments_of(function):
    """The arguments that the device is opened with, as far as they are known; None where the test opens none."""
    opened = opening_call(function)
    if opened is None:
        return None
    named = [("device_id" if i == 0 else str(i), node) for i, node in enumerate(opened[1].args)]
    named += [(k.arg or "**", k.value) for k in opened[1].keywords]
    return {name: comparable(function.module, node) or "?" for name, node in named}


def call_names(nodes):
    return [name for node in nodes for name, _ in called_functions(node) if name]


def last_name(name):
    return name.split(".")[-1]


def names_in(nodes):
    """The last names of all that is read: called, handed on as a value, or looked up."""
    found = set()
    for node in nodes:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Attribute):
                found.add(inner.attr)
            elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
                found.add(inner.id)
    return found


def reached_from(module, name):
    """The function, and what it names of the same file, directly or not."""
    found, waiting = {name}, [name]
    while waiting:
        current = waiting.pop()
        owner = current.split("::")[0]
        for used in names_in([module.functions[current]]):
            for candidate in (used, f"{owner}::{used}"):
                if candidate in module.functions and candidate not in found:
                    found.add(candidate)
                    waiting.append(candidate)
    return sorted(found)


def imported_siblings(checkout, module):
    """Modules that lie beside this one and that it imports."""
    folder = module.path.rpartition("/")[0]
    conftest = checkout.module(f"{folder}/conftest.py") if folder else None
    if conftest is not None:
        yield conftest
    for node, alias in module.imports.values():
        named = node.module if isinstance(node, ast.ImportFrom) else alias.name
        other = checkout.module(f"{folder}/{(named or alias.name).split('.')[-1]}.py") if folder else None
        if other is not None and other is not module:
            yield other


def uses_of(checkout, function):
    """The names that the test uses, by its own helpers and those beside it too."""
    module = function.module
    nodes = [module.functions[name] for name in reached_from(module, function.name)]
    nodes += [module.constants[name] for name in names_in(nodes) if name in module.constants]
    nodes += [other.tree for other in imported_siblings(checkout, module)]
    return sorted(names_in(nodes))[:MOST_NAMES]


def is_operation(name):
    return name not in PURE_CALLS and name.split(".")[0] not in ("torch", "np", "numpy", "math", "self", "logger")


def operations_of(module, statement, frames):
    """Names, any of which is the failing operation: what the failing statement calls, and what that calls in turn."""
    names = [name for name in call_names(head_nodes(statement)) if is_operation(name) or name.startswith("self.")]
    own = [i for i, frame in enumerate(frames) if same_file(frame["file"], module.path)]
    deeper = [last_name(frame["function"]) for frame in frames[own[-1] + 1 :]] if own else []
    for name in names:
        target = next((f for f in module.functions if f.split("::")[-1] == last_name(name)), None)
        if target is not None:
            for inner in reachable_functions(module, target):
                deeper += [last_name(called) for called in call_names([module.functions[inner]]) if is_operation(called)]
    return sorted({last_name(name) for name in names} | set(deeper if names else []))[:MOST_NAMES]


def leads_to(module, owner, nodes, operations):
    """Whether these statements call a failing operation, by helpers of this file too; any call where none is known."""
    used = names_in(nodes)
    reached = [name for name in module.functions if name.split("::")[-1] in used and name.split("::")[0] in (name, owner)]
    for name in reached:
        used |= names_in(module.functions[inner] for inner in reached_from(module, name))
    return bool(used & set(operations)) if operations else bool(call_names(nodes))


def is_wide(node):
    types = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(t is None or last_name(dotted(t)) in WIDE_ERRORS for t in types)


def swallows(module, owner, node, operations):
    """(line, what) of a handler of wide errors that does not raise again, or of contextlib.suppress and pytest.raises,
    around a failing operation."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Try) and leads_to(module, owner, inner.body, operations):
            for handler in inner.handlers:
                tells = any(isinstance(n, ast.Raise) or (isinstance(n, ast.Call) and last_name(dotted(n.func)) in ("fail", "exit", "_exit", "abort")) for n in ast.walk(handler))
                later = any(isinstance(n, (ast.Assert, ast.Raise)) and n.lineno > inner.end_lineno for n in ast.walk(node))
                if is_wide(handler.type) and not tells and not later:
                    yield handler.lineno, "except"
        if isinstance(inner, (ast.With, ast.AsyncWith)) and leads_to(module, owner, inner.body, operations):
            for item in inner.items:
                call = item.context_expr
                named = last_name(dotted(call.func)) if isinstance(call, ast.Call) else ""
                if named in ("suppress", "raises", "assertRaises") and any(is_wide(argument) for argument in call.args):
                    yield inner.lineno, named


def never_runs(module, owner, node, operations):
    """(line, what) of a return that stands before the failing operation, and of a loop or condition around it that it
    never gets through."""
    for number, statement in enumerate(node.body):
        if isinstance(statement, ast.Return) and operations and leads_to(module, owner, node.body[number + 1 :], operations):
            yield statement.lineno, "return"
    for inner in ast.walk(node):
        if not isinstance(inner, (ast.For, ast.AsyncFor, ast.If, ast.While)) or not operations or not leads_to(module, owner, inner.body, operations):
            continue
        if isinstance(inner, (ast.For, ast.AsyncFor)) and range_size(module, inner.iter) == 0:
            yield inner.lineno, "a loop of no turn"
        if isinstance(inner, (ast.If, ast.While)) and isinstance(inner.test, ast.Constant) and not inner.test.value:
            yield inner.lineno, "a condition that never holds"


def hiding_places(function, operations):
    """What keeps a failure from being seen: [{"line", "text"}]."""
    module, found = function.module, []
    for mark in function.marks:
        name = last_name(dotted(mark.func if isinstance(mark, ast.Call) else mark))
        if name in HIDING_MARKS:
            found.append((mark.lineno, name))
    for name in reached_from(module, function.name):
        node = module.functions[name]
        guarded = {id(n) for inner in ast.walk(node) if isinstance(inner, ast.If) for n in ast.walk(inner)}
        found += [(call.lineno, called + (" on a condition" if id(call) in guarded else ""))
                  for called, call in called_functions(node) if called in HIDING_CALLS]
        owner = name.split("::")[0]
        found += list(swallows(module, owner, node, operations)) + list(never_runs(module, owner, node, operations))
    return [{"line": line, "text": text} for line, text in sorted(set(found))][:100]


def range_size(module, node):
    """How many turns `for _ in range(N)` makes, None where that is not a number here."""
    items = module.items(node)
    return len(items) if items is not None else None


def loops_of(function):
    """What each loop of the test and its own helpers runs over: {text: the turns, None for a number that is computed}."""
    module, found = function.module, {}
    for name in reached_from(module, function.name):
        for node in ast.walk(module.functions[name]):
            if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
                found[module.source(node.iter)] = range_size(module, node.iter)
            elif isinstance(node, ast.Call) and last_name(dotted(node.func)) in ("map", "starmap", "imap", "submit", "repeat"):
                found[module.source(node)] = None
            elif isinstance(node, ast.While):
                found[module.source(node.test)] = None
    return found


def repeats_of(function, original_loops, siblings):
    """How often the operation runs: the product of its rows, and of the loops that the original has not; None where the
    number is not written down."""
    turns = [len(p.rows) if p.rows is not None else None for p in function.parametrisations]
    turns += [count for text, count in loops_of(function).items() if text not in original_loops]
    decorators = [d for node in function.module.functions.values() for d in node.decorator_list if isinstance(d, ast.Call)]
    has_params = any(is_fixture(d) and any(k.arg == "params" for k in d.keywords) for d in decorators)
    by_hook = "pytest_generate_tests" in function.module.functions or has_params
    by_helper = any(isinstance(n, (ast.For, ast.While)) for other in siblings if not other.path.endswith("conftest.py") for n in ast.walk(other.tree))
    by_hook = by_hook or any("pytest_generate_tests" in other.functions and "stress" not in other.functions for other in siblings)
    if by_hook or by_helper or "repeat" in function.markers() or None in turns:
        return None
    product = 1
    for count in turns:
        product *= max(count, 1)
    return min(product, 1 << 30)


def given_values(function):
    """What names are given: as keywords of calls, by assignments and parameters; {name: texts}, none where not known."""
    module, found = function.module, {}

    def give(name, node):
        found.setdefault(name, []).append(comparable(module, node))

    for parametrisation, nodes in all_rows(function):
        for name, node in zip(parametrisation.names, nodes):
            give(name, node)
    for name in reached_from(module, function.name):
        for node in ast.walk(module.functions[name]):
            if isinstance(node, ast.Call):
                for keyword in node.keywords:
                    if keyword.arg:
                        give(keyword.arg, keyword.value)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        give(target.id, node.value)
    return {name: [] if None in values else sorted(set(values)) for name, values in found.items()}


def runs_original(module, original):
    """Whether the file takes tests or helpers of the original's own file."""
    stem = original.rsplit("/", 1)[-1].removesuffix(".py") if original else None
    used = {node.id for node in ast.walk(module.tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and stem and (node.module or "").split(".")[-1] == stem:
            if any(alias.name == "*" or alias.name.startswith("test") or (alias.asname or alias.name) in used for alias in node.names):
                return True
        if isinstance(node, ast.Import) and stem and any(alias.name.split(".")[-1] == stem for alias in node.names):
            return True
        if isinstance(node, ast.Call) and last_name(dotted(node.func)) in ("import_module", "spec_from_file_location", "run_path", "run_module"):
            named = [argument.value for argument in node.args if isinstance(argument, ast.Constant) and isinstance(argument.value, str)]
            if not named or stem and any(stem in name for name in named):
                return True
    return False


KNOWN_MODULES = {"os", "sys", "re", "time", "math", "random", "json", "pathlib", "threading", "subprocess", "typing", "itertools",
                 "functools", "contextlib", "pytest", "torch", "ttnn", "numpy", "np", "loguru", "tracy", "gc", "collections"}


def takes_helpers(module):
    """Whether it imports what lies in files that are not beside it: what these call is not known here."""
    names = [node.module if isinstance(node, ast.ImportFrom) else alias.name for node, alias in module.imports.values()]
    return any((name or "").split(".")[0] not in KNOWN_MODULES for name in names)


def asked_by_name(function):
    """Fixtures that are got by request.getfixturevalue("NAME")."""
    for name in reached_from(function.module, function.name):
        for node in ast.walk(function.module.functions[name]):
            if isinstance(node, ast.Call) and last_name(dotted(node.func)) == "getfixturevalue" and node.args:
                if isinstance(node.args[0], ast.Constant):
                    yield str(node.args[0].value)


def shape_of(checkout, function, original):
    """Of a stress test as it is written: all its rows."""
    module = function.module
    fixture, kind, _ = device_setup(checkout, function)
    asked = next((name for name in asked_by_name(function) if is_device_fixture(name)), None)
    if kind == "none" and asked:
        fixture, kind = asked, f"fixture:{asked}"
    found = find_fixture(checkout, function, fixture) if fixture else None
    return {
        "path": module.path,
        "name": function.name,
        "line": function.node.lineno,
        "fixture_kind": kind,
        "fixtures": [name for name in function.fixtures() if name not in BUILTIN_FIXTURES and not find_fixture(checkout, function, name)],
        "own_fixture": f"{found[0].path}:{found[1].lineno}" if found else "",
        "marks": function.markers(),
        "set_up": set_up_of(module, all_rows(function)),
        "opens": open_arguments_of(function),
        "uses": uses_of(checkout, function),
        "hides": hiding_places(function, original["operations"]),
        "values": {name: values for name, values in given_values(function).items() if name in original["values"]},
        "repeats": repeats_of(function, original["loops"], list(imported_siblings(checkout, module))),
        "loops": [text for text in loops_of(function) if text in original["loops"]],
        "takes_helpers": takes_helpers(module) or any(isinstance(d, ast.Name) for d in function.node.decorator_list),
        "runs_original": runs_original(module, original["path"]),
    }


def own_values(module, rows):
    """Of the failing id the parameters that are no fixtures'."""
    return {
        name: [value] if (value := comparable(module, node)) is not None else []
        for p, index in rows for name, node in zip(p.names, p.rows[index][0]) if name not in p.indirect
    }


def original_shape(checkout, function, rows, statement, frames):
    """Of the original: the failing id's rows alone; `fixtures` are those that a conftest.py of the checkout defines."""
    module = function.module
    known = describe_fixtures(checkout, function).items()
    operations = operations_of(module, statement, frames) if statement is not None else []
    return {
        "path": module.path,
        "name": function.name,
        "line": function.node.lineno,
        "fixtures": [name for name, facts in known if (facts["defined"] or "").partition(":")[0].endswith("conftest.py")],
        "marks": function.markers(),
        "set_up": set_up_of(module, [(p, p.rows[index][0]) for p, index in rows]),
        "opens": open_arguments_of(function),
        "operations": operations,
        "values": {name: values for name, values in own_values(module, rows).items() if values},
        "loops": sorted(loops_of(function))[:MOST_NAMES],
        "hides": hiding_places(function, operations),
    }


def written_shapes(checkout, paths, original, is_test):
    """The shapes of all tests in these files; what is no Python has none, its compiler says why."""
    found = []
    for path in paths:
        module = checkout.module(path)
        for name, node in module.functions.items() if module is not None else []:
            if not is_test(module, name, node):
                continue
            if len(found) >= MOST_SHAPES:
                return found
            try:
                found.append(shape_of(checkout, Function(module, name), original))
            except Exception:  # what nobody can read is compared with nothing
                found.append({"path": path, "name": name, "line": node.lineno, "repeats": None, "runs_original": True})
    return found
