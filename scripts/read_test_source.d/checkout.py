"""The files of a checkout, and the answer that is put together from them."""
import ast
import math
import os

LARGEST_FILE = 1 << 20
MOST_VALUES = 200000  # of the whole answer
LONGEST_SOURCE = 4000
MOST_NODES = 5000  # of one value, names looked through


def plain(value):
    """The value as JSON can hold it: finite numbers of 64 bits, texts without lone surrogates."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and not -(1 << 63) <= value < 1 << 63:
        return hex(value)[:100]
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    return value


def size_of(value):
    if isinstance(value, dict):
        return 1 + sum(1 + size_of(item) for item in value.values())
    if isinstance(value, str):
        return 1 + len(value) // 64
    return 1 + sum(size_of(item) for item in value) if isinstance(value, list) else 1


class TooLarge(Exception):
    """There is more of it than an answer may hold."""


def same_file(logged, path):
    return logged == path or logged.endswith("/" + path)


class Facts:
    """The answer, and where each value was read."""

    def __init__(self):
        self.tests, self.origins, self.problems = {}, {}, []
        self.left = MOST_VALUES

    def put(self, path, value, file, line):
        value = plain(value)
        self.left -= size_of(value)
        if self.left < 0:
            raise TooLarge(f"has more than {MOST_VALUES} values")
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
        if os.path.isabs(path) or ".." in path.split("/") or "\0" in path:
            return None
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
                    pass  # read_python says why
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
            folder = os.path.dirname(folder) if "/" in folder else ""


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
        self.path, self.text = path, text
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as ast counts them
        self.encoded = [line.encode() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")]
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
        """The node as written, on one line, as far as LONGEST_SOURCE."""
        return " ".join(self.segment(node).split())[:LONGEST_SOURCE]

    def segment(self, node):
        """As ast.get_source_segment(), which cuts the whole text into lines each time."""
        if getattr(node, "end_lineno", None) is None:
            return ast.unparse(node)
        lines = self.encoded[node.lineno - 1 : node.end_lineno]
        if not lines:
            return ast.unparse(node)
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        return b"\n".join(lines).decode("utf-8", "replace")

    def value(self, node):
        """A JSON value where the node is a literal, else its source; names of constants are looked through."""
        self.left = MOST_NODES
        try:
            return self.value_in(node, 0)
        except TooLarge:
            return self.source(node)

    def value_in(self, node, depth):
        self.left -= 1
        if self.left < 0:
            raise TooLarge
        if depth > 20:
            return self.source(node)
        if isinstance(node, ast.Constant):
            plain = isinstance(node.value, (str, int, float, bool)) or node.value is None
            finite = not isinstance(node.value, float) or node.value == node.value and abs(node.value) != float("inf")
            return node.value if plain and finite else self.source(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            inner = self.value_in(node.operand, depth + 1)
            return -inner if isinstance(inner, (int, float)) and not isinstance(inner, bool) else self.source(node)
        if isinstance(node, (ast.Tuple, ast.List)):
            return [self.value_in(item, depth + 1) for item in node.elts]
        if isinstance(node, ast.Dict):
            return {
                str(self.value_in(key, depth + 1)) if key is not None else "**": self.value_in(value, depth + 1)
                for key, value in zip(node.keys, node.values)
            }
        if isinstance(node, ast.Name) and node.id in self.constants and self.constants[node.id] is not node:
            return self.value_in(self.constants[node.id], depth + 1)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Add, ast.Sub)):
            left, right = self.value_in(node.left, depth + 1), self.value_in(node.right, depth + 1)
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
