#!/usr/bin/env python3
"""Holds the tree to its dependency rule: check_layers.py [ROOT]

Layers (daemon > api > supervisor > storage > analyzer), rooms of analyzer and supervisor, which library may appear in
which folder, and a few constructs that are never allowed. Prints file:line and the rule; exit status 1 if any is broken.
"""
import pathlib
import re
import sys

LAYERS = ["daemon", "api", "supervisor", "storage", "analyzer"]
ROOMS = {
    "analyzer": {"stress": {"job", "evidence"}, "job": {"evidence"}, "evidence": set(), "statistics": set()},
    "supervisor": {
        "campaign": {"run", "arms", "boards"},
        "run": {"arms"},
        "arms": set(),
        "boards": set(),
        "shim": set(),
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
    "SQLite": (r"^SQLiteCpp/|^sqlite3\.h$", ["storage/"], True),
    "Boost.Asio": (r"^boost/asio\.hpp$", ["supervisor/", "api/", "daemon/"], True),
    "Boost.Asio (narrow)": (r"^boost/asio/", ["supervisor/", "api/", "daemon/"], False),
    "Boost.Beast": (r"^boost/beast", ["api/"], False),
    "Boost.Process": (r"^boost/process", ["supervisor/"], True),
    "spdlog": (r"^spdlog/", ["supervisor/", "api/", "daemon/"], True),
    "fmt": (r"^fmt/", ["supervisor/log.hpp"], False),
    "CLI11": (r"^CLI/", ["daemon/"], True),
    "libsystemd": (r"^systemd/", ["daemon/"], True),
}
BANNED = [
    (re.compile(r"std::regex|#include <regex>"), "std::regex overflows its stack on long lines; use RE2"),
    (re.compile(r"asio::detached|net::detached|\bdetached\b\s*\)"), "asio::detached drops the exception"),
    (
        re.compile(r"co_await [^;]*\b[A-Z]\w*\{[^}\s]"),
        "g++ 12 destroys a braced temporary of a co_await expression twice; name it in a statement before",
    ),
    (
        re.compile(r"\[[^\]\n]+\]\s*\([^)]*\)\s*(mutable\s*)?->\s*(boost::)?(asio::|net::)?awaitable"),
        "a capturing lambda that is a coroutine outlives its captures; pass parameters",
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
        return None if target_layer == "tests" and layer == "tests" else f'"{target}" is not a path from the root'
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
    broken = []
    for library, (pattern, folders, only_source) in FENCES.items():
        if not re.search(pattern, target):
            continue
        if library == "Boost.Asio (narrow)" and target == "boost/asio.hpp":
            continue
        if not any(file.startswith(folder) for folder in folders):
            broken.append(f"{library} may not appear here, only in {', '.join(folders)}")
        elif only_source and file.endswith(".hpp"):
            broken.append(f"{library} may only appear in .cpp files")
    return broken


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


def strip_comment(line: str) -> str:
    return line.split("//", 1)[0]


def check_file(root: pathlib.Path, path: pathlib.Path) -> list[str]:
    file = path.relative_to(root).as_posix()
    problems = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            target = found.group(2)
            broken = check_fences(file, target) if found.group(1) == "<" else [check_include(file, target)]
            problems += [f"{file}:{number}: {text}" for text in broken if text]
        for pattern, reason in BANNED:
            if pattern.search(strip_comment(line)):
                problems.append(f"{file}:{number}: {reason}")
        if JSON_TEXT.search(strip_comment(line)) and file != "storage/strict_json.cpp":
            problems.append(f"{file}:{number}: JSON text is made and read by storage/strict_json.hpp")
    return problems


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    files = [p for layer in LAYERS for p in sorted((root / layer).rglob("*")) if p.suffix in (".hpp", ".cpp")]
    if not files:
        print(f"{root}: no sources found; give the root of the checkout")
        return 2
    problems = [problem for path in files for problem in check_file(root, path)]
    problems += check_one_definition(root, files)
    print("\n".join(problems) if problems else f"{len(files)} files keep the layers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
