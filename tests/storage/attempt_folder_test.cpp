#include "storage/attempt_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

AttemptSpec example_spec() {
  AttemptSpec spec;
  spec.case_name = "gather-timeout";
  spec.number = 7;
  spec.command = {"/cases/gather-timeout/run_test.sh", "--iterations", "50", "--", "-k", "a and 'b'\n\t\"c\" ü"};
  spec.working_folder = "/cases/gather-timeout";
  spec.environment = {{"Z", "last=first"}, {"A", ""}, {"PATH", "/usr/bin:/bin"}};
  spec.log = "/cases/gather-timeout/logs/run_7.log";
  spec.deadline_ms = 1234;
  spec.ladder = {10, 20};
  spec.log_limit_bytes = 1ull << 40;
  spec.arm = "workers";
  spec.parameters = R"({"workers":2})";
  spec.seed = 18446744073709551615ull;
  spec.literals = {"TT_THROW", "device timeout"};
  return spec;
}

AttemptExit example_exit() {
  AttemptExit exit;
  exit.cause = EndCause::deadline;
  exit.term_signal = 9;
  exit.core_dumped = true;
  exit.error = "none";
  exit.started_at_ms = 1700000000000;
  exit.duration_ms = 300001;
  exit.stop_ms = 77;
  exit.leftovers = 3;
  exit.killed = 4;
  exit.unkillable = 1;
  exit.log_bytes = 1ull << 41;
  exit.stop_log_bytes = 1ull << 40;
  exit.oom_kills = 2;
  return exit;
}

std::string with(std::string json, const std::string& from, const std::string& to) {
  const std::size_t at = json.find(from);
  REQUIRE(at != std::string::npos);
  return json.replace(at, from.size(), to);
}

std::string spec_with(const std::string& from, const std::string& to) {
  return with(to_json_text(example_spec()), from, to);
}

Refusal refusal_of(const std::string& json) {
  const auto parsed = attempt_spec_from(json);
  REQUIRE(parsed.has_error());
  return parsed.error();
}

std::string nested(int depth) {
  return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
}

}  // namespace

TEST_CASE("a spec comes back from its JSON as it was") {
  const AttemptSpec spec = example_spec();
  const auto back = attempt_spec_from(to_json_text(spec));
  REQUIRE(back.has_value());
  CHECK(back.value() == spec);
}

TEST_CASE("an exit comes back from its JSON as it was, with a code, a signal, or neither") {
  AttemptExit exit = example_exit();
  CHECK(attempt_exit_from(to_json_text(exit)).value() == exit);
  exit.term_signal.reset();
  CHECK(attempt_exit_from(to_json_text(exit)).value() == exit);
  exit.exit_code = 127;
  CHECK(attempt_exit_from(to_json_text(exit)).value() == exit);
  exit.stop_log_bytes.reset();
  CHECK(attempt_exit_from(to_json_text(exit)).value() == exit);
}

TEST_CASE("an exit of a shim that did not tell the log's size at the stop is read") {
  const std::string json = with(to_json_text(example_exit()), "  \"stop_log_bytes\": 1099511627776,\n", "");
  REQUIRE(attempt_exit_from(json).has_value());
  CHECK_FALSE(attempt_exit_from(json).value().stop_log_bytes);
}

TEST_CASE("every end cause has one name") {
  for (const EndCause cause :
       {EndCause::exited, EndCause::stopped, EndCause::deadline, EndCause::log_limit, EndCause::spawn_failed}) {
    CHECK(end_cause_from(to_text(cause)) == cause);
  }
  CHECK_FALSE(end_cause_from("Exited").has_value());
}

TEST_CASE("bytes that are not UTF-8 are replaced, never thrown at the writer") {
  AttemptSpec spec = example_spec();
  spec.command.push_back("\xff");
  spec.environment.emplace_back("BAD", std::string("a\0b", 3));
  const auto back = attempt_spec_from(to_json_text(spec));
  REQUIRE(back.has_value());
  CHECK(back.value().command.back() == "\xef\xbf\xbd");
  CHECK(back.value().environment.back().second ==
        "a\xef\xbf\xbd"
        "b");
}

TEST_CASE("a refused spec names the place as a JSON pointer") {
  CHECK(refusal_of(spec_with("\"version\": 1", "\"version\": 2")).field == "/version");
  CHECK(refusal_of(spec_with("\"number\": 7", "\"number\": -1")).field == "/number");
  CHECK(refusal_of(spec_with("\"number\": 7", "\"number\": 7.5")).field == "/number");
  CHECK(refusal_of(spec_with("\"number\": 7", "\"number\": 4294967303")).field == "/number");
  CHECK(refusal_of(spec_with("\"number\": 7", "\"number\": 18446744073709551615")).field == "/number");
  CHECK(refusal_of(spec_with("\"number\": 7", "\"numbers\": 7")).reason == "is missing");
  CHECK(refusal_of(spec_with("\"deadline_ms\": 1234", "\"deadline_ms\": 0")).field == "/deadline_ms");
  CHECK(refusal_of(spec_with("\"terminate_ms\": 20", "\"terminate_ms\": \"20\"")).field == "/ladder/terminate_ms");
  CHECK(refusal_of(spec_with("\"terminate_ms\": 20", "\"terminate_ms\": 20, \"x\": 1")).field == "/ladder/x");
  CHECK(refusal_of(spec_with("\"--iterations\"", "5")).field == "/command/1");
  CHECK(refusal_of(spec_with("\"--iterations\"", "\"a\\u0000b\"")).field == "/command/1");
  CHECK(refusal_of(spec_with("\"/cases/gather-timeout/run_test.sh\"", "\"run_test.sh\"")).field == "/command");
  CHECK(refusal_of(spec_with("\"A=\"", "\"A\"")).reason == "item 1 must be NAME=value");
  CHECK(refusal_of(spec_with("\"A=\"", "\"=A\"")).field == "/environment");
  CHECK(refusal_of(spec_with("/cases/gather-timeout/logs", "logs")).field == "/log");
  CHECK(refusal_of(spec_with("\"seed\"", "\"extra\": 0, \"seed\"")).field == "/extra");
  CHECK(refusal_of(spec_with("\"seed\"", "\"arm\": \"x\", \"seed\"")).reason == "is there twice");
  CHECK(refusal_of("[]").reason == "must be an object");
}

TEST_CASE("text that is no JSON is refused with the byte") {
  CHECK(refusal_of("").reason.starts_with("is not JSON"));
  CHECK(refusal_of("{\"version\": 1,}").reason.starts_with("is not JSON from byte 15"));
  CHECK(refusal_of("{\"version\": \"\xff\"}").reason.starts_with("is not JSON"));
  CHECK(refusal_of("{} {}").reason.starts_with("is not JSON"));
}

TEST_CASE("deep JSON is refused at the level where it becomes too deep") {
  CHECK(refusal_of(nested(32)).reason == "must be an object");
  CHECK(refusal_of(nested(33)).reason == "nests deeper than 32 levels");
  CHECK(refusal_of("{\"arm\": [0, " + nested(40) + "]}").field == "/arm/1" + [] {
    std::string zeros;
    for (int i = 0; i < 30; ++i)
      zeros += "/0";
    return zeros;
  }());
  CHECK(refusal_of(nested(1000000)).reason == "nests deeper than 32 levels");
  std::string objects;
  for (int level = 0; level < 100000; ++level)
    objects += "{\"a~/b\":";
  CHECK(refusal_of(objects).field.starts_with("/a~0~1b/a~0~1b"));
}

TEST_CASE("an exit of another shape is refused") {
  const std::string json = to_json_text(example_exit());
  const auto field = [](const std::string& text) { return attempt_exit_from(text).error().field; };
  CHECK(field(with(json, "\"deadline\"", "\"lost\"")) == "/cause");
  CHECK(field(with(json, "\"term_signal\": 9", "\"term_signal\": 0")) == "/term_signal");
  CHECK(field(with(json, "\"core_dumped\": true", "\"core_dumped\": 1")) == "/core_dumped");
  CHECK(field(with(json, "\"log_bytes\": 2199023255552", "\"log_bytes\": -1")) == "/log_bytes");
  CHECK(field(with(json, "\"stop_log_bytes\": 1099511627776", "\"stop_log_bytes\": 0.5")) == "/stop_log_bytes");
}

TEST_CASE("a stop request is one line with two times") {
  CHECK(stop_request({30000, 0}) == "stop 30000 0\n");
  CHECK(stop_request_from("stop 30000 0\n") == StopLadder{30000, 0});
  for (const char* line : {"stop 1 2", "stop 1\n", "stop -1 2\n", "stop 1 2 3\n", "stop  1 2\n", "stop 1 99999999999\n",
                           "kill 1 2\n", "stop 0x1 2\n", "\n", ""}) {
    INFO(line);
    CHECK_FALSE(stop_request_from(line).has_value());
  }
}

TEST_CASE("the state of a folder is told by who holds its lock") {
  const TempFolder temp;
  const AttemptFolder folder{temp / "1"};
  CHECK(shim_state(folder) == ShimState::absent);
  std::filesystem::create_directory(folder.root());
  CHECK(shim_state(folder) == ShimState::absent);
  write_file_atomically(folder.lock(), "x");
  CHECK(shim_state(folder) == ShimState::lost);
  UniqueFd lock{::open(folder.lock().c_str(), O_RDWR | O_CLOEXEC)};
  REQUIRE(::flock(lock.get(), LOCK_EX) == 0);
  CHECK(shim_state(folder) == ShimState::running);
  write_file_atomically(folder.exit(), "{}");
  CHECK(shim_state(folder) == ShimState::running);
  lock.reset();
  CHECK(shim_state(folder) == ShimState::ended);
}

TEST_CASE("another reader's look at the lock is not taken for a shim") {
  const TempFolder temp;
  const AttemptFolder folder{temp.path()};
  write_file_atomically(folder.lock(), "x");
  const UniqueFd reader{::open(folder.lock().c_str(), O_RDONLY | O_CLOEXEC)};
  REQUIRE(::flock(reader.get(), LOCK_SH) == 0);
  CHECK(shim_state(folder) == ShimState::lost);
}

TEST_CASE("a lock that is a symlink tells nothing") {
  const TempFolder temp;
  const AttemptFolder folder{temp.path()};
  write_file_atomically(temp / "elsewhere", "x");
  std::filesystem::create_symlink("elsewhere", folder.lock());
  CHECK(shim_state(folder) == ShimState::absent);
  CHECK_FALSE(shim_record(folder).has_value());
}

TEST_CASE("the shim's record is read as far as it was written") {
  const TempFolder temp;
  const AttemptFolder folder{temp.path()};
  const ProcessIdentity shim{std::string(36, 'b'), 10, 20};
  const ProcessIdentity run{std::string(36, 'b'), 11, 21};
  const ShimRecord whole{shim, "/sys/fs/cgroup/ndrepro-x-1-10", run};
  const std::string text = to_text(whole);
  CHECK(shim_record_from(text) == whole);
  CHECK(shim_record_from(to_text(ShimRecord{shim, {}, {}})) == ShimRecord{shim, {}, {}});
  CHECK(shim_record_from(text.substr(0, text.size() - 1)) == ShimRecord{shim, whole.cgroup, {}});
  CHECK_FALSE(shim_record_from("nonsense\n").has_value());
  CHECK_FALSE(shim_identity(folder).has_value());
  write_file_atomically(folder.lock(), text);
  CHECK(shim_identity(folder) == shim);
}
