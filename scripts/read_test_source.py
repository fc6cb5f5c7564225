#!/usr/bin/env python3
"""Reads test sources and says what a test is made of: read_test_source.py < REQUEST > FACTS

REQUEST is one JSON object: {"root": folder of the checkout, "files": [paths relative to it], "test": node id or gtest
name or null, "frames": [{"file", "line", "function"}] of the failure's stack, outermost first, "line": the line of the
test's file that failed or null, "stress": true to have the stress test's code as well}. FACTS is one JSON object:
"tests" {path: {"framework", "functions": {name: facts}}}, "origins" {JSON pointer: {"file", "line"}}, "problems"
[{"where", "reason", "remedy"}].

{"root": folder of a case, "stress_tests": [paths], "original": {"path", "operations", "loops", "values"} of
original_shape()} asks
for the shapes of tests that somebody wrote: {"shapes": [shape_of()]}.

Python is read with `ast`, never imported or run; C++ by its tokens, as far as Google Test's macros need. Standard
library only. What cannot be read is a problem, never an end: one bad file does not hide the others.
"""
import json
import os
import re
import resource
import sys

# The build puts the parts into one file (one_file_reader.cmake).
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "read_test_source.d"))
from checkout import Checkout, Facts, Module, is_fixture, plain, same_file
from parameters import chosen_rows, resolve_id
from fixtures import Function, describe_fixtures, device_setup, flow_of, helper_calls, open_arguments, opened_things
from slicing import ChainSlice, function_at, head_end, statement_at
from shape import original_shape, written_shapes
from stress import StressTest
from gtest import read_gtest, wanted_gtest

MOST_FILES = 5000
CPU_SECONDS = 20
MEMORY = 1 << 30
ANSWER = 64 << 20


def failing_line_in(module, request):
    """The line of this file that failed: the innermost frame in it, else what the log says of the test's file."""
    frames = [frame for frame in request["frames"] if same_file(frame["file"], module.path)]
    line = frames[-1]["line"] if frames else 0
    return frames, line or request.get("line") or 0


def find_failure(facts, module, request):
    """The function and the statement that failed, (None, None) where nobody knows."""
    _, line = failing_line_in(module, request)
    name = function_at(module, line) if line else None
    if name is None:
        return None, None
    statement = statement_at(module.functions[name], line)
    if statement is None:
        facts.problem(f"{module.path}:{line}", "is no statement of a function", "is the checkout the commit that CI ran?")
        return None, None
    return name, statement


def describe_failure(facts, module, function, base, request, name, statement):
    frames, line = failing_line_in(module, request)
    whole = isinstance(getattr(statement, "body", None), list)
    text = " ".join(l.strip() for l in module.lines[statement.lineno - 1 : head_end(statement)]) if whole else module.source(statement)
    facts.put(base + ["failing_statement"], text, module.path, statement.lineno)
    facts.put(base + ["failing_line"], line, module.path, line)
    facts.put(base + ["in_function"], name, module.path, module.functions[name].lineno)
    part = ChainSlice(module, function.name, name, statement, frames).facts(name)
    facts.put(base + ["slice"], part, module.path, statement.lineno)


def describe_function(facts, checkout, module, name, request, parameters):
    function = Function(module, name)
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
    failing, statement = find_failure(facts, module, request)
    if statement is not None:
        describe_failure(facts, module, function, base, request, failing, statement)
    if request.get("stress"):
        frames = failing_line_in(module, request)[0]
        stress = StressTest(checkout, function, parameters, failing, statement, frames)
        facts.put(base + ["stress"], stress.facts(), module.path, line)
        rows = chosen_rows(function, parameters)[0]
        facts.put(base + ["shape"], original_shape(checkout, function, rows, statement, request["frames"]), module.path, line)


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
        if wanted is not None:
            facts.problem(path, f"has no test {wanted[:200]}; it has: {', '.join(names[:20])[:600] or 'none'}", "name one of these")
        return
    facts.put([path, "framework"], "pytest", path, 1)
    for name in chosen:
        try:
            describe_function(facts, checkout, module, name, request, parameters)
        except Exception as error:  # what one source holds must not hide the others
            facts.problem(f"{path}:{module.functions[name].lineno}", f"cannot be read: {error or type(error).__name__}"[:300], "read it by hand")


def wanted_function(test):
    """"a.py::TestB::test_c[p]" -> "TestB::test_c", "p"."""
    if test is None or "::" not in test:
        return None, None
    name = test.split("::", 1)[1]
    begin = name.find("[")
    return (name, None) if begin < 0 else (name[:begin], name[begin + 1 : -1] if name.endswith("]") else name[begin + 1 :])


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
    checkout = Checkout(request["root"])
    if "stress_tests" in request:
        shapes = written_shapes(checkout, request["stress_tests"], request["original"], is_test_function)
        return sys.stdout.write(json.dumps({"shapes": plain(shapes)}, allow_nan=False))
    facts = Facts()
    for path in files_of(facts, checkout, request):
        try:
            read = read_python if path.endswith(".py") else read_gtest
            read(facts, checkout, path, request)
        except Exception as error:  # what one file holds must not hide the others
            facts.problem(path, f"cannot be read: {error or type(error).__name__}"[:300], "read it by hand")
    answer = {"tests": facts.tests, "origins": facts.origins, "problems": facts.problems}
    sys.stdout.write(json.dumps(answer, allow_nan=False))


if __name__ == "__main__":
    main()
