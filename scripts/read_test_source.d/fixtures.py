"""A test function with its fixtures: how it gets its device, what it calls, in which order all runs."""
import ast
import re

from checkout import FUNCTIONS, dotted, is_fixture
from parameters import Parametrisation

BUILTIN_FIXTURES = {
    "request", "tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory", "monkeypatch", "capsys", "capfd", "caplog",
    "capsysbinary", "capfdbinary", "recwarn", "pytestconfig", "cache", "record_property", "record_testsuite_property",
    "record_xml_attribute", "doctest_namespace", "testdir", "pytester", "worker_id", "testrun_uid", "benchmark",
}
OPENERS = {"ttnn.open_device", "ttnn.open_mesh_device", "ttnn.CreateDevice", "ttnn.CreateDevices", "ttl.device.CreateDevice"}


class Function:
    """One test function: its decorators and those of its class and module."""

    def __init__(self, module, name):
        self.module, self.name = module, name
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
            "has_teardown": yields(node) or "request.addfinalizer" in (module.segment(node)),
        }

    for name in list(dict.fromkeys(list(autouse_fixtures(checkout, function)) + function.fixtures())):
        visit(name)
    return found


def is_device_fixture(name):
    return "device" in name and name != "device_params" and not name.endswith("device_params")


def called_functions(node):
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            yield dotted(inner.func), inner


def reachable_functions(module, name):
    """The function and those of the same file that it calls, directly or not: {name: the call's line}."""
    found, waiting = {name: 0}, [name]
    while waiting:
        current = waiting.pop()
        for called, call in called_functions(module.functions[current]):
            for candidate in (called, current.split("::")[0] + "::" + called[5:] if called.startswith("self.") else ""):
                if candidate in module.functions and candidate not in found:
                    found[candidate] = call.lineno
                    waiting.append(candidate)
    return found


def opening_call(function):
    """The call that opens a device directly, in the test or its own helpers."""
    module = function.module
    for name in reachable_functions(module, function.name):
        for called, call in called_functions(module.functions[name]):
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
        for called, _ in called_functions(module.functions[name]):
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
