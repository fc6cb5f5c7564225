#!/usr/bin/python3
"""Holds scripts/check_layers.py to its rules: a tree that keeps them all, and for each rule a file that breaks it."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

CHECKER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_layers.py"
GOOD = {
    "analyzer/refusal.hpp": "#include <boost/system/result.hpp>\n#include <string>\n",
    "analyzer/evidence/rules.cpp": '#include <yaml-cpp/yaml.h>\n#include "analyzer/refusal.hpp"\n',
    "storage/database.cpp": '#include <SQLiteCpp/Database.h>\n#include <sys/stat.h>\n#include "analyzer/refusal.hpp"\n',
    "supervisor/run/attempt.cpp": '#include <boost/asio/awaitable.hpp>\n#include "supervisor/arms/arm.hpp"\n',
    "supervisor/arms/arm.hpp": "struct Arm {\n};\n",
    "api/handlers.hpp": """#include <boost/asio/awaitable.hpp>
using Answering = boost::asio::awaitable<int>;
using Handler = boost::asio::awaitable<int> (*)(int);
Answering listed(int api);
""",
    "daemon/app.cpp": """#include <spdlog/spdlog.h>
#include "api/handlers.hpp"
// #include <regex> and std::regex: only spoken of; so is [&x]() -> asio::awaitable<void> {}
const char* text = "std::regex [&x]() -> asio::awaitable<void> {}";
const auto plain = [](int id) -> Answering { co_return id; };
const auto chosen = [&table](int id) -> Handler { return table[id]; };
const auto counted = [&table](std::size_t id) noexcept -> std::size_t { return table[id]->awaitable; };
""",
}
# What is wrong: the file, its text, what must be said.
COROUTINE = "a capturing lambda that is a coroutine"
BAD = {
    "a layer above": ("storage/x.cpp", '#include "api/handlers.hpp"', "storage may not include api"),
    "one in angle brackets": ("storage/x.cpp", "#include <daemon/config.hpp>", "storage may not include daemon"),
    "angle brackets": ("api/x.cpp", "#include <storage/records.hpp>", 'included in quotes: "storage/records.hpp"'),
    "a path not from the root": ("storage/x.cpp", '#include "records.hpp"', "is not a path from the root"),
    "a test's header": ("storage/x.cpp", '#include "tests/support/catch.hpp"', "is not a path from the root"),
    "a room": ("supervisor/arms/x.cpp", '#include "supervisor/run/run.hpp"', "may not include room supervisor/run"),
    "a room, in angle brackets": ("analyzer/job/x.cpp", "#include <analyzer/stress/plan.hpp>", "room analyzer/stress"),
    "an unknown room": ("supervisor/lobby/x.cpp", '#include "supervisor/run/run.hpp"', "lobby is not a known room"),
    "a room, from none": ("supervisor/x.cpp", '#include "supervisor/run/run.hpp"', "a file of no room"),
    "a library elsewhere": ("api/x.cpp", "#include <SQLiteCpp/Database.h>", "SQLite may not appear here"),
    "a library in a header": ("storage/x.hpp", "#include <nlohmann/json.hpp>", "nlohmann/json may only appear in .cpp"),
    "a library in a .h": ("storage/x.h", "#include <nlohmann/json.hpp>", "nlohmann/json may only appear in .cpp"),
    "all of Asio in a header": ("api/x.hpp", "#include <boost/asio.hpp>", "Boost.Asio may only appear in .cpp"),
    "an unknown part of Boost": ("api/x.cpp", "#include <boost/regex.hpp>", "<boost/regex.hpp> is of no library"),
    "an unknown library": ("daemon/x.cpp", "#include <curl/curl.h>", "<curl/curl.h> is of no library"),
    "an unknown header": ("daemon/x.cpp", "#include <zlib.h>", "<zlib.h> is of no library"),
    "std::regex": ("api/x.cpp", "std::regex word;", "std::regex overflows"),
    "<regex>": ("api/x.cpp", "#include <regex>", "std::regex overflows"),
    "detached": ("api/x.cpp", "co_spawn(io, live(), asio::detached);", "asio::detached drops the exception"),
    "a braced temporary": ("api/x.cpp", "co_await run(Spec{1});", "destroys a braced temporary"),
    "JSON text": ("api/x.cpp", "return value.dump();", "JSON text is made and read by"),
    "a capturing coroutine": ("api/x.cpp", "[&x]() -> asio::awaitable<void> {}", COROUTINE),
    "one that takes a function": ("api/x.cpp", "[&x](std::function<void()> f) -> asio::awaitable<void> {}", COROUTINE),
    "one that does not throw": ("api/x.cpp", "[x]() mutable noexcept(true) -> net::awaitable<void> {}", COROUTINE),
    "one by another name": ("api/x.cpp", "return [this](int id) -> Answering {};", COROUTINE),
    "one by another's name": ("api/x.cpp", "using Told = Answering; auto f = [=](int id) -> Told {};", COROUTINE),
    "one over four lines": ("api/x.cpp", "[x = a[0],\n y](int i,\n int j)\n -> asio::awaitable<void> {}", COROUTINE),
    "a generic one": ("api/x.cpp", "[&x]<class T>(T f) -> asio::awaitable<T> {}", COROUTINE),
    "one without parameters": ("api/x.cpp", "[&x] -> asio::awaitable<void> {}", COROUTINE),
    "one name twice": ("api/x.cpp", "struct Arm {\n};", "type Arm is defined in"),
}


class CheckLayersTest(unittest.TestCase):
    def answer(self, files):
        """The exit status and the lines for a tree of these files."""
        with tempfile.TemporaryDirectory(prefix="check-layers-") as root:
            for name, text in files.items():
                path = pathlib.Path(root, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            done = subprocess.run([sys.executable, CHECKER, root], capture_output=True, text=True, check=False)
            return done.returncode, done.stdout + done.stderr

    def test_a_good_tree_passes(self):
        self.assertEqual(self.answer(GOOD), (0, f"{len(GOOD)} files keep the layers\n"))

    def test_one_bad_file_is_named_with_its_rule(self):
        for name, (file, text, said) in BAD.items():
            with self.subTest(name):
                status, lines = self.answer(GOOD | {file: text + "\n"})
                self.assertEqual(status, 1, lines)
                self.assertEqual(lines.count("\n"), 1, lines)
                self.assertIn(said, lines)
                self.assertIn(file, lines)

    def test_the_line_is_told(self):
        _, lines = self.answer(GOOD | {"api/x.cpp": "/* two\nlines */\nauto f = [&x](int id) -> Answering {};\n"})
        self.assertTrue(lines.startswith("api/x.cpp:3: "), lines)

    def test_a_tree_without_sources_is_an_error(self):
        self.assertEqual(self.answer({"README.md": "nothing"})[0], 2)


if __name__ == "__main__":
    unittest.main()
