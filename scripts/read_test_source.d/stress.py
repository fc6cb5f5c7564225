"""The stress test of a failing test: its backward slice as code of its own, or the whole original where no slice is safe."""
import ast
import json
import os
import re

from checkout import FUNCTIONS, dotted, is_fixture
from cutting import Emitter, acts, bound_anywhere, count_statements, import_lines, is_main_guard
from fixtures import autouse_fixtures, describe_fixtures, find_fixture, fixture_option
from parameters import chosen_rows
from scaffold import SEEDING, SETTINGS, WHOLE_SCAFFOLD
from slicing import ChainSlice, head_nodes, is_noise, names_read

DROPPED_MARKS = {"parametrize", "timeout", "xfail", "flaky", "repeat", "asyncio"}
SETUP_METHODS = {"setup_method", "teardown_method", "setup_class", "teardown_class", "setup", "teardown"}
MODULE_SETUP = {"setup_module", "teardown_module", "setup_function", "teardown_function"}
WIDER_SCOPES = {"class", "module", "package", "session"}


class StressTest:
    """What the generated file is put together from; `code` is the file without its docstring."""

    def __init__(self, checkout, function, request, failing_name, failing, frames):
        self.checkout, self.function, self.module = checkout, function, function.module
        self.parameters = request
        self.own = function.name.split("::")[-1]
        self.base = self.own[5:] if self.own.startswith("test_") and len(self.own) > 5 else self.own
        self.slice = ChainSlice(self.module, function.name, failing_name, failing, frames) if failing is not None else None
        self.rows, self.unclear = chosen_rows(function, request)
        self.reasons = self.why_whole(failing_name)
        self.kept_statements = self.all_statements = count_statements(self.module.text)

    def why_whole(self, failing_name):
        reasons = [] if self.slice else ["no line of the test is known to have failed"]
        reasons += self.slice.unsafe(failing_name) if self.slice else []
        if self.unclear:
            reasons.append(f"its parameters are not clear: {self.unclear}")
        bases = [dotted(base) for base in self.function.owner.bases] if self.function.owner is not None else []
        reasons += [f"its class is derived from {base}" for base in bases if base.split(".")[-1] not in ("object", "")]
        reasons += self.source_reasons()
        arguments = self.function.node.args
        if arguments.vararg or arguments.kwarg:
            reasons.append("it takes arguments that its source does not name")
        known = {"pytest.mark", "pytest.fixture"}
        for decorator in self.function.node.decorator_list:
            name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
            if not any(name.startswith(k) for k in known):
                reasons.append(f"{self.module.path}:{decorator.lineno} wraps it in {name or 'something'}")
        return reasons

    def unsupported(self):
        """Why pytest could not repeat the test at all; "" where it can."""
        bases = [dotted(base) for base in self.function.owner.bases] if self.function.owner is not None else []
        return "is a unittest.TestCase, whose methods take no parameters" if any(base.endswith("TestCase") for base in bases) else ""

    def source_reasons(self):
        """Sources whose lines cannot be taken over one by one."""
        text = self.module.text
        if "\t" in text or any(mark in text for mark in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"):
            return ["its source has tabs or odd line ends"]
        return []

    # How pytest is to find what the original finds.
    def conftests(self):
        return list(self.checkout.conftests(self.module.path))[::-1]

    def import_folder(self):
        """Where pytest looks for the test as a module: the nearest folder that is no package."""
        folder = os.path.dirname(self.module.path)
        while folder and os.path.isfile(os.path.join(self.checkout.root, folder, "__init__.py")):
            folder = os.path.dirname(folder)
        return folder

    def pytest_settings(self):
        """The file of the root that pytest takes its settings from; "" where there is none."""
        sections = (("pytest.ini", ""), (".pytest.ini", ""), ("pyproject.toml", "[tool.pytest.ini_options]"), ("tox.ini", "[pytest]"), ("setup.cfg", "[tool:pytest]"))
        for name, section in sections:
            text = self.checkout.text(name)
            if text is not None and section in text:
                return name
        return ""

    def module_name(self):
        folder = self.import_folder()
        return os.path.splitext(os.path.relpath(self.module.path, folder or "."))[0].replace(os.sep, ".")

    def opened_once(self):
        """Whether the device stays open from one test to the next."""
        if "use_module_device" in self.function.markers():
            return True
        for name in describe_fixtures(self.checkout, self.function):
            if "device" not in name or name.endswith("device_params"):
                continue
            place = find_fixture(self.checkout, self.function, name)
            if place and fixture_option(place[0], place[2], "scope") in WIDER_SCOPES:
                return True
        return False

    # Marks and parameters.
    def kept_marks(self, marks):
        return [self.module.segment(mark) for mark in marks if self.function.mark_name(mark) not in DROPPED_MARKS]

    def indirect_marks(self):
        """The failing row alone of what the fixtures are parametrised with."""
        marks = []
        for parametrisation, index in self.rows:
            if not parametrisation.indirect:
                continue
            nodes, written = parametrisation.rows[index]
            values = ", ".join(self.source_of(node) for node in nodes)
            row = f"({values})" if len(parametrisation.names) > 1 else values
            word = f", ids=[{json.dumps(written)}]" if written is not None else ""
            names, indirect = json.dumps(", ".join(parametrisation.names)), json.dumps(parametrisation.indirect)
            marks.append(f"pytest.mark.parametrize({names}, [{row}]{word}, indirect={indirect})")
        return marks

    def source_of(self, node):
        """As written; of a number that stands for one of a range(), the number."""
        text = self.module.segment(node)
        if isinstance(node, ast.Constant):
            try:
                return text if ast.literal_eval(text) == node.value else repr(node.value)
            except (ValueError, SyntaxError):
                return repr(node.value)
        return text

    def values(self):
        """The failing id's parameters that are no fixtures': (name, source)."""
        found = []
        for parametrisation, index in self.rows:
            nodes = parametrisation.rows[index][0]
            for name, node in zip(parametrisation.names, nodes):
                if name not in [n for p, _ in self.rows if p.indirect for n in p.names]:
                    found.append((name, self.source_of(node)))
        return found

    def fixture_arguments(self):
        given = {name for name, _ in self.values()} | set(self.default_arguments())
        return [name for name in self.function.arguments() if name not in given]

    def default_arguments(self):
        """Arguments with a default are no fixtures, unless a mark gives them."""
        arguments = self.function.node.args
        plain = arguments.posonlyargs + arguments.args
        named = [argument.arg for argument in plain[len(plain) - len(arguments.defaults):]] if arguments.defaults else []
        named += [argument.arg for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults) if default is not None]
        marked = {name for parametrisation in self.function.parametrisations for name in parametrisation.names}
        return [name for name in named if name not in marked]

    # The parts of the module that the slice needs.
    def needed_names(self):
        names = set(self.slice.names()) | {"pytestmark"} | MODULE_SETUP
        for text in self.kept_marks(self.function.marks) + self.indirect_marks() + [source for _, source in self.values()]:
            names |= names_read(ast.parse(text, mode="eval"))
        for name in list(describe_fixtures(self.checkout, self.function)) + list(autouse_fixtures(self.checkout, self.function)):
            place = find_fixture(self.checkout, self.function, name)
            if place and place[0] is self.module:
                names.add(place[1].name)
        return names

    def sliced_functions(self):
        """Functions on the way to the failing one; a helper is left whole where its result or another call matters."""
        found = {}
        for name, part in self.slice.parts.items():
            if name == self.function.name or not self.is_used_otherwise(name):
                found[name] = part.kept
        return found

    def is_used_otherwise(self, name):
        """Unless its one call is a statement of its own, or gives its result a name, outside of any loop: then nothing
        that runs afterwards can tell what it returned."""
        own = name.split("::")[-1]
        uses = 0
        for part in self.slice.parts.values():
            for node in part.kept:
                heads = head_nodes(node)
                named = sum(
                    1 for head in heads for inner in ast.walk(head)
                    if isinstance(inner, (ast.Name, ast.Attribute)) and (inner.id if isinstance(inner, ast.Name) else inner.attr) == own)
                uses += named
                if not named:
                    continue
                value = getattr(node, "value", None)
                direct = isinstance(node, (ast.Expr, ast.Assign, ast.Return)) and isinstance(value, ast.Call) and dotted(value.func).split(".")[-1] == own
                in_loop = any(isinstance(a, (ast.For, ast.AsyncFor, ast.While)) for a in part.ancestors(node))
                if node is not part.target or not direct or in_loop:
                    return True
        return uses != 1

    def class_members(self, owner, emitter_of):
        """The members of the test's class that the slice needs, the operation among them."""
        tests = [node.name for node in owner.body if isinstance(node, FUNCTIONS) and node.name.startswith("test")]
        needed, waiting = set(), set(SETUP_METHODS) | {self.own}
        waiting |= {node.name for node in owner.body if isinstance(node, FUNCTIONS) and any(is_fixture(d) for d in node.decorator_list)}
        members = {node.name: node for node in owner.body if isinstance(node, FUNCTIONS)}
        while waiting:
            name = waiting.pop()
            if name in needed or name not in members or (name in tests and name != self.own):
                continue
            needed.add(name)
            sliced = self.slice.parts.get(f"{owner.name}::{name}")
            nodes = sliced.kept if sliced is not None else [members[name]]
            waiting |= {inner.attr for node in nodes for inner in ast.walk(node) if isinstance(inner, ast.Attribute) and dotted(inner.value) in ("self", "cls", owner.name)}
        blocks, used = [], set()
        for node in owner.body:
            if isinstance(node, FUNCTIONS) and node.name not in needed:
                continue
            if is_noise(node) or isinstance(node, ast.Assign) and any(dotted(t) == "pytestmark" for t in node.targets):
                continue
            blocks.append(emitter_of(f"{owner.name}::{node.name}" if isinstance(node, FUNCTIONS) else "", node))
            used |= names_read(node)
        return blocks, used

    def module_blocks(self, names, emitter_of):
        """Top-level statements that these names need, directly or not, in their order."""
        body = [node for node in self.module.tree.body if not is_main_guard(node)]
        binders = {}
        for node in body:
            for name in bound_anywhere(node):
                binders.setdefault(name, []).append(node)
        star = [node for node in body if isinstance(node, ast.ImportFrom) and (node.module == "__future__" or any(alias.name == "*" for alias in node.names))]
        sliced = self.sliced_functions()
        kept, waiting = set(star), [node for node in body if acts(node)]
        waiting += [node for name in names for node in binders.get(name, [])]
        while waiting:
            node = waiting.pop()
            owner = self.function.owner
            if node in kept or node is self.function.node or node is owner:
                continue
            kept.add(node)
            name = getattr(node, "name", "")
            part = self.slice.parts[name] if isinstance(node, FUNCTIONS) and name in sliced else None
            read = set(part.names) if part is not None else names_read(node)
            waiting += [binder for name in read for binder in binders.get(name, [])]
        return [(node, emitter_of(getattr(node, "name", ""), node)) for node in body if node in kept]

    def bound_names(self):
        return {name for node in self.module.tree.body for name in bound_anywhere(node)}

    def operation_name(self):
        name = f"{self.base}_operation"
        while name in self.bound_names():
            name += "_"
        return name

    def call(self, operation):
        values = dict(self.values())
        arguments = [f"{name}={values.get(name, name)}" for name in self.function.arguments() if name not in self.default_arguments()]
        return f"{operation}({', '.join(arguments)})"

    # The file.
    def settings(self):
        return [line for line in SETTINGS if self.opened_once() or not line.startswith("WORKERS")]

    def write_whole(self):
        name, owner = self.module_name(), self.function.owner
        lines = [f"# The whole original test runs, not a slice of it: {reason}" for reason in self.reasons[:5]]
        lines += ["", *import_lines([["import importlib"]]), "", f"pytest.register_assert_rewrite({json.dumps(name)})",
                  f"original = importlib.import_module({json.dumps(name)})  # from the checkout, see conftest.py", "",
                  *(line for line in SETTINGS if not line.startswith("WORKERS")), ""]
        lines += [f"{n} = original.{n}" for n in self.module_fixtures() + sorted(MODULE_SETUP & set(self.module.functions))]
        lines += [f"{owner.name} = original.{owner.name}" if owner is not None else f"{self.own} = original.{self.own}"]
        if "pytestmark" in self.module.constants:
            lines.append("pytestmark = original.pytestmark")
        wanted = self.parameters
        lines += ["", f"FAILING = ({json.dumps(self.own)}, {json.dumps(wanted) if wanted is not None else None})", "", "", *WHOLE_SCAFFOLD]
        return "\n".join(lines) + "\n"

    def module_fixtures(self):
        return [node.name for node in self.module.tree.body if isinstance(node, FUNCTIONS) and any(is_fixture(d) for d in node.decorator_list)]

    def write_slice(self):
        sliced = self.sliced_functions()
        owner = self.function.owner

        def emitter_of(name, node):
            if name == self.function.name:
                return Emitter(self.module, sliced[name]).function(node, self.operation_name())
            if name in sliced:
                decorators = [line for d in node.decorator_list for line in self.module.lines[d.lineno - 1 : d.end_lineno]]
                return decorators + Emitter(self.module, sliced[name]).function(node)
            return Emitter(self.module, ()).whole(node)

        names, members = self.needed_names(), []
        if owner is not None:
            members, used = self.class_members(owner, emitter_of)
            names |= used
        blocks = self.module_blocks(names, emitter_of)
        future = [lines for node, lines in blocks if isinstance(node, ast.ImportFrom) and node.module == "__future__"]
        blocks = [(node, lines) for node, lines in blocks if lines not in future]
        # What acts on import (sys.path, os.environ) stays in front of the imports that need it.
        begins = next((i for i, (node, _) in enumerate(blocks) if acts(node)), len(blocks))
        early = [lines for node, lines in blocks[:begins] if isinstance(node, (ast.Import, ast.ImportFrom))]
        late = [(node, lines) for i, (node, lines) in enumerate(blocks) if i >= begins or not isinstance(node, (ast.Import, ast.ImportFrom))]
        parts = [[line for lines in future for line in lines], self.package_lines() + import_lines(early), self.settings()]
        for node, lines in late:
            is_definition = isinstance(node, FUNCTIONS + (ast.ClassDef,))
            parts.append((["", *lines] if is_definition else lines))
        parts.append(["", *SEEDING])
        if owner is None:
            parts += [["", *emitter_of(self.function.name, self.function.node)], ["", *self.test_lines(self.operation_name(), "")]]
        else:
            head = self.decorator_lines(owner.decorator_list, "") + Emitter(self.module, ()).head(owner, owner.body)
            test = self.test_lines("self." + self.operation_name(), " " * owner.body[0].col_offset)
            parts.append(["", *head, *[line for member in members for line in member + [""]], *test])
        code = "\n\n".join("\n".join(lines) for lines in parts if lines) + "\n"
        own = [line for line in import_lines([]) if [line] not in early]
        scaffold = own + self.settings() + SEEDING + self.test_lines("operation", "")
        self.kept_statements = count_statements(code) - count_statements("\n".join(scaffold))
        return code

    def package_lines(self):
        """What relative imports start from, where there are any."""
        relative = any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(self.module.tree))
        package = self.module_name().rpartition(".")[0]
        return [f"__package__ = {json.dumps(package)}  # of the original: relative imports start there", ""] if relative else []

    def decorator_lines(self, marks, indent):
        return [f"{indent}@{mark}" for mark in self.kept_marks(marks)]

    def test_lines(self, operation, indent):
        taken = set(self.function.arguments()) | self.bound_names()
        iteration = "iteration" if "iteration" not in taken else "stress_iteration"
        arguments = (["self"] if self.function.owner is not None else []) + self.fixture_arguments()
        if "request" not in arguments:
            arguments.append("request")
        marks = [f"{indent}@{mark}" for mark in self.kept_marks(self.function.node.decorator_list) + self.indirect_marks()]
        name = f"test_{self.base}_stress"
        call = self.call(operation)
        if not self.opened_once():
            return marks + [
                f'{indent}@pytest.mark.parametrize("{iteration}", range(ITERATIONS))',
                f"{indent}def {name}({', '.join(arguments + [iteration])}):",
                f"{indent}    seed_everything(SEED + {iteration})",
                f"{indent}    {call}",
                f"{indent}    say_passed(request, {iteration})",
            ]
        return marks + [
            f'{indent}@pytest.mark.parametrize("stress_copy", range(WORKERS))',
            f"{indent}def {name}({', '.join(arguments + ['stress_copy'])}):",
            f"{indent}    for {iteration} in range(ITERATIONS):",
            f"{indent}        seed_everything(SEED + stress_copy * ITERATIONS + {iteration})",
            f"{indent}        {call}",
            f"{indent}        say_passed(request, {iteration})",
        ]

    def written(self):
        """The code; of a source that cannot be cut as it stands, the whole original."""
        if not self.reasons:
            try:
                return self.write_slice()
            except SyntaxError as error:
                self.reasons.append(f"what a slice leaves is no Python: {error.msg}")
                self.kept_statements = self.all_statements
        return self.write_whole()

    def declared_options(self):
        """Options of pytest's that the checkout declares itself."""
        texts = [self.checkout.text(path) or "" for path in self.conftests()]
        return sorted({name for text in texts for name in re.findall(r"""addoption\(\s*["'](--[A-Za-z][\w-]*)["']""", text)})

    def facts(self):
        code = self.written()
        return {
            "unsupported": self.unsupported(),
            "strategy": "whole" if self.reasons else "slice",
            "reasons": self.reasons,
            "name": f"test_{self.base}_stress",
            "base": self.base,
            "code": code,
            "conftests": self.conftests(),
            "options": self.declared_options(),
            "import_folder": self.import_folder(),
            "pytest_settings": self.pytest_settings(),
            "opened_once": self.opened_once(),
            "statements_kept": self.kept_statements,
            "statements": self.all_statements,
        }
