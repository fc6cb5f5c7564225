#!/usr/bin/env python3
"""Reads test sources and says what a test is made of: read_test_source.py < REQUEST > FACTS

REQUEST is one JSON object: {"root": folder of the checkout, "files": [paths relative to it], "test": node id or gtest
name or null, "frames": [{"file", "line", "function"}] of the failure's stack, outermost first, "line": the line of the
test's file that failed or null}. FACTS is one JSON object: "tests" {path: {"framework", "functions": {name: facts}}},
"origins" {JSON pointer: {"file", "line"}}, "problems" [{"where", "reason", "remedy"}].

Python is read with `ast`, never imported or run; C++ by its tokens, as far as Google Test's macros need. Standard
library only. What cannot be read is a problem, never an end: one bad file does not hide the others.
"""
import ast
import itertools
import json
import os
import re
import resource
import sys

LARGEST_FILE = 1 << 20
MOST_FILES = 5000
MOST_COMBINATIONS = 20000
CPU_SECONDS = 20
MEMORY = 1 << 30
ANSWER = 64 << 20

BUILTIN_FIXTURES = {
    "request", "tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory", "monkeypatch", "capsys", "capfd", "caplog",
    "capsysbinary", "capfdbinary", "recwarn", "pytestconfig", "cache", "record_property", "record_testsuite_property",
    "record_xml_attribute", "doctest_namespace", "testdir", "pytester", "worker_id", "testrun_uid", "benchmark",
}
OPENERS = {"ttnn.open_device", "ttnn.open_mesh_device", "ttnn.CreateDevice", "ttnn.CreateDevices", "ttl.device.CreateDevice"}
# A call of one of these changes the state of the device, which any later call may wait for.
DEVICE_LIBRARIES = {"ttnn", "tt_lib", "ttl", "tt_metal", "tt_eager"}
LOGGING = re.compile(r"^(logger|logging|log|print|warnings)\b")
PURE_CALLS = {"len", "isinstance", "abs", "min", "max", "sum", "all", "any", "float", "int", "str", "list", "tuple", "range",
              "sorted", "set", "dict", "type", "hasattr", "getattr", "round", "repr", "zip", "enumerate"}


class Facts:
    """The answer, and where each value was read."""

    def __init__(self):
        self.tests, self.origins, self.problems = {}, {}, []

    def put(self, path, value, file, line):
        node = self.tests
        for name in path[:-1]:
            node = node.setdefault(name, {})
        node[path[-1]] = value
        pointer = "/tests" + "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in path)
        self.origins[pointer] = {"file": file, "line": line}

    def problem(self, where, reason, remedy):
        self.problems.append({"where": where, "reason": reason, "remedy": remedy})


class Checkout:
    """The files of one folder; nothing outside of it is ever read."""

    def __init__(self, root):
        self.root = os.path.realpath(root)
        self.cache = {}

    def text(self, path):
        """The file's text, or None where there is none, it leaves the checkout, or it is too large."""
        whole = os.path.join(self.root, path)
        if os.path.realpath(whole) != os.path.normpath(whole) or not os.path.isfile(whole):
            return None
        if os.path.getsize(whole) > LARGEST_FILE:
            return None
        with open(whole, "rb") as file:
            return file.read().decode("utf-8", "replace")

    def module(self, path):
        """The parsed module, or None."""
        if path not in self.cache:
            self.cache[path] = None
            text = self.text(path)
            if text is not None and "\0" not in text:
                try:
                    self.cache[path] = Module(path, text)
                except (SyntaxError, ValueError, RecursionError, MemoryError):
                    pass
        return self.cache[path]

    def conftests(self, path):
        """conftest.py from the test's folder up to the root, the nearest first."""
        folder = os.path.dirname(path)
        while True:
            name = os.path.join(folder, "conftest.py")
            if os.path.isfile(os.path.join(self.root, name)):
                yield name
            if not folder:
                return
            folder = os.path.dirname(folder)


def dotted(node):
    """"a.b.c" of an attribute chain; "" of anything else."""
    names = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([node.id] + names[::-1])


def is_fixture(decorator):
    return dotted(decorator.func if isinstance(decorator, ast.Call) else decorator) in ("pytest.fixture", "fixture")


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Module:
    """One Python source: its functions (and those of its classes), constants and imports."""

    def __init__(self, path, text):
        self.path, self.text, self.lines = path, text, text.splitlines()
        self.tree = ast.parse(text)
        self.functions, self.classes, self.constants, self.imports = {}, {}, {}, {}
        for node in self.tree.body:
            self.take(node)

    def take(self, node):
        if isinstance(node, FUNCTIONS):
            self.functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            self.classes[node.name] = node
            for member in node.body:
                if isinstance(member, FUNCTIONS):
                    self.functions[node.name + "::" + member.name] = member
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.constants[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self.constants[node.target.id] = node.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                self.imports[(alias.asname or alias.name).split(".")[0] if isinstance(node, ast.Import) else alias.asname or alias.name] = (node, alias)
        elif isinstance(node, (ast.If, ast.Try)):
            for child in ast.iter_child_nodes(node):
                self.take(child)

    def source(self, node):
        """The node as written, on one line."""
        return " ".join((ast.get_source_segment(self.text, node) or ast.unparse(node)).split())

    def value(self, node, depth=0):
        """A JSON value where the node is a literal, else its source; names of constants are looked through."""
        if depth > 20:
            return self.source(node)
        if isinstance(node, ast.Constant):
            plain = isinstance(node.value, (str, int, float, bool)) or node.value is None
            finite = not isinstance(node.value, float) or node.value == node.value and abs(node.value) != float("inf")
            return node.value if plain and finite else self.source(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.value(node.operand, depth + 1)
            return -inner if isinstance(inner, (int, float)) and not isinstance(inner, bool) else self.source(node)
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self.value(item, depth + 1) for item in node.elts]
        if isinstance(node, ast.Dict):
            return {
                str(self.value(key, depth + 1)) if key is not None else "**": self.value(value, depth + 1)
                for key, value in zip(node.keys, node.values)
            }
        if isinstance(node, ast.Name) and node.id in self.constants and self.constants[node.id] is not node:
            return self.value(self.constants[node.id], depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Add, ast.Sub)):
            left, right = self.value(node.left, depth + 1), self.value(node.right, depth + 1)
            if all(isinstance(side, int) and not isinstance(side, bool) and abs(side) < 1 << 40 for side in (left, right)):
                return left * right if isinstance(node.op, ast.Mult) else left + right if isinstance(node.op, ast.Add) else left - right
            if isinstance(node.op, ast.Add) and isinstance(left, list) and isinstance(right, list):
                return left + right
        return self.source(node)

    def items(self, node, depth=0):
        """The nodes of a list of values; None where nobody knows without running it."""
        if depth > 10:
            return None
        if isinstance(node, ast.Name) and node.id in self.constants:
            return self.items(self.constants[node.id], depth + 1)
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            if any(isinstance(item, ast.Starred) for item in node.elts):
                return None
            return node.elts
        if isinstance(node, ast.Call) and dotted(node.func) == "range" and 1 <= len(node.args) <= 3:
            bounds = [self.value(argument) for argument in node.args]
            if all(isinstance(bound, int) for bound in bounds) and (len(bounds) < 3 or bounds[2] != 0):
                numbers = range(*bounds)
                if len(numbers) <= 1000:
                    return [ast.copy_location(ast.Constant(number), node) for number in numbers]
        if isinstance(node, ast.Call) and dotted(node.func) in ("list", "tuple", "sorted") and len(node.args) == 1:
            return self.items(node.args[0], depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.items(node.left, depth + 1), self.items(node.right, depth + 1)
            return None if left is None or right is None else list(left) + list(right)
        return None


class Parametrisation:
    """One `pytest.mark.parametrize`: names, values as nodes, ids as far as they are written."""

    def __init__(self, module, call):
        arguments = {keyword.arg: keyword.value for keyword in call.keywords}
        for name, node in zip(("argnames", "argvalues", "indirect", "ids"), call.args):
            arguments[name] = node
        names = arguments.get("argnames")
        named = module.value(names) if names is not None else []
        self.names = [name.strip() for name in named.split(",") if name.strip()] if isinstance(named, str) else [str(n) for n in named]
        self.key = ", ".join(self.names)
        self.line = call.lineno
        self.node = arguments.get("argvalues")
        self.rows = None  # each: its nodes, one for each name, and its written id or None
        items = module.items(self.node) if self.node is not None else None
        ids = arguments.get("ids")
        written = module.items(ids) if ids is not None else None
        self.ids_by_function = ids is not None and written is None
        if items is not None:
            self.rows = [self.row(module, item, written[i] if written and i < len(written) else None) for i, item in enumerate(items)]
        indirect = module.value(arguments["indirect"]) if "indirect" in arguments else False
        self.indirect = list(self.names) if indirect is True else [n for n in self.names if isinstance(indirect, list) and n in indirect]

    def row(self, module, item, written):
        name = module.value(written) if written is not None else None
        nodes = [item]
        if isinstance(item, ast.Call) and dotted(item.func) in ("pytest.param", "param"):
            nodes = list(item.args)
            for keyword in item.keywords:
                if keyword.arg == "id":
                    name = module.value(keyword.value)
        elif len(self.names) > 1:
            looked = module.items(item)
            nodes = looked if looked is not None else [item]
        return nodes, str(name) if name is not None else None

    def values(self, module):
        """As JSON: of one name a list, of several a list of lists; the source where it is not written out."""
        if self.rows is None:
            return module.source(self.node) if self.node is not None else None
        if len(self.names) == 1:
            return [module.value(nodes[0]) if nodes else None for nodes, _ in self.rows]
        return [[module.value(node) for node in nodes] for nodes, _ in self.rows]

    def ids(self, module, index):
        """The forms that the id of a row may have: as pytest makes it, and with each value behind its name."""
        nodes, written = self.rows[index]
        if written is not None:
            return [written]
        plain, named = [], []
        for position, name in enumerate(self.names):
            value = module.value(nodes[position]) if position < len(nodes) else None
            node = nodes[position] if position < len(nodes) else None
            is_literal = isinstance(value, (str, int, float, bool)) or value is None
            looks = isinstance(node, ast.Constant) or (is_literal and not isinstance(value, str))
            plain.append(id_word(value) if looks else f"{name}{index}")
            shown = repr(as_tuples(node, value)) if not isinstance(value, str) else value
            named.append(f"{name}={shown}")
        return ["-".join(plain), "-".join(named)]


def as_tuples(node, value):
    """The value as Python prints it: tuples stay tuples."""
    if isinstance(value, list):
        children = node.elts if isinstance(node, (ast.Tuple, ast.List)) else [None] * len(value)
        items = [as_tuples(child, item) for child, item in zip(children, value)]
        return tuple(items) if isinstance(node, ast.Tuple) else items
    return value


def id_word(value):
    return value if isinstance(value, str) else str(value)


def same_word(written, logged):
    """Whether a value's words agree: DataType.BFLOAT16 and ttnn.bfloat16 do."""
    if written == logged:
        return True
    a, b = written.partition("="), logged.partition("=")
    if a[1] and b[1] and a[0] != b[0]:
        return False
    last = [(part[2] if part[1] else part[0]).replace(" ", "").lower().rsplit(".", 1) for part in (a, b)]
    return last[0][-1] == last[1][-1] and not last[0][-1].replace("-", "").isdigit()


class Function:
    """One test function: its decorators and those of its class and module."""

    def __init__(self, checkout, module, name):
        self.checkout, self.module, self.name = checkout, module, name
        self.node = module.functions[name]
        self.owner = module.classes.get(name.split("::")[0]) if "::" in name else None
        self.marks = self.collect_marks()
        self.parametrisations = [
            Parametrisation(module, mark) for mark in self.marks if isinstance(mark, ast.Call) and self.mark_name(mark) == "parametrize"
        ]

    def collect_marks(self):
        """Marks from the outermost: module, class, function; of each the first written first."""
        marks = []
        for holder in (self.module.constants.get("pytestmark"), self.class_constant("pytestmark")):
            if holder is not None:
                marks += list(holder.elts) if isinstance(holder, (ast.List, ast.Tuple)) else [holder]
        if self.owner is not None:
            marks += self.owner.decorator_list
        return marks + self.node.decorator_list

    def class_constant(self, name):
        for node in self.owner.body if self.owner is not None else []:
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return node.value
        return None

    @staticmethod
    def mark_name(mark):
        name = dotted(mark.func if isinstance(mark, ast.Call) else mark)
        return name.split(".")[-1] if ".mark." in "." + name else ""

    def markers(self):
        hidden = {"", "parametrize", "timeout", "usefixtures"}
        names = []
        for mark in self.marks:
            name = self.mark_name(mark)
            if name not in hidden and name not in names:
                names.append(name)
        return names

    def mark_value(self, wanted, keyword):
        for mark in reversed(self.marks):
            if isinstance(mark, ast.Call) and self.mark_name(mark) == wanted:
                nodes = list(mark.args[:1]) + [k.value for k in mark.keywords if k.arg == keyword]
                if nodes:
                    return self.module.value(nodes[0]), mark.lineno
        return None, 0

    def arguments(self):
        names = [argument.arg for argument in self.node.args.posonlyargs + self.node.args.args + self.node.args.kwonlyargs]
        return [name for name in names if name not in ("self", "cls")]

    def fixtures(self):
        """The names that pytest has to provide."""
        given = {name for p in self.parametrisations for name in p.names if name not in p.indirect}
        names = [name for name in self.arguments() if name not in given]
        for mark in self.marks:
            if isinstance(mark, ast.Call) and self.mark_name(mark) == "usefixtures":
                names += [str(self.module.value(argument)) for argument in mark.args]
        return list(dict.fromkeys(names))

    def indirect(self):
        return [name for p in self.parametrisations for name in p.indirect]


def find_fixture(checkout, function, name):
    """Where pytest would find the fixture: the class, the module, then conftest.py from the nearest up."""
    places = []
    if function.owner is not None:
        places.append((function.module, function.owner.body))
    places.append((function.module, function.module.tree.body))
    for path in checkout.conftests(function.module.path):
        module = checkout.module(path)
        if module is not None:
            places.append((module, module.tree.body))
    for module, body in places:
        for node in body:
            if isinstance(node, FUNCTIONS):
                for decorator in node.decorator_list:
                    if is_fixture(decorator) and fixture_name(module, node, decorator) == name:
                        return module, node, decorator
    return None


def fixture_name(module, node, decorator):
    return fixture_option(module, decorator, "name") or node.name


def fixture_option(module, decorator, name):
    for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
        if keyword.arg == name:
            return module.value(keyword.value)
    return None


def autouse_fixtures(checkout, function):
    bodies = [(function.module, function.module.tree.body)]
    if function.owner is not None:
        bodies.append((function.module, function.owner.body))
    for path in checkout.conftests(function.module.path):
        if checkout.module(path) is not None:
            bodies.append((checkout.module(path), checkout.module(path).tree.body))
    for module, body in bodies:
        for node in body:
            if isinstance(node, FUNCTIONS):
                for decorator in node.decorator_list:
                    if is_fixture(decorator) and fixture_option(module, decorator, "autouse") is True:
                        yield fixture_name(module, node, decorator)


def yields(node):
    return any(isinstance(inner, (ast.Yield, ast.YieldFrom)) for inner in ast.walk(node))


def describe_fixtures(checkout, function):
    """Each fixture that takes part, in the order in which pytest sets them up: needs come first."""
    found, open_names = {}, set()

    def visit(name):
        if name in found or name in open_names or len(found) > 100:
            return
        open_names.add(name)
        place = find_fixture(checkout, function, name)
        if place is None:
            found[name] = {"defined": "pytest" if name in BUILTIN_FIXTURES else None}
            return
        module, node, decorator = place
        needs = [argument.arg for argument in node.args.args if argument.arg not in ("self", "cls")]
        for need in needs:
            if need != name:
                visit(need)
        found[name] = {
            "defined": f"{module.path}:{node.lineno}",
            "scope": fixture_option(module, decorator, "scope") or "function",
            "needs": needs,
            "has_teardown": yields(node) or "request.addfinalizer" in (ast.get_source_segment(module.text, node) or ""),
        }

    for name in list(dict.fromkeys(list(autouse_fixtures(checkout, function)) + function.fixtures())):
        visit(name)
    return found


def is_device_fixture(name):
    return "device" in name and name != "device_params" and not name.endswith("device_params")


def called_functions(module, node):
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            yield dotted(inner.func), inner


def reachable_functions(module, name):
    """The function and those of the same file that it calls, directly or not: {name: the call's line}."""
    found, waiting = {name: 0}, [name]
    while waiting:
        current = waiting.pop()
        for called, call in called_functions(module, module.functions[current]):
            for candidate in (called, current.split("::")[0] + "::" + called[5:] if called.startswith("self.") else ""):
                if candidate in module.functions and candidate not in found:
                    found[candidate] = call.lineno
                    waiting.append(candidate)
    return found


def opening_call(function):
    """The call that opens a device directly, in the test or its own helpers."""
    module = function.module
    for name in reachable_functions(module, function.name):
        for called, call in called_functions(module, module.functions[name]):
            if called in OPENERS or called.split(".")[-1] in ("open_device", "open_mesh_device"):
                return called, call
    return None


def device_setup(checkout, function):
    fixture = next((name for name in function.fixtures() if is_device_fixture(name)), None)
    if fixture is not None:
        if fixture in function.indirect():
            return fixture, f"fixture:{fixture} (indirect)", None
        if fixture == "device" and "use_module_device" in function.markers():
            return fixture, "fixture:device (module scope: use_module_device)", None
        place = find_fixture(checkout, function, fixture)
        scope = fixture_option(place[0], place[2], "scope") if place else None
        return fixture, f"fixture:{fixture}" + (f" ({scope} scope)" if scope and scope != "function" else ""), None
    call = opening_call(function)
    return (None, f"direct:{call[0]}", call[1]) if call else (None, "none", None)


def open_arguments(module, call):
    """Arguments of the call that opens the device: keywords by name, the first positional one as the device's id."""
    arguments = {"device_id": module.value(call.args[0])} if call.args else {}
    arguments.update({keyword.arg: module.value(keyword.value) for keyword in call.keywords if keyword.arg})
    return arguments


def opened_things(function):
    """Files, models and variables of the environment that the test and its own helpers reach for."""
    module, things = function.module, []
    for name in reachable_functions(module, function.name):
        for node in ast.walk(module.functions[name]):
            if isinstance(node, ast.Call):
                called = dotted(node.func)
                last = called.split(".")[-1]
                reads = called in ("open", "Path", "pathlib.Path", "os.getenv", "os.environ.get", "torch.load", "np.load", "numpy.load")
                if reads or last.startswith(("from_pretrained", "load_", "hf_hub", "snapshot_download")):
                    things.append({"what": module.source(node)[:200], "line": node.lineno})
            elif isinstance(node, ast.Subscript) and dotted(node.value) == "os.environ":
                things.append({"what": module.source(node)[:200], "line": node.lineno})
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"^(/mnt/|/proj|/home/|/opt/|models/|tests/)\S+$", node.value):
                things.append({"what": node.value[:200], "line": node.lineno})
    return things[:100]


def helper_calls(checkout, function):
    """Functions of the checkout that the test calls: {name: path:line}."""
    module, found = function.module, {}
    for name in reachable_functions(module, function.name):
        if name != function.name:
            found[name] = f"{module.path}:{module.functions[name].lineno}"
        for called, _ in called_functions(module, module.functions[name]):
            first = called.split(".")[0]
            if first not in module.imports:
                continue
            node, alias = module.imports[first]
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for path in (node.module.replace(".", "/") + ".py", node.module.replace(".", "/") + "/__init__.py"):
                    other = checkout.module(path)
                    if other is not None and alias.name in other.functions:
                        found[called] = f"{path}:{other.functions[alias.name].lineno}"
    return dict(sorted(found.items()))


def flow_of(fixtures, function):
    """What happens in which order: set-up, the test, tear-down."""
    steps = [f"set up {name} ({facts['defined'] or 'defined nowhere in the checkout'})" for name, facts in fixtures.items()]
    steps.append(f"test {function.name} ({function.module.path}:{function.node.lineno})")
    for node in ast.walk(function.node):
        if isinstance(node, ast.Try) and node.finalbody:
            steps.append(f"finally ({function.module.path}:{node.finalbody[0].lineno})")
    steps += [f"tear down {name}" for name, facts in reversed(list(fixtures.items())) if facts.get("has_teardown")]
    return steps


def resolve_id(function, logged):
    """The concrete parameters of a logged id: {name: value}; and a reason where it is not clear."""
    module = function.module
    if not function.parametrisations:
        return {}, None
    # The decorator nearest to the function comes first in the id.
    ordered = function.parametrisations[::-1]
    if any(p.rows is None for p in ordered):
        return None, "some values are not written out in the source"
    choices = [[(p, index, p.ids(module, index)) for index in range(len(p.rows))] for p in ordered]
    total = 1
    for choice in choices:
        total *= max(1, len(choice))
    if total > MOST_COMBINATIONS:
        return None, f"there are {total} combinations"
    exact, loose = [], []
    for combination in itertools.product(*choices):
        for forms in itertools.product(*[ids for _, _, ids in combination]):
            if "-".join(forms) == logged or ("-" + logged + "-").find("-" + "-".join(forms) + "-") >= 0:
                exact.append(combination)
                break
        else:
            if loosely_fits(combination, logged):
                loose.append(combination)
    found = exact or loose
    if len(found) != 1:
        return None, f"the id fits {len(found)} of {total} combinations"
    return {p.key: row_value(module, p, index) for p, index, _ in found[0]}, None


def row_value(module, parametrisation, index):
    return parametrisation.values(module)[index]


def loosely_fits(combination, logged):
    """Each part in its order, where values may be spelled otherwise (an enum's own name)."""
    words = split_id(logged)
    at = 0
    for _, _, ids in combination:
        for form in ids[::-1]:
            parts = split_id(form)
            start = next(
                (i for i in range(at, len(words) - len(parts) + 1) if all(same_word(a, b) for a, b in zip(parts, words[i:]))), None
            )
            if start is not None:
                at = start + len(parts)
                break
        else:
            return False
    return True


def split_id(text):
    """At hyphens outside of brackets."""
    parts, depth, current = [], 0, ""
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "-" and depth <= 0:
            parts.append(current)
            current = ""
        else:
            current += character
    return parts + [current]


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


def names_changed(node, fixed):
    """Names whose objects a call of the statement may change: of which a method is called, or that are passed on.
    Those in `fixed` (modules, functions) are not changed by being called."""
    changed = set()
    for part in head_nodes(node):
        for call in (inner for inner in ast.walk(part) if isinstance(inner, ast.Call)):
            if isinstance(call.func, ast.Attribute):
                root = call.func.value
                while isinstance(root, (ast.Attribute, ast.Subscript)):
                    root = root.value
                if isinstance(root, ast.Name) and root.id not in fixed:
                    changed.add(root.id)
            if not isinstance(node, ast.Expr):
                continue
            for argument in call.args + [keyword.value for keyword in call.keywords]:
                changed |= names_read(argument)
    return changed


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


class Slice:
    """The statements of one function that a statement depends on: by the names that it reads, and by what decides
    whether it runs. Conservative: what may change an object that is read belongs to it."""

    def __init__(self, function_node, target, fixed):
        self.function, self.target, self.fixed = function_node, target, fixed
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
        for ancestor in self.ancestors(node):
            self.keep(ancestor)
        return True

    def comes_before(self, node):
        """The statement may run before the target: it stands before it, or in a loop around both."""
        if node.lineno < self.target.lineno:
            return True
        loops = {a for a in self.ancestors(self.target) if isinstance(a, (ast.For, ast.AsyncFor, ast.While))}
        return any(a in loops for a in self.ancestors(node))

    def matters(self, node):
        if is_noise(node) or checks_only(node):
            return False
        if names_bound(node) & self.names or names_changed(node, self.fixed) & self.names:
            return True
        if isinstance(node, ast.If) and node.lineno < self.target.lineno and leaves(node):
            return True
        return isinstance(node, ast.Expr) and sets_something(node)

    def grow(self):
        self.keep(self.target)
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
        """A guard and a nested function are kept with their bodies; of others the head."""
        grew = self.keep(node)
        whole = isinstance(node, FUNCTIONS + (ast.ClassDef,)) or (isinstance(node, ast.If) and leaves(node) and node not in set(self.ancestors(self.target)))
        if whole:
            for inner in ast.walk(node):
                if isinstance(inner, ast.stmt) and inner not in self.kept:
                    self.kept.add(inner)
                    self.names |= names_read(inner)
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
        if yields(node):
            reasons.append(f"{module.path}:{node.lineno} is a generator")
    for name, (node, alias) in module.imports.items():
        if name == "*":
            reasons.append(f"{module.path}:{node.lineno} imports names that the source does not tell")
    return list(dict.fromkeys(reasons))[:20]


def call_chain(module, test, inner):
    """Names of the functions from the test to the one that failed, and the line of each call to the next."""
    waiting, seen = [[(test, None)]], {test}
    while waiting:
        chain = waiting.pop(0)
        name = chain[-1][0]
        if name == inner:
            return chain
        for called, call in called_functions(module, module.functions[name]):
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


def slice_of(module, test, failing_function, failing, frames):
    """The backward slice from the failing statement up to the test function."""
    chain = call_chain(module, test, failing_function)
    if chain is None:
        return {"functions": {}, "imports": [], "definitions": [], "unsafe": [f"no call of {failing_function} was found"], "kept": 0, "of": 0}
    logged = {frame["function"].split(".")[-1]: frame["line"] for frame in frames}
    functions, names, kept, total = {}, set(), 0, 0
    for name, call_line in reversed(chain):
        node = module.functions[name]
        line = failing.lineno if name == failing_function else logged.get(name.split("::")[-1], call_line)
        target = failing if name == failing_function else statement_at(node, line) or statement_at(node, call_line)
        if target is None:
            continue
        part = Slice(node, target, (set(module.imports) | set(module.functions)) - DEVICE_LIBRARIES)
        functions[name] = {"lines": part.lines(), "target": target.lineno}
        names |= part.names
        kept += part.count()
        total += sum(isinstance(inner, ast.stmt) for inner in ast.walk(node)) - 1
    sliced = [name for name, _ in chain]
    imports, definitions = module_needs(module, names - {name.split("::")[-1] for name in sliced})
    return {
        "functions": functions, "imports": imports, "definitions": definitions,
        "unsafe": unsafe_reasons(module, sliced), "kept": kept, "of": total,
    }


def failing_line_in(module, request):
    """The line of this file that failed: the innermost frame in it, else what the log says of the test's file."""
    frames = [frame for frame in request["frames"] if same_file(frame["file"], module.path)]
    line = frames[-1]["line"] if frames else 0
    return frames, line or request.get("line") or 0


def same_file(logged, path):
    return logged == path or logged.endswith("/" + path)


def describe_failure(facts, module, function, base, request):
    frames, line = failing_line_in(module, request)
    name = function_at(module, line) if line else None
    if name is None:
        return
    statement = statement_at(module.functions[name], line)
    if statement is None:
        facts.problem(f"{module.path}:{line}", "is no statement of a function", "is the checkout the commit that CI ran?")
        return
    body = getattr(statement, "body", None)
    whole = isinstance(body, list)
    text = " ".join(l.strip() for l in module.lines[statement.lineno - 1 : head_end(statement)]) if whole else module.source(statement)
    facts.put(base + ["failing_statement"], text, module.path, statement.lineno)
    facts.put(base + ["failing_line"], line, module.path, line)
    facts.put(base + ["in_function"], name, module.path, module.functions[name].lineno)
    part = slice_of(module, function.name, name, statement, frames)
    facts.put(base + ["slice"], part, module.path, statement.lineno)


def describe_function(facts, checkout, module, name, request, parameters):
    function = Function(checkout, module, name)
    base, line = [module.path, "functions", name], function.node.lineno
    fixture, kind, call = device_setup(checkout, function)
    facts.put(base, {}, module.path, line)
    facts.put(base + ["line"], line, module.path, line)
    facts.put(base + ["fixture"], fixture, module.path, line)
    facts.put(base + ["fixture_kind"], kind, module.path, call.lineno if call else line)
    if call is not None:
        facts.put(base + ["open_args"], open_arguments(module, call), module.path, call.lineno)
    for parametrisation in function.parametrisations:
        facts.put(base + ["params", parametrisation.key], parametrisation.values(module), module.path, parametrisation.line)
        ids = [row[1] for row in parametrisation.rows or []]
        if any(ids):
            facts.put(base + ["ids", parametrisation.key], ids, module.path, parametrisation.line)
    if function.markers():
        facts.put(base + ["markers"], function.markers(), module.path, line)
    if function.indirect():
        facts.put(base + ["indirect"], function.indirect(), module.path, line)
    seconds, where = function.mark_value("timeout", "timeout")
    if isinstance(seconds, (int, float)):
        facts.put(base + ["timeout_s"], seconds, module.path, where)
    if request["test"] is None:
        return
    fixtures = describe_fixtures(checkout, function)
    facts.put(base + ["fixtures"], fixtures, module.path, line)
    facts.put(base + ["flow"], flow_of(fixtures, function), module.path, line)
    facts.put(base + ["opens"], opened_things(function), module.path, line)
    facts.put(base + ["helpers"], helper_calls(checkout, function), module.path, line)
    if parameters is not None:
        values, reason = resolve_id(function, parameters)
        facts.put(base + ["parameters"], values, module.path, line)
        if reason:
            facts.problem(f"{module.path}:{line}", f"the parameters of [{parameters}] are not clear: {reason}", "read them by hand")
    describe_failure(facts, module, function, base, request)


def is_test_function(module, name, node):
    if any(is_fixture(decorator) for decorator in node.decorator_list):
        return False
    owner, _, own = name.rpartition("::")
    return own.startswith("test") and (not owner or owner.startswith("Test"))


def read_python(facts, checkout, path, request):
    text = checkout.text(path)
    if text is None:
        facts.problem(path, "cannot be read", "is it a file of the checkout, and no larger than a MiB?")
        return
    try:
        module = checkout.module(path) or Module(path, text)
    except SyntaxError as error:
        facts.problem(f"{path}:{error.lineno or 1}", f"is no Python: {error.msg}", "mend the line, or take the commit that CI ran")
        return
    except (ValueError, RecursionError, MemoryError) as error:
        facts.problem(path, f"cannot be parsed: {error or type(error).__name__}", "is it a test?")
        return
    wanted, parameters = wanted_function(request["test"])
    names = [name for name, node in module.functions.items() if is_test_function(module, name, node)]
    chosen = [name for name in names if wanted is None or name == wanted]
    if not chosen:
        return
    facts.put([path, "framework"], "pytest", path, 1)
    for name in chosen:
        try:
            describe_function(facts, checkout, module, name, request, parameters)
        except (RecursionError, MemoryError) as error:
            facts.problem(f"{path}:{module.functions[name].lineno}", f"is too large to read: {type(error).__name__}", "read it by hand")


def wanted_function(test):
    """"a.py::TestB::test_c[p]" -> "TestB::test_c", "p"."""
    if test is None or "::" not in test:
        return None, None
    name = test.split("::", 1)[1]
    begin = name.find("[")
    return (name, None) if begin < 0 else (name[:begin], name[begin + 1 : -1] if name.endswith("]") else name[begin + 1 :])


# Google Test: the macros of a C++ source, by its tokens.

TEST_MACRO = re.compile(r"\b(TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)")
INSTANCE_MACRO = re.compile(r"\bINSTANTIATE_(?:TEST_SUITE|TEST_CASE|TYPED_TEST_SUITE)_P\s*\(")
CLASS_HEAD = re.compile(r"\b(class|struct)\s+(\w+)\s*(?:final\s*)?(?::([^{;]*))?\{")


def without_comments(text):
    """The same text, of the same length, with comments and the inside of strings blanked."""
    pattern = re.compile(r'R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.S)

    def blank(match):
        part = match.group(0)
        keep = 1 if part[0] in "\"'" else 0
        inside = "".join("\n" if c == "\n" else " " for c in part[keep : len(part) - keep])
        return part[:keep] + inside + part[len(part) - keep :] if keep else inside

    return pattern.sub(blank, text)


def closing(text, begin):
    """Where the bracket at `begin` closes; the end where it does not."""
    depth = 0
    for at in range(begin, len(text)):
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            depth -= 1
            if depth == 0:
                return at
    return len(text)


def split_arguments(plain, text, begin, end):
    """The arguments between two places, at commas outside of brackets and template arguments."""
    parts, depth, start = [], 0, begin
    for at in range(begin, end):
        character = plain[at]
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
        elif character == "," and depth == 0:
            parts.append((start, at))
            start = at + 1
    if text[start:end].strip():
        parts.append((start, end))
    return parts


class Source:
    """One C++ test source."""

    def __init__(self, path, text):
        self.path, self.text, self.plain = path, text, without_comments(text)
        self.classes = {}
        for match in CLASS_HEAD.finditer(self.plain):
            end = closing(self.plain, match.end() - 1)
            bases = [base for base in re.findall(r"([\w:]+)(?:<([^<>]*)>)?\s*(?:,|$)", re.sub(r"\b(public|protected|private|virtual)\b", "", match.group(3) or ""))]
            self.classes[match.group(2)] = {"bases": bases, "begin": match.end(), "end": end, "line": self.line(match.start())}

    def line(self, at):
        return self.plain.count("\n", 0, at) + 1

    def fields(self, name):
        """Members of a plain struct, in their order."""
        found = self.classes.get(name)
        if found is None:
            return []
        body = self.plain[found["begin"] : found["end"]]
        return re.findall(r"^\s*(?:const\s+)?[\w:<>,\s*&]+?[\s*&](\w+)\s*(?:=[^;]*|\{[^;]*\})?;", body, re.M)

    def parameter_type(self, fixture, depth=0):
        found = self.classes.get(fixture)
        if found is None or depth > 8:
            return None
        for base, argument in found["bases"]:
            if base.split("::")[-1] in ("TestWithParam", "WithParamInterface"):
                return argument.strip()
            inherited = self.parameter_type(base.split("::")[-1], depth + 1)
            if inherited:
                return inherited
        return None

    def value(self, begin, end, type_name=None, depth=0):
        """One parameter: a number, a truth value, a text, a list, or an object by the fields of its struct."""
        text = self.text[begin:end].strip()
        begin += len(self.text[begin:end]) - len(self.text[begin:end].lstrip())
        end = begin + len(text)
        if depth > 16:
            return " ".join(text.split())
        scalar = cpp_scalar(text)
        if scalar is not None:
            return scalar[0]
        head = re.match(r"(?:(?:std::)?(?:make_)?(tuple|pair)(?:<[^(){}]*>)?|([\w:]+)(?:<[^(){}]*>)?)?\s*([({])", self.plain[begin:end])
        if head is None or closing(self.plain, begin + head.end() - 1) != end - 1:
            return " ".join(text.split())
        if head.group(2) and head.group(3) == "(" and head.group(2).split("::")[-1] not in self.classes:
            return " ".join(text.split())
        parts = split_arguments(self.plain, self.text, begin + head.end(), end - 1)
        fields = self.fields((head.group(2) or type_name or "").split("::")[-1])
        designated = [re.match(r"\s*\.(\w+)\s*=\s*", self.text[a:b]) for a, b in parts]
        if parts and all(designated):
            return {match.group(1): self.value(a + match.end(), b, None, depth + 1) for match, (a, b) in zip(designated, parts)}
        values = [self.value(a, b, None, depth + 1) for a, b in parts]
        if fields and len(values) <= len(fields) and not head.group(1):
            return dict(zip(fields, values))
        return values

    def generated(self, begin, end, type_name):
        """The parameters of a generator (Values, ValuesIn, Combine, Range, Bool); its source where they are not written."""
        text = self.text[begin:end].strip()
        begin += len(self.text[begin:end]) - len(self.text[begin:end].lstrip())
        head = re.match(r"(?:::)?(?:testing::)?(Values|ValuesIn|Combine|Range|Bool)\s*(?:<[^()]*>)?\s*\(", self.plain[begin:end])
        if head is None:
            return " ".join(text.split())
        last = closing(self.plain, begin + head.end() - 1)
        parts = split_arguments(self.plain, self.text, begin + head.end(), last)
        kind = head.group(1)
        if kind == "Bool":
            return [False, True]
        if kind == "Values":
            return [self.value(a, b, type_name) for a, b in parts]
        if kind == "Combine":
            lists = [self.generated(a, b, None) for a, b in parts]
            if all(isinstance(values, list) for values in lists):
                return [list(row) for row in itertools.islice(itertools.product(*lists), MOST_COMBINATIONS)]
        if kind == "Range":
            bounds = [self.value(a, b) for a, b in parts]
            if 2 <= len(bounds) <= 3 and all(isinstance(bound, int) for bound in bounds) and (len(bounds) < 3 or bounds[2] > 0):
                return list(range(*bounds))[:MOST_COMBINATIONS]
        if kind == "ValuesIn" and len(parts) == 1:
            listed = self.listed(*parts[0], type_name)
            if listed is not None:
                return listed
        return " ".join(text.split())

    def listed(self, begin, end, type_name):
        """A braced list in place, or that of an array or vector of the file."""
        name = self.text[begin:end].strip()
        brace = self.plain.find("{", begin, end)
        if brace < 0 and re.fullmatch(r"\w+", name):
            found = re.search(rf"\b{name}\s*(?:\[[^\]]*\]\s*)?(?:=\s*)?\{{", self.plain)
            brace = found.end() - 1 if found else -1
        if brace < 0:
            return None
        parts = split_arguments(self.plain, self.text, brace + 1, closing(self.plain, brace))
        return [self.value(a, b, type_name) for a, b in parts]

    def instances(self):
        """{suite: [(instance, parameters' begin, end, line)]}"""
        found = {}
        for match in INSTANCE_MACRO.finditer(self.plain):
            parts = split_arguments(self.plain, self.text, match.end(), closing(self.plain, match.end() - 1))
            if len(parts) >= 3:
                name, suite = (self.text[a:b].strip() for a, b in parts[:2])
                found.setdefault(suite, []).append((name, *parts[2], self.line(match.start())))
        return found

    def statement_at(self, line):
        """The statement that the line belongs to, up to its semicolon, on one line."""
        starts = [0] + [match.end() for match in re.finditer("\n", self.plain)]
        if not 1 <= line <= len(starts):
            return None, 0
        at = starts[line - 1]
        stop = re.compile(r"[;{}]")
        begin = max((match.end() for match in stop.finditer(self.plain, 0, at)), default=0)
        end = at
        while end < len(self.plain) and self.plain[end] not in ";{}":
            end = closing(self.plain, end) + 1 if self.plain[end] in "([" else end + 1
        text = self.plain[begin:end]
        begin += len(text) - len(text.lstrip())
        closed = self.plain[end : end + 1] == ";"
        return " ".join(self.text[begin : end + closed].split()), self.line(begin)


def cpp_scalar(text):
    """(value,) of a literal; None of anything else."""
    if text in ("true", "false"):
        return (text == "true",)
    number = re.fullmatch(r"(-?(?:0[xX][0-9a-fA-F']+|[0-9][0-9']*))(?:[uUlLzZ]*)", text)
    if number:
        digits = number.group(1).replace("'", "")
        octal = re.fullmatch(r"-?0[0-7]+", digits)
        return (int(digits, 8 if octal else 0),)
    if re.fullmatch(r"-?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?[fFlL]?", text):
        return (float(text.rstrip("fFlL")),)
    quoted = re.fullmatch(r'"((?:\\.|[^"\\])*)"(?:s|sv)?', text)
    return (quoted.group(1),) if quoted else None


def wanted_gtest(test):
    """"Inst/Suite.Test/3" -> suite and test without index, the index."""
    if test is None or "::" in test or "." not in test:
        return None, None
    name, _, index = test.rpartition("/")
    return (name, int(index)) if name and index.isdigit() and "." in name else (test, None)


def read_gtest(facts, checkout, path, request):
    text = checkout.text(path)
    if text is None:
        facts.problem(path, "cannot be read", "is it a file of the checkout, and no larger than a MiB?")
        return
    if not TEST_MACRO.search(text):
        return
    source = Source(path, text)
    instances, (wanted, index) = source.instances(), wanted_gtest(request["test"])
    for match in TEST_MACRO.finditer(source.plain):
        macro, suite, test = match.groups()
        if source.plain[: match.start()].rstrip(" \t").endswith("#define"):
            continue
        line, body = source.line(match.start()), source.plain.find("{", match.end())
        last = source.line(closing(source.plain, body)) if body >= 0 else line
        made = instances.get(suite, []) if macro in ("TEST_P", "TYPED_TEST_P") else []
        for name, begin, end, where in made or [(None, 0, 0, 0)]:
            full = f"{name}/{suite}.{test}" if name else f"{suite}.{test}"
            if wanted is not None and full != wanted:
                continue
            describe_gtest(facts, source, [path, "functions", full], (macro, suite, test), line)
            if name:
                parameters = source.generated(begin, end, source.parameter_type(suite))
                facts.put([path, "functions", full, "params"], parameters, path, where)
                if index is not None and isinstance(parameters, list) and index < len(parameters):
                    facts.put([path, "functions", full, "parameters"], parameters[index], path, where)
            failing = [f["line"] for f in request["frames"] if same_file(f["file"], path)] + [request.get("line") or 0]
            inside = [number for number in failing if line <= number <= last]
            if wanted is not None and inside:
                statement, begin_line = source.statement_at(inside[-1])
                if statement:
                    facts.put([path, "functions", full, "failing_statement"], statement, path, begin_line)
                    facts.put([path, "functions", full, "failing_line"], inside[-1], path, inside[-1])
                    facts.put([path, "functions", full, "in_function"], full, path, line)


def describe_gtest(facts, source, base, names, line):
    macro, suite, _ = names
    facts.put([base[0], "framework"], "gtest", base[0], 1)
    facts.put(base, {}, base[0], line)
    facts.put(base + ["line"], line, base[0], line)
    facts.put(base + ["fixture"], suite if macro != "TEST" else None, base[0], line)
    facts.put(base + ["fixture_kind"], "gtest:" + macro, base[0], line)
    known = source.classes.get(suite)
    if known is not None and known["bases"]:
        facts.put(base + ["fixture_bases"], [name for name, _ in known["bases"]], base[0], known["line"])


# Which files to read.

SKIPPED_FOLDERS = {"build", "node_modules", "python_env", "venv", "__pycache__", "generated", "built"}


def is_test_file(name):
    if name.endswith(".py"):
        return name.startswith("test_") or name.endswith("_test.py")
    return name.endswith((".cpp", ".cc", ".cxx")) and "test" in name


def all_files(root, wanted):
    """Paths below the root whose names are wanted, sorted; links are not followed."""
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS and not f.startswith("."))
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(files) if wanted(name)]
        if len(found) > 20 * MOST_FILES:
            break
    return found


def candidates(checkout, test):
    """Files that define the wanted test, wherever they are: [(path, line)]."""
    found = []
    wanted, _ = wanted_function(test)
    own = (wanted or test).split("::")[-1]
    if wanted is not None:
        pattern = re.compile(rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{re.escape(own)}[ \t]*\(", re.M)
    else:
        suite, _, name = (wanted_gtest(test)[0] or "").rpartition(".")
        if not suite:
            return []
        pattern = re.compile(rf"\bTEST\w*\s*\(\s*{re.escape(suite.split('/')[-1])}\s*,\s*{re.escape(name)}\s*\)")
    suffixes = (".py",) if wanted is not None else (".cpp", ".cc", ".cxx", ".hpp")
    for path in all_files(checkout.root, lambda name: name.endswith(suffixes)):
        text = checkout.text(path)
        match = pattern.search(text) if text else None
        if match:
            found.append((path, text.count("\n", 0, match.start()) + 1))
    return found


def files_of(facts, checkout, request):
    if request["files"]:
        return request["files"]
    test = request["test"]
    if test is None:
        found = all_files(checkout.root, is_test_file)
        if len(found) > MOST_FILES:
            facts.problem(".", f"holds {len(found)} test files, of which {MOST_FILES} are read", "name a test")
        return found[:MOST_FILES]
    named = test.split("::")[0] if "::" in test else None
    if named and checkout.text(named) is not None:
        return [named]
    found = candidates(checkout, test)
    if not found:
        facts.problem(test[:200], "is defined nowhere in the checkout", "is it the commit that CI ran?")
    elif named or len(found) > 1:
        places = ", ".join(f"{path}:{line}" for path, line in found[:20])
        facts.problem(test[:200], f"is not at its logged place; candidates: {places}", "name the file that CI ran")
    return [path for path, _ in found[:20]]


def main():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (ANSWER, ANSWER))
    request = json.load(sys.stdin)
    facts = Facts()
    checkout = Checkout(request["root"])
    for path in files_of(facts, checkout, request):
        try:
            read = read_python if path.endswith(".py") else read_gtest
            read(facts, checkout, path, request)
        except (RecursionError, MemoryError) as error:
            facts.problem(path, f"is too large to read: {type(error).__name__}", "read it by hand")
    answer = {"tests": facts.tests, "origins": facts.origins, "problems": facts.problems}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
