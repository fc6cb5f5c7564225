#include "analyzer/evidence/formats.hpp"

#include "analyzer/evidence/formats_command.hpp"
#include "analyzer/evidence/formats_crash.hpp"
#include "analyzer/evidence/formats_platform.hpp"
#include "analyzer/evidence/formats_pytest.hpp"
#include "tests/support/catch.hpp"

namespace {

ndr::ShellCommand only_test(std::string_view line) {
  for (const ndr::ShellCommand& command : ndr::shell_commands(line, {})) {
    if (ndr::runs_tests(command.kind)) return command;
  }
  return {};
}

std::string id_of(std::string_view text) { return std::string{text.substr(0, ndr::node_id_length(text))}; }

}  // namespace

TEST_CASE("node ids end where their parameters do") {
  CHECK(id_of("tests/a.py::test_b PASSED [ 12%]") == "tests/a.py::test_b");
  CHECK(id_of("tests/a.py::TestC::test_b[x] FAILED") == "tests/a.py::TestC::test_b[x]");
  CHECK(id_of("a.py::t[shape=[1, 2]-k=(3, 4)] PASSED") == "a.py::t[shape=[1, 2]-k=(3, 4)]");
  CHECK(id_of("a.py::t[odd] name] PASSED") == "a.py::t[odd]");
  CHECK(id_of("a.py::t[open [ x] PASSED") == "a.py::t[open [ x]");
  CHECK(id_of("a.py::t[a::b] - RuntimeError") == "a.py::t[a::b]");
  CHECK(id_of("a.py::t[\xc3\xa9t\xc3\xa9] PASSED") == "a.py::t[\xc3\xa9t\xc3\xa9]");
  for (const char* none : {"see a.py::t", "a.cpp::t", "a.py:12", "a.py::", "x 'a.py::t'", "a.py::t[never closed"})
    CHECK(id_of(none).empty());
}

TEST_CASE("verdicts are read with and without xdist") {
  const auto plain = ndr::read_verdict("tests/a.py::test_b PASSED                  Metal | INFO | x");
  REQUIRE(plain);
  CHECK(plain->word == "PASSED");
  const auto worker = ndr::read_verdict("[gw12] [ 41%] FAILED tests/a.py::test_b[1] ");
  REQUIRE(worker);
  CHECK(worker->worker == "gw12");
  CHECK(worker->failed());
  const auto begun = ndr::read_verdict("tests/a.py::test_b ");
  REQUIRE(begun);
  CHECK(begun->word.empty());
  CHECK_FALSE(ndr::read_verdict("[gw0] node down: Not properly terminated"));
  CHECK_FALSE(ndr::read_verdict("tests/a.py::test_b: note"));
}

TEST_CASE("commands are found behind what wraps them") {
  CHECK(only_test("A=1 B='x y' timeout --preserve-status -k 5 20m pytest tests -k \"a and b\" 2>&1 | tee log").text ==
        "pytest tests -k \"a and b\"");
  CHECK(only_test("timeout 20m pytest x").limit_s == 1200);
  CHECK(only_test("timeout 1.5h pytest x").limit_s == 5400);
  CHECK(only_test("timeout 2d pytest x").limit_s == 172800);
  CHECK(only_test("ctest --timeout 300").limit_s == 300);
  CHECK(only_test("A=1 pytest x").assignments.at("A") == "1");
  CHECK(only_test("if ! pytest x; then exit 1; fi").text == "pytest x");
  CHECK(only_test("for i in 1 2; do ./build/test/unit_a; done").text == "./build/test/unit_a");
  CHECK(only_test("cd tests && python3 -m pytest x || exit 1").text == "python3 -m pytest x");
  CHECK(only_test("bash -ec \"source env.sh && pytest 'a b'\"").text == "pytest 'a b'");
  CHECK(only_test("source a.sh; run_board_tests --all # comment").text == "run_board_tests --all");
  CHECK(only_test("mpirun -np 2 ./build/test/mesh").kind == ndr::CommandKind::gtest);
  CHECK(only_test("tests/scripts/run_a.sh").kind == ndr::CommandKind::script);
  CHECK(only_test("python models/demo.py").kind == ndr::CommandKind::program);
  for (const char* setup :
       {"pip3 install x", "python -m pip install pytest", "echo pytest", "git clone x", "cmake --build build",
        "python3 .github/scripts/report.py", "python setup.py", "./.github/run", "", "# pytest x", "python"}) {
    INFO(setup);
    CHECK(only_test(setup).text.empty());
  }
}

TEST_CASE("what a container or a shell is given holds for the command in it") {
  const auto inside = only_test(
      "docker run --rm -e ARCH_NAME=wormhole_b0 --env=B='x y' -e HOME -v /a:/a --device /dev/tenstorrent img:1 "
      "bash -c 'C=3 pytest a.py -v'");
  CHECK(inside.text == "pytest a.py -v");
  CHECK(inside.assignments ==
        std::map<std::string, std::string>{{"ARCH_NAME", "wormhole_b0"}, {"B", "x y"}, {"C", "3"}});
  CHECK(only_test("sudo podman exec -it box ./build/test/unit_a --x").text == "./build/test/unit_a --x");
  CHECK(only_test("docker build -t pytest .").text.empty());
  CHECK(only_test("docker run img:1").text.empty());
  CHECK(only_test("docker run --rm --entrypoint bash -e A=b img:1 -c 'C=d pytest x -v'").text == "pytest x -v");
  CHECK(only_test("docker run --entrypoint=/build/test/unit_tests img:1 --gtest_filter=A.b 2>&1").text ==
        "/build/test/unit_tests --gtest_filter=A.b");
  CHECK(only_test("docker run --gpus all --memory-swap 2g --rm img:1 pytest x").text == "pytest x");
  const auto limited = only_test("A=1 timeout 30m bash -c \"A=2 pytest x\"");
  CHECK(limited.assignments.at("A") == "2");
  CHECK(limited.limit_s == 1800);
  std::string nested;
  for (int i = 0; i < 4000; ++i)
    nested += "docker run i ";
  CHECK(only_test(nested + "pytest x").text == "pytest x");
}

TEST_CASE("a command whose failure the script forgives may fail") {
  for (const char* forgiven :
       {"pytest x || true", "pytest x ||:", "pytest x || echo no", "A=1 pytest x || true; pytest y"}) {
    INFO(forgiven);
    CHECK(only_test(forgiven).may_fail);
  }
  for (const char* counts :
       {"pytest x || exit 1", "pytest x", "pytest x; true", "pytest x && true", "pytest x | true"}) {
    INFO(counts);
    CHECK_FALSE(only_test(counts).may_fail);
  }
}

TEST_CASE("scripts of several lines are joined and cut") {
  const std::vector<ndr::Sourced<std::string>> script{
      {"export A=1", {0, 1, 0}}, {"pytest tests \\", {0, 2, 0}}, {"  -v", {0, 3, 0}}, {"echo done", {0, 4, 0}}};
  const auto commands = ndr::shell_commands(script);
  REQUIRE(commands.size() == 3);
  CHECK(commands[0].assignments.at("A") == "1");
  CHECK(ndr::runs_tests(commands[1].kind));
  CHECK(commands[1].origin.line == 2);
  CHECK(ndr::option_value(commands[1].text + " --timeout=9", "--timeout") == "9");
}

TEST_CASE("a hostile line gives no more commands and assignments than a script may have") {
  std::string commands;
  std::string assignments;
  for (int i = 0; i < 5000; ++i) {
    commands += "x;";
    assignments += "A" + std::to_string(i) + "=1 ";
  }
  CHECK(ndr::shell_commands(commands, {}).size() == ndr::most_commands);
  CHECK(ndr::shell_commands("x; bash -c '" + commands + "'; " + commands, {}).size() == ndr::most_commands);
  CHECK(only_test(assignments + "pytest x").assignments.size() == ndr::most_assignments);
}

TEST_CASE("settings are read where a line shows them, not from prose") {
  const auto one = [](std::string_view line) {
    const auto settings = ndr::shown_settings(line);
    return settings.empty() ? std::string{} : settings[0].first + "=" + settings[0].second;
  };
  CHECK(one("export TT_X=\"a b\"") == "TT_X=a b");
  CHECK(one("+ export TT_X=1") == "TT_X=1");
  CHECK(one("2026-01-01 - INFO - setting env var: MESH_DEVICE=T3K") == "MESH_DEVICE=T3K");
  CHECK(one("TT_METAL_HOME=/srv/x") == "TT_METAL_HOME=/srv/x");
  for (const char* none :
       {"x=1", "the value is NAME=1 here", "echo \"A_B=5\" >> $GITHUB_ENV", "TOKEN=***", "set -x", "a = b"})
    CHECK(one(none).empty());
}

TEST_CASE("messages lose what loggers put around them") {
  CHECK(ndr::bare_message(
            "2026-04-23 21:00:59.755 | critical |          Always | TT_THROW: lost it (assert.hpp:104)") == "lost it");
  CHECK(ndr::bare_message("2025-07-20 22:06:56.727 | INFO     | conftest:reset:941 - all well - really") ==
        "all well - really");
  CHECK(ndr::bare_message("                   Metal | INFO     | closed - now") == "closed - now");
  CHECK(ndr::bare_message("plain (see notes)") == "plain (see notes)");
  CHECK(ndr::logger_level("2026-04-23 21:00:59.755 | warning  | UMD | x") == "warning");
  CHECK(ndr::logger_level("a | b | c | d").empty());
}

TEST_CASE("messages name devices and ranks") {
  CHECK(ndr::named_devices("Timeout on Device 19: chan=6") == "device 19");
  CHECK(ndr::named_devices("rank 2 lost chip=4") == "rank 2 device 4");
  CHECK(ndr::named_devices("the device is lost, see devices 12").empty());
}

TEST_CASE("boards and architectures hide in names") {
  CHECK(ndr::board_in("ops (wormhole_b0, N300)") == "N300");
  CHECK(ndr::board_in("bh_p150b") == "P150b");
  CHECK(ndr::board_in("t3k-tests") == "T3000");
  CHECK(ndr::board_in("6u") == "Galaxy");
  CHECK_FALSE(ndr::board_in("n1500 tests"));
  CHECK(ndr::arch_in("wh_llmbox") == "wormhole_b0");
  CHECK(ndr::arch_in("blackhole") == "blackhole");
  CHECK_FALSE(ndr::arch_in("whole"));
}

TEST_CASE("signals have one name however they are printed") {
  CHECK(ndr::signal_name("Segmentation fault (11)") == "SIGSEGV");
  CHECK(ndr::signal_name("signal 6 (Aborted)") == "SIGABRT");
  CHECK(ndr::signal_of_exit(139) == "SIGSEGV");
  CHECK(ndr::signal_of_exit(1).empty());
  CHECK(ndr::signal_name("Hello").empty());
}
