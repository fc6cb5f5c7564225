"""Google Test: the macros of a C++ source, by its tokens."""
import itertools
import re

from checkout import same_file
from parameters import MOST_COMBINATIONS

TEST_MACRO = re.compile(r"\b(TEST|TEST_F|TEST_P|TYPED_TEST|TYPED_TEST_P)\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)")
INSTANCE_MACRO = re.compile(r"\bINSTANTIATE_(?:TEST_SUITE|TEST_CASE|TYPED_TEST_SUITE)_P\s*\(")
TEMPLATE_ARGUMENTS = re.compile(r"<[\w\s:,*&]*(?:<[\w\s:,*&]*>[\w\s:,*&]*)*>(?=\s*[({:,)]|\s*$)")
CLASS_HEAD = re.compile(r"\b(class|struct)\s+(\w+)\s*(?:final\s*)?(?::([^{;]*))?\{")


def without_comments(text, keep_strings=False):
    """The same text, of the same length, with comments (and the inside of strings) blanked."""
    pattern = re.compile(r'R"([^()\\\s]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.S)

    def blank(match):
        part = match.group(0)
        if keep_strings and part[0] != "/":
            return part
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
    parts, depth, start, skip = [], 0, begin, begin
    for at in range(begin, end):
        if at < skip:
            continue
        character = plain[at]
        template = TEMPLATE_ARGUMENTS.match(plain, at, min(end, at + 200)) if character == "<" else None
        if template and at > begin and (plain[at - 1].isalnum() or plain[at - 1] == "_"):
            skip = template.end()
        elif character in "([{":
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
        self.path, self.text, self.plain = path, without_comments(text, True), without_comments(text)
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
        try:
            return (int(digits, 8 if octal else 0),)
        except ValueError:  # "08", or thousands of digits
            return None
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
    names = []
    for match in TEST_MACRO.finditer(source.plain):
        macro, suite, test = match.groups()
        if source.plain[: match.start()].rstrip(" \t").endswith("#define"):
            continue
        line, body = source.line(match.start()), source.plain.find("{", match.end())
        last = source.line(closing(source.plain, body)) if body >= 0 else line
        made = instances.get(suite, []) if macro in ("TEST_P", "TYPED_TEST_P") else []
        for name, begin, end, where in made or [(None, 0, 0, 0)]:
            full = f"{name}/{suite}.{test}" if name else f"{suite}.{test}"
            names.append(full)
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

    if wanted is not None and wanted not in names:
        facts.problem(path, f"has no test {wanted[:200]}; it has: {', '.join(names[:20])[:600]}", "name one of these")


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
