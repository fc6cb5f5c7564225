#!/usr/bin/env python3
"""Holds the tree to its dependency rule: check_layers.py [ROOT]

Layers (daemon > api > supervisor > storage > analyzer), rooms of analyzer and supervisor, which library may appear in
which folder (one that is not listed: nowhere), and a few constructs that are never allowed. Prints file:line and the
rule; exit status 1 if any is broken.
"""
import pathlib
import re
import sys

LAYERS = ["daemon", "api", "supervisor", "storage", "analyzer"]
SUFFIXES = (".hpp", ".cpp", ".h", ".c")
ROOMS = {
    "analyzer": {"stress": {"job", "evidence"}, "job": {"evidence"}, "evidence": set(), "statistics": set()},
    "supervisor": {
        "campaign": {"run", "arms", "boards"},
        "run": {"arms"},
        "arms": set(),
        "boards": set(),
        "shim": {"arms"},
    },
}
# Library -> (pattern of the include path, folders where it may appear, only in .cpp files)
FENCES = {
    "Vectorscan": (r"^hs(/hs)?\.h$|^hs/", ["analyzer/evidence/"], True),
    "RE2": (r"^re2/", ["analyzer/evidence/"], True),
    "yaml-cpp": (r"^yaml-cpp/", ["analyzer/evidence/", "analyzer/job/", "daemon/"], True),
    "Boost.Math": (r"^boost/math/", ["analyzer/statistics/"], True),
    "nlohmann/json": (
        r"^nlohmann/json\.hpp$",
        ["analyzer/job/", "storage/", "supervisor/", "api/", "daemon/"],
        True,
    ),
    "nlohmann/json (names)": (r"^nlohmann/json_fwd\.hpp$", ["storage/strict_json.hpp"], False),
    "SQLite": (r"^SQLiteCpp/|^sqlite3\.h$", ["storage/"], True),
    "Boost.Asio": (r"^boost/asio\.hpp$", ["supervisor/", "api/", "daemon/"], True),
    "Boost.Asio (narrow)": (r"^boost/asio/", ["supervisor/", "api/", "daemon/"], False),
    "Boost.Beast": (r"^boost/beast", ["api/"], False),
    "Boost.Process": (r"^boost/process", ["supervisor/"], True),
    "Boost.System": (r"^boost/system/", ["analyzer/refusal.hpp", "supervisor/", "api/", "daemon/"], False),
    "Boost.URL": (r"^boost/url/", ["api/"], True),
    "spdlog": (r"^spdlog/", ["supervisor/", "api/", "daemon/"], True),
    "fmt": (r"^fmt/", ["supervisor/log.hpp"], False),
    "CLI11": (r"^CLI/", ["daemon/"], True),
    "Capstone": (r"^capstone/", ["supervisor/arms/hold/"], True),
    "elfutils": (r"^elfutils/|^(?:dwarf|gelf|libelf)\.h$", ["supervisor/arms/"], True),
    "libsystemd": (r"^systemd/", ["daemon/"], True),
}
# The languages' own headers and the system's, which need no fence. <regex> is refused below.
STANDARD = set(
    """algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes
    climits clocale cmath compare complex concepts condition_variable coroutine csetjmp csignal cstdarg
    cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype cxxabi.h deque exception execution
    filesystem format forward_list fstream functional future initializer_list iomanip ios iosfwd iostream
    istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional
    ostream queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span
    sstream stack stdexcept stop_token streambuf string string_view syncstream system_error thread tuple
    type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version""".split()
)
SYSTEM = re.compile(
    r"(?:arpa|asm|linux|net|netinet|sys)/[\w/]+\.h|"
    r"(?:assert|ctype|dirent|dlfcn|elf|errno|fcntl|fnmatch|ftw|getopt|glob|grp|inttypes|limits|malloc|math|mntent|"
    r"netdb|poll|pthread|pty|pwd|sched|semaphore|setjmp|signal|spawn|stdarg|stdbool|stddef|stdint|stdio|stdlib|string|"
    r"strings|syslog|termios|time|ucontext|unistd)\.h"
)
BANNED = [
    (re.compile(r"std::regex|#\s*include\s*<regex>"), "std::regex overflows its stack on long lines; use RE2"),
    (re.compile(r"asio::detached|net::detached|\bdetached\b\s*\)"), "asio::detached drops the exception"),
    (
        re.compile(r"co_await [^;]*\b[A-Z]\w*\{[^}\s]"),
        "g++ 12 destroys a braced temporary of a co_await expression twice; name it in a statement before",
    ),
]
# Each source that writes or reads JSON text for itself costs seconds to compile, and may forget about invalid UTF-8.
JSON_TEXT = re.compile(r"\.dump\(|\bjson::(?:sax_)?parse\(|\bJson::parse\(")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path: str) -> str | None:
    parts = path.split("/")
    return parts[1] if len(parts) > 2 else None


def check_include(file: str, target: str) -> str | None:
    layer, target_layer = file.split("/")[0], target.split("/")[0]
    if target_layer not in LAYERS:
        return f'"{target}" is not a path from the root'
    if LAYERS.index(target_layer) < LAYERS.index(layer):
        return f"{layer} may not include {target_layer}"
    if layer != target_layer or layer not in ROOMS:
        return None
    room, target_room = room_of(file), room_of(target)
    rooms = ROOMS[layer]
    for name in (room, target_room):
        if name is not None and name not in rooms:
            return f"{layer}/{name} is not a known room"
    if room is not None and target_room is not None and room != target_room and target_room not in rooms[room]:
        return f"room {layer}/{room} may not include room {layer}/{target_room}"
    if room is None and target_room is not None and file != "supervisor/ports.hpp":
        return f"a file of no room may not include room {layer}/{target_room}"
    return None


def check_fences(file: str, target: str) -> list[str]:
    if target in STANDARD or SYSTEM.fullmatch(target):
        return []
    if target.split("/")[0] in LAYERS:
        return [check_include(file, target) or f'a header of our own is included in quotes: "{target}"']
    broken, known = [], False
    for library, (pattern, folders, only_source) in FENCES.items():
        if not re.search(pattern, target):
            continue
        known = True
        if not any(file.startswith(folder) for folder in folders):
            broken.append(f"{library} may not appear here, only in {', '.join(folders)}")
        elif only_source and not file.endswith(".cpp"):
            broken.append(f"{library} may only appear in .cpp files")
    return broken if known else [f"<{target}> is of no library that has a fence in scripts/check_layers.py"]


TYPE = re.compile(r"^(?:struct|class|enum class|enum)\s+(\w+)\b(?!::)[^;]*$")


def types_of(path: pathlib.Path) -> list[str]:
    """Names of the types that a file defines in the project's one namespace, those of anonymous namespaces left out."""
    names, anonymous = [], False
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("namespace {"):
            anonymous = True
        elif line.startswith("}  // namespace"):
            anonymous = False
        elif not anonymous and (found := TYPE.match(line)):
            names.append(found.group(1))
    return names


def check_one_definition(root: pathlib.Path, files: list[pathlib.Path]) -> list[str]:
    """Two types of one name in one program are undefined behaviour that no tool of the build reports."""
    first: dict[str, str] = {}
    problems = []
    for path in files:
        file = path.relative_to(root).as_posix()
        program = "shim" if file.startswith("supervisor/shim/") else ""
        for name in types_of(path):
            if first.setdefault(program + name, file) != file:
                problems.append(f"{file}: type {name} is defined in {first[program + name]} too")
    return problems


NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|"""
    r"""(?<!\w)'(?:\\.|[^'\\\n])+'""",
    re.S,
)


def code_of(text: str) -> str:
    """The text without comments and literals, its places and lines as they were."""
    return NOT_CODE.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


def past(code: str, begin: int) -> int:
    """The place behind the bracket that closes the one at `begin`; the end where there is none."""
    opening, closing = code[begin], {"(": ")", "[": "]", "<": ">", "{": "}"}[code[begin]]
    depth = 0
    for place in range(begin, len(code)):
        if code[place] == closing and code[place - 1 : place + 1] != "->":
            depth -= 1
        elif code[place] == opening:
            depth += 1
        if depth == 0:
            return place + 1
    return len(code)


ALIAS = re.compile(r"\busing\s+(\w+)\s*=\s*(?:typename\s+)?(?:::)?(?:\w+::)*(\w+)\s*(?=[<;])")


def awaitables_of(codes: list[str]) -> set[str]:
    """awaitable, and the names that stand for it (`using Answering = asio::awaitable<...>;`), not for a function."""
    names, before = {"awaitable"}, 0
    while len(names) > before:
        before = len(names)
        for code in codes:
            for found in ALIAS.finditer(code):
                end = past(code, found.end()) if code[found.end()] == "<" else found.end()
                if found.group(2) in names and code[end:].lstrip().startswith(";"):
                    names.add(found.group(1))
    return names


# What may stand between a lambda's parameters and its arrow.
SPECIFIER = re.compile(r"\s*(?:(?:mutable|constexpr|consteval|static)\b|noexcept\b\s*(\()?|\[)")

BEFORE_LAMBDA = ("return", "co_return", "co_await", "co_yield", "case", "else", "do")


def subscripts(code: str, begin: int) -> bool:
    """Whether the [ at `begin` follows a value, whose element it names."""
    before = code[max(0, begin - 80) : begin].rstrip()
    word = re.search(r"\w+$", before)
    return before.endswith((")", "]")) or bool(word) and word.group() not in BEFORE_LAMBDA


def capturing_coroutines(code: str, awaitables: set[str]) -> list[int]:
    """The places of lambdas that capture and give an awaitable."""
    awaitable = re.compile(r"\b(?:" + "|".join(sorted(awaitables)) + r")\b")
    places = []
    for begin in (found.start() for found in re.finditer(r"\[", code)):
        end = past(code, begin)
        if not code[begin + 1 : end - 1].strip() or code[begin + 1] == "[" or subscripts(code, begin):
            continue
        after = code[end:]
        for bracket in ("<", "("):  # its own template parameters, its parameters
            blank = len(after) - len(after.lstrip())
            if after.lstrip().startswith(bracket):
                after = after[past(after, blank) :]
        while found := SPECIFIER.match(after):
            opens = found.group(1) or found.group().endswith("[")
            after = after[past(after, found.end() - 1) if opens else found.end() :]
        arrow = re.match(r"\s*->([^{;]*)\{", after)
        if arrow and awaitable.search(arrow.group(1)):
            places.append(begin)
    return places


def check_file(file: str, text: str, code: str, awaitables: set[str]) -> list[str]:
    problems = [
        f"{file}:{code.count(chr(10), 0, place) + 1}: "
        "a capturing lambda that is a coroutine outlives its captures; pass parameters"
        for place in capturing_coroutines(code, awaitables)
    ]
    for number, (line, code_line) in enumerate(zip(text.split("\n"), code.split("\n")), 1):
        found = INCLUDE.match(line)
        if found:
            target = found.group(2)
            broken = check_fences(file, target) if found.group(1) == "<" else [check_include(file, target)]
            problems += [f"{file}:{number}: {reason}" for reason in broken if reason]
        for pattern, reason in BANNED:
            if pattern.search(code_line):
                problems.append(f"{file}:{number}: {reason}")
        if JSON_TEXT.search(code_line) and file != "storage/strict_json.cpp":
            problems.append(f"{file}:{number}: JSON text is made and read by storage/strict_json.hpp")
    return problems


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = [p for layer in LAYERS for p in sorted((root / layer).rglob("*")) if p.suffix in SUFFIXES]
    if not files:
        print(f"{root}: no sources found; give the root of the checkout")
        return 2
    texts = {path.relative_to(root).as_posix(): path.read_text(errors="replace") for path in files}
    codes = {file: code_of(text) for file, text in texts.items()}
    awaitables = awaitables_of(list(codes.values()))
    problems = [problem for file in texts for problem in check_file(file, texts[file], codes[file], awaitables)]
    problems += check_one_definition(root, files)
    print("\n".join(problems) if problems else f"{len(files)} files keep the layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
