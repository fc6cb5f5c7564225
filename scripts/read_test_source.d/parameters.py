"""Parametrisations of a test, and which of their rows a logged id names."""
import ast

from checkout import dotted

MOST_COMBINATIONS = 20000


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


def chosen_rows(function, logged):
    """The rows that a logged id names: [(parametrisation, index)]; and a reason where it is not clear."""
    if not function.parametrisations:
        return [], None
    # The decorator nearest to the function comes first in the id.
    ordered = function.parametrisations[::-1]
    if any(p.rows is None for p in ordered):
        return [], "some values are not written out in the source"
    if logged is None:
        return [], "the logs name none of them"
    module = function.module
    choices = [[(p, index, p.ids(module, index)) for index in range(len(p.rows))] for p in ordered]
    found = combinations_in(choices, logged) or loose_combinations(choices, logged)
    if len(found) != 1:
        return [], "the id fits more than one combination" if found else "the id fits none of the combinations"
    return [(p, index) for (p, _, _), index in zip((c[0] for c in choices if c), found[0])], None


def resolve_id(function, logged):
    """The concrete parameters of a logged id: {name: value}; and a reason where it is not clear."""
    rows, reason = chosen_rows(function, logged)
    if reason:
        return None, reason
    return {p.key: row_value(function.module, p, index) for p, index in rows}, None


def keep_two(states, at, rows):
    """Two different ways to a place are enough to know that it is not clear."""
    known = states.setdefault(at, [])
    if rows not in known and len(known) < 2:
        known.append(rows)


def combinations_in(choices, logged):
    """Rows whose forms follow each other in the id, between hyphens; at most a few of them."""
    text = "-" + logged + "-"
    states = {at + 1: [()] for at, character in enumerate(text) if character == "-"}
    for choice in choices:
        reached = {}
        for at, ways in states.items():
            for _, index, forms in choice:
                for form in forms:
                    if text.startswith(form + "-", at):
                        for way in ways:
                            keep_two(reached, at + len(form) + 1, way + (index,))
        states = reached
    return list(dict.fromkeys(way for ways in states.values() for way in ways))


def loose_combinations(choices, logged):
    """Each part in its order, where values may be spelled otherwise (an enum's own name)."""
    words = split_id(logged)
    states = {0: [()]}
    for choice in choices:
        reached = {}
        for at, ways in states.items():
            for _, index, forms in choice:
                end = end_of_form(forms, words, at)
                if end is not None:
                    for way in ways:
                        keep_two(reached, end, way + (index,))
        states = reached
    return list(dict.fromkeys(way for ways in states.values() for way in ways))


def end_of_form(forms, words, begin):
    for form in forms[::-1]:
        parts = split_id(form)
        for at in range(begin, len(words) - len(parts) + 1):
            if all(same_word(a, b) for a, b in zip(parts, words[at:])):
                return at + len(parts)
    return None


def row_value(module, parametrisation, index):
    return parametrisation.values(module)[index]


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
