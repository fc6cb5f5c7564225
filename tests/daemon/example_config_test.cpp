#include <fstream>
#include <sstream>

#include "daemon/config.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in{NDREPRO_SOURCE_DIR "/" + file};
  std::ostringstream text;
  text << in.rdbuf();
  REQUIRE_FALSE(text.str().empty());
  return text.str();
}

std::string example() { return text_of("systemd/ndreprod.yaml"); }

// With every key in force: a line of prose is "# " and a word, a key stands at once or indented after its '#'.
std::string uncommented(const std::string& text) {
  std::istringstream lines{text};
  std::string result;
  for (std::string line; std::getline(lines, line); result += line + "\n") {
    const bool prose = line.size() > 2 && line[1] == ' ' && line[2] != ' ';
    if (!line.empty() && line[0] == '#' && !prose) line.erase(0, 1);
  }
  return result;
}

std::vector<std::int64_t> numbers_of(const Config& config) {
  const Settings& settings = config.settings;
  return {settings.boards.settle_ms,
          settings.boards.reset_warn_ms,
          settings.boards.reset_limit_ms,
          settings.boards.retry_after_ms,
          settings.boards.cooldown_ms,
          settings.stalls.start_up_ms,
          settings.stalls.mid_run_ms,
          settings.stalls.shut_down_ms,
          settings.stalls.triage_ms,
          settings.stalls.let_end_ms,
          settings.stop.device_error.interrupt_ms,
          settings.stop.device_error.terminate_ms,
          settings.stop.hang.interrupt_ms,
          settings.stop.hang.terminate_ms,
          settings.stop.other.interrupt_ms,
          settings.stop.other.terminate_ms,
          settings.attempt_ms,
          settings.campaign_ms,
          static_cast<std::int64_t>(settings.log_limit_bytes),
          static_cast<std::int64_t>(config.listen.socket_mode),
          config.listen.tcp_port ? *config.listen.tcp_port : -1};
}

// Different from the defaults in every member that the file can set.
Config nothing_as_by_default() {
  Config config;
  Settings& settings = config.settings;
  settings.state_folder = settings.runtime_folder = settings.shim = config.listen.socket = "/elsewhere";
  settings.case_roots = settings.signal_rules = {"/elsewhere"};
  settings.allow_network_file_systems = true;
  settings.boards = {"/elsewhere", "/elsewhere", {"other"}, false, {"other"}, 1, 1, 1, 1, 1};
  settings.stalls = {1, 1, 1, 1, 1};
  settings.stop = {{1, 1}, {1, 1}, {1, 1}};
  settings.attempt_ms = settings.campaign_ms = 1;
  settings.log_limit_bytes = 1;
  config.listen.socket_mode = 0;
  config.listen.tcp_port.reset();
  config.log_level = "error";
  return config;
}

}  // namespace

TEST_CASE("the example configuration as it is installed changes nothing") {
  const auto config = parse_config(example(), "ndreprod.yaml", default_config(true));
  REQUIRE(config.has_value());
  CHECK(numbers_of(*config) == numbers_of(default_config(true)));
}

TEST_CASE("the example configuration names every key with its default") {
  const auto config = parse_config(uncommented(example()), "ndreprod.yaml", nothing_as_by_default());
  if (config.has_error()) FAIL(to_text(config.error()));
  const Config expected = default_config(true);
  const Settings& settings = config->settings;
  CHECK(numbers_of(*config) == numbers_of(expected));
  CHECK(settings.state_folder == expected.settings.state_folder);
  CHECK(settings.runtime_folder == expected.settings.runtime_folder);
  CHECK(settings.case_roots == expected.settings.case_roots);
  CHECK(settings.signal_rules == expected.settings.signal_rules);
  CHECK(settings.allow_network_file_systems == expected.settings.allow_network_file_systems);
  CHECK(settings.shim == "/usr/libexec/ndrepro/ndreprod-shim");
  CHECK(settings.boards.nodes == expected.settings.boards.nodes);
  CHECK(settings.boards.proc == expected.settings.boards.proc);
  CHECK(settings.boards.reset_command == expected.settings.boards.reset_command);
  CHECK(settings.boards.targets_are_paths == expected.settings.boards.targets_are_paths);
  CHECK(settings.boards.probe_command == expected.settings.boards.probe_command);
  CHECK(config->listen.socket == expected.listen.socket);
  CHECK(config->log_level == expected.log_level);
}

TEST_CASE("README's remedy for a tool that is not found is a good configuration") {
  const std::string readme = text_of("README.md");
  const auto begin = readme.find("`reset_command: [");
  REQUIRE(begin != std::string::npos);
  const std::string remedy = readme.substr(begin + 1, readme.find('`', begin + 1) - begin - 1);
  const auto config = parse_config("boards:\n  " + remedy + "\n", "README.md", default_config(true));
  if (config.has_error()) FAIL(to_text(config.error()));
  CHECK(config->settings.boards.reset_command == std::vector<std::string>{"/full/path/tt-smi", "-r"});
}
