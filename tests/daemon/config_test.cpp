#include "daemon/config.hpp"

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

Refusal refusal_of(std::string_view yaml) {
  const auto config = parse_config(yaml, "ndreprod.yaml", default_config(true));
  REQUIRE(config.has_error());
  return config.error();
}

}  // namespace

TEST_CASE("an empty file leaves every default") {
  const auto config = parse_config("# nothing\n", "ndreprod.yaml", default_config(true));
  REQUIRE(config.has_value());
  CHECK(config->settings.state_folder == "/var/lib/ndreprod");
  CHECK(config->listen.socket == "/run/ndreprod/api.sock");
  CHECK(config->listen.tcp_port == 8742);
  CHECK(config->settings.attempt_ms == 300000);
}

TEST_CASE("every key of the file reaches its setting") {
  const auto config = parse_config(R"(
state_folder: /srv/state
runtime_folder: /srv/run
case_roots: [/srv/cases, /home]
allow_network_file_systems: true
shim: /opt/ndreprod-shim
signal_rules: [/etc/ndreprod/rules.d/site.yaml]
log_level: debug
listen:
  socket_mode: "0600"
  tcp: off
boards:
  nodes: /tmp/dev
  proc: /tmp/proc
  reset_command: [my-smi, --reset]
  reset_targets: index
  probe_command: [my-smi, -s]
  settle_seconds: 0.5
  reset_warn_seconds: 20
  reset_limit_seconds: 60
  retry_after_seconds: 1
  cooldown_seconds: 2
limits: {attempt_seconds: 120, campaign_seconds: 600, log_bytes: 1048576}
stalls: {start_up_seconds: 100, mid_run_seconds: 20, shut_down_seconds: 10, triage_seconds: 4, let_end_seconds: 3}
stop:
  device_error: {interrupt_seconds: 3, terminate_seconds: 2}
  hang: {interrupt_seconds: 1, terminate_seconds: 1}
  other: {interrupt_seconds: 0.5, terminate_seconds: 0}
)",
                                   "ndreprod.yaml", default_config(false));
  REQUIRE(config.has_value());
  const Settings& settings = config->settings;
  CHECK(settings.state_folder == "/srv/state");
  CHECK(config->listen.socket == "/srv/run/api.sock");  // follows the runtime folder
  CHECK(config->listen.socket_mode == 0600);
  CHECK_FALSE(config->listen.tcp_port.has_value());
  CHECK(settings.case_roots.size() == 2);
  CHECK(settings.allow_network_file_systems);
  CHECK(settings.shim == "/opt/ndreprod-shim");
  CHECK(settings.signal_rules.size() == 1);
  CHECK(config->log_level == "debug");
  CHECK(settings.boards.nodes == "/tmp/dev");
  CHECK(settings.boards.reset_command == std::vector<std::string>{"my-smi", "--reset"});
  CHECK_FALSE(settings.boards.targets_are_paths);
  CHECK(settings.boards.probe_command.size() == 2);
  CHECK(settings.boards.settle_ms == 500);
  CHECK(settings.boards.reset_limit_ms == 60000);
  CHECK(settings.attempt_ms == 120000);
  CHECK(settings.log_limit_bytes == 1048576);
  CHECK(settings.stalls.mid_run_ms == 20000);
  CHECK(settings.stalls.let_end_ms == 3000);
  CHECK(settings.stop.device_error == StopLadder{3000, 2000});
  CHECK(settings.stop.other == StopLadder{500, 0});
}

TEST_CASE("an unknown key is refused with its line") {
  CHECK(refusal_of("state_folder: /a\ncase_root: [/b]\n").field == "ndreprod.yaml:2: case_root");
  CHECK(refusal_of("boards:\n  nodes: /dev/x\n  reset: [a]\n").field == "ndreprod.yaml:3: boards.reset");
  CHECK(refusal_of("stop:\n  hang:\n    kill_seconds: 1\n").field == "ndreprod.yaml:3: stop.hang.kill_seconds");
}

TEST_CASE("a value of the wrong kind or out of range is refused with its line and the reason") {
  CHECK(refusal_of("limits: {attempt_seconds: 900}\n").reason == "must be between 1 and 300");
  CHECK(refusal_of("limits: {attempt_seconds: soon}\n").reason == "must be a number");
  CHECK(refusal_of("state_folder: here\n").reason == "must be an absolute path");
  CHECK(refusal_of("case_roots: /home\n").reason == "must be a list of texts, like [a, b]");
  CHECK(refusal_of("case_roots: [home]\n").reason == "must hold absolute paths only");
  CHECK(refusal_of("allow_network_file_systems: maybe\n").reason == "must be true or false");
  CHECK(refusal_of("listen: {socket_mode: \"99\"}\n").reason == "must be octal, like \"0660\"");
  CHECK(refusal_of("boards: [1]\n").reason == "must be a map of keys to values");
  CHECK(refusal_of("boards: {reset_targets: bus}\n").field == "ndreprod.yaml:1: boards.reset_targets");
  CHECK(refusal_of("log_level: loud\n").reason == "must be debug, info, warning or error");
}

TEST_CASE("axes of the site are read, and what is no axis is refused with its line") {
  const Checked<Config> read = parse_config(
      "axes:\n  cold:\n    environment: {TT_METAL_CACHE: \"{folder}\", A: 1}\n  small:\n    limits: {nofile: 64}\n",
      "ndreprod.yaml", Config{});
  REQUIRE(read.has_value());
  CHECK(read->settings.axes ==
        std::vector<Axis>{{"cold", {{"TT_METAL_CACHE", "{folder}"}, {"A", "1"}}, {}}, {"small", {}, {{"nofile", 64}}}});
  CHECK(refusal_of("axes: [a]\n").reason == "must be a map of names to what is different there");
  CHECK(refusal_of("axes:\n  a: {limits: {nofile: 1}}\n  noise: {limits: {nofile: 1}}\n").field ==
        "ndreprod.yaml:3: axes");
  CHECK(refusal_of("axes:\n  Big: {limits: {nofile: 1}}\n").field == "ndreprod.yaml:2: axes");
  CHECK(refusal_of("axes:\n  a: {}\n").reason == "has nothing in a: give it environment or limits");
  CHECK(refusal_of("axes:\n  a: {environment: {LD_PRELOAD: x}}\n").field == "ndreprod.yaml:2: axes.a.environment");
  CHECK(refusal_of("axes:\n  a: {limits: {files: 1}}\n").reason == "knows no resource files (prlimit(1))");
  CHECK(refusal_of("axes:\n  a: {limits: {nofile: many}}\n").reason == "must map nofile to a whole number");
  CHECK(refusal_of("axes:\n  a:\n    limit: {nofile: 1}\n").field == "ndreprod.yaml:3: axes.a.limit");
}

TEST_CASE("the API cannot be configured to listen beyond this host") {
  CHECK_FALSE(refusal_of("listen: {tcp: \"0.0.0.0:8742\"}\n").reason.empty());
  CHECK_FALSE(refusal_of("listen: {tcp: \"127.0.0.1:70000\"}\n").reason.empty());
}

TEST_CASE("text that is not YAML is refused with its line") {
  CHECK(refusal_of("a: [1\nb: 2\n").field.rfind("ndreprod.yaml:", 0) == 0);
}
