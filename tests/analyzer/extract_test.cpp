#include "analyzer/evidence/extract.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>

#include "analyzer/evidence/extract_evidence.hpp"
#include "analyzer/evidence/extract_file.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/utf8.hpp"
#include "storage/evidence_json.hpp"
#include "tests/analyzer/log_fixtures.hpp"
#include "tests/support/catch.hpp"

namespace {

std::string extract_in_chunks(const LogFixture& fixture, std::size_t chunk) {
  ndr::EvidenceExtractor extractor;
  for (const auto& [name, bytes] : fixture.logs) {
    extractor.begin_file(name);
    for (std::size_t at = 0; at < bytes.size(); at += chunk)
      extractor.feed(std::string_view{bytes}.substr(at, chunk));
  }
  return ndr::to_json_text(extractor.finish().evidence);
}

ndr::Evidence extract_file(const std::string& bytes, bool prefilter) {
  ndr::FileReader reader{0, prefilter};
  reader.feed(bytes);
  return ndr::evidence_of(reader.finish().at(0));
}

// Fed in chunks of random sizes, small and large.
ndr::Evidence extract_file(std::string_view bytes, bool prefilter, std::mt19937& random) {
  ndr::FileReader reader{0, prefilter};
  while (!bytes.empty()) {
    const std::size_t most = random() % 4 == 0 ? 300000 : 3000;
    const std::string_view chunk = bytes.substr(0, 1 + random() % most);
    reader.feed(chunk);
    bytes.remove_prefix(chunk.size());
  }
  return ndr::evidence_of(reader.finish().at(0));
}

// The log with what CI may put between and into its lines: idle logging, colours in mid-word, lone CR, CR LF.
std::string disturbed(const std::string& bytes, std::mt19937& random) {
  std::string log;
  for (const std::string_view line : ndr::split(bytes, '\n')) {
    const std::string_view stamp = ndr::split_stamp(line).stamp;
    for (auto idle = random() % 8 == 0 ? random() % 40 : 0; idle > 0; --idle) {
      if (!stamp.empty() && random() % 8 != 0) log += std::string{stamp} + " ";
      log += "copy " + std::to_string(random() % 1000) + " of bank " + std::to_string(idle) + " done\n";
    }
    log += line;
    const std::size_t begin = log.size() - line.size() + (stamp.empty() ? 0 : stamp.size() + 1);
    switch (random() % 6) {
      case 0:
        if (begin < log.size()) log.insert(begin + random() % (log.size() - begin), "\x1b[1;32m");
        break;
      case 1:
        log += '\r';
        break;
      case 2:
        if (begin < log.size()) log.insert(begin, " 40%|####      |\r");
        break;
      default:
        break;
    }
    log += '\n';
  }
  return log;
}

void check_prefilter(const std::string& bytes, std::mt19937& random) {
  const std::string wanted = ndr::to_json_text(extract_file(bytes, false));
  CHECK(ndr::to_json_text(extract_file(bytes, true)) == wanted);
  CHECK(ndr::to_json_text(extract_file(bytes, true, random)) == wanted);
}

std::string value(const ndr::MaybeSourced<std::string>& field) { return field ? field->value : "(absent)"; }

// Whether it is a raw log of GitHub Actions: most of its lines begin with a time.
bool contains_stamps(std::string_view log) {
  const auto lines = ndr::split(log, '\n');
  const auto stamped =
      std::count_if(lines.begin(), lines.end(), [](auto l) { return !ndr::split_stamp(l).stamp.empty(); });
  const bool columns = !lines.empty() && !ndr::split_stamp(lines.front()).job.empty();
  return !columns && 2 * stamped > static_cast<std::ptrdiff_t>(lines.size());
}

template <class Change>
std::string each_line(std::string_view log, Change change) {
  if (log.starts_with("\xef\xbb\xbf")) log.remove_prefix(3);
  std::string changed;
  for (std::string_view line : ndr::split(log.ends_with('\n') ? log.substr(0, log.size() - 1) : log, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    changed += change(line) + "\n";
  }
  return changed;
}

// The values that do not speak of time, and the lines on which they stand.
std::string said_of(const std::string& log) {
  const ndr::Evidence evidence = ndr::extract_evidence("a.log", log);
  std::string said{ndr::to_text(evidence.failure_type)};
  for (const auto* field :
       {&evidence.exception, &evidence.error_line, &evidence.throw_location, &evidence.test_id, &evidence.command,
        &evidence.arch, &evidence.board, &evidence.workflow, &evidence.rank_or_device, &evidence.failing_statement})
    said += "\n" + (*field ? (*field)->value + " @" + std::to_string((*field)->origin.line) : std::string{"-"});
  for (const auto& [name, value] : evidence.environment)
    said += "\n" + name + "=" + value.value + " @" + std::to_string(value.origin.line);
  for (const auto& [name, value] : evidence.timeouts)
    said += "\n" + name + "=" + std::to_string(value.value) + " @" + std::to_string(value.origin.line);
  return said;
}

}  // namespace

TEST_CASE("what a command says before it fails is its failure, where its status is known") {
  const std::string text =
      "round 1\nexchange.sh: FATAL: the entry of one side is lost\nTest FAILED with exit status 1\n";
  CHECK_FALSE(ndr::extract_evidence("run.log", text).is_failure);
  const auto read = [&](int status, std::string_view said) {
    ndr::EvidenceExtractor extractor;
    extractor.begin_file("run.log");
    extractor.feed(said);
    extractor.set_exit_status(status);
    return extractor.finish().evidence;
  };
  const auto failed = read(1, text);
  CHECK(failed.is_failure);
  REQUIRE(failed.error_line);
  CHECK(failed.error_line->value == "exchange.sh: FATAL: the entry of one side is lost");
  CHECK_FALSE(read(0, text).is_failure);
  CHECK_FALSE(read(1, "nothing is said\n").is_failure);
}

TEST_CASE("every fixture gives the fields that its log holds") {
  const auto fixtures = log_fixtures();
  REQUIRE(fixtures.size() >= 25);
  for (const LogFixture& fixture : fixtures) {
    const auto found = nlohmann::json::parse(extract_in_chunks(fixture, 64 * 1024));
    const auto expected = nlohmann::json::parse(fixture.expected);
    for (const auto& [field, wanted] : expected.items()) {
      INFO(fixture.name << ": " << field);
      CHECK(found[field] == wanted);
    }
  }
}

TEST_CASE("fixtures cover every type of failure and logs that pass") {
  std::map<std::string, int> types;
  for (const LogFixture& fixture : log_fixtures()) {
    ++types[nlohmann::json::parse(fixture.expected)["failure_type"].get<std::string>()];
  }
  for (const char* type : {"infra", "device_contention", "out_of_memory", "device_timeout", "test_timeout", "hang",
                           "comparison", "assertion", "crash", "exception"}) {
    INFO(type);
    CHECK(types[type] >= 1);
  }
  CHECK(types["none"] >= 2);
}

TEST_CASE("the size of the chunks changes nothing") {
  for (const LogFixture& fixture : log_fixtures()) {
    const std::string whole = extract_in_chunks(fixture, 64 * 1024);
    INFO(fixture.name);
    CHECK(extract_in_chunks(fixture, 1) == whole);
    CHECK(extract_in_chunks(fixture, 7) == whole);
    CHECK(extract_in_chunks(fixture, 4096) == whole);
  }
}

TEST_CASE("the prefilter only saves time") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (const LogFixture& fixture : log_fixtures()) {
    for (const auto& [name, bytes] : fixture.logs) {
      INFO(fixture.name << "/" << name);
      check_prefilter(bytes, random);
      for (int round = 0; round < 4; ++round)
        check_prefilter(disturbed(bytes, random), random);
    }
  }
}

TEST_CASE("the prefilter only saves time over labelled logs, where there are some") {
  const char* corpus = std::getenv("NDREPRO_CORPUS");
  if (corpus == nullptr) return;
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  int read = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator{std::filesystem::path{corpus} / "dev"}) {
    if (!entry.is_regular_file() || entry.path().extension() == ".json") continue;
    INFO(entry.path());
    check_prefilter(read_whole(entry.path()), random);
    ++read;
  }
  CHECK(read > 0);
}

TEST_CASE("lines of a large block keep their numbers, offsets and the silence before the end") {
  std::string log =
      "2026-03-01T10:00:00.0000000Z ##[group]Run pytest tests/a.py\n2026-03-01T10:00:00.0000000Z ##[endgroup]\n";
  for (int i = 0; i < 5000; ++i)
    log += "2026-03-01T10:0" + std::to_string(i / 1000) + ":00.0000000Z copy " + std::to_string(i) + " done\n";
  const std::size_t offset = log.size();
  log += "2026-03-01T10:30:00.0000000Z ##[error]The action 'pytest' has timed out after 30 minutes.\n";
  const auto evidence = ndr::extract_evidence("a.log", log);
  REQUIRE(evidence.failure_type == ndr::FailureType::hang);
  REQUIRE(evidence.error_line);
  CHECK(evidence.error_line->origin.line == 5003);
  CHECK(evidence.error_line->origin.offset == offset);
  REQUIRE(evidence.silent_seconds);
  CHECK(evidence.silent_seconds->value == 26 * 60);
}

TEST_CASE("every origin points at the line that holds the value") {
  for (const LogFixture& fixture : log_fixtures()) {
    ndr::EvidenceExtractor extractor;
    for (const auto& [name, bytes] : fixture.logs) {
      extractor.begin_file(name);
      extractor.feed(bytes);
    }
    const ndr::Evidence evidence = extractor.finish().evidence;
    if (!evidence.error_line) continue;
    const ndr::Origin& origin = evidence.error_line->origin;
    const std::string& bytes = fixture.logs[0].second;
    if (origin.file != 0) continue;
    const std::string_view before = std::string_view{bytes}.substr(0, origin.offset);
    INFO(fixture.name);
    CHECK(static_cast<std::uint64_t>(std::count(before.begin(), before.end(), '\n')) + 1 == origin.line);
    const std::string_view line =
        std::string_view{bytes}.substr(origin.offset, bytes.find('\n', origin.offset) - origin.offset);
    CHECK(line.find(evidence.error_line->value.substr(0, 20)) != std::string_view::npos);
  }
}

TEST_CASE("a log that is cut anywhere, or garbled, still gives an answer") {
  const unsigned seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937 random{seed};
  for (const LogFixture& fixture : log_fixtures()) {
    for (int round = 0; round < 12; ++round) {
      std::string bytes = fixture.logs.back().second;
      bytes.resize(random() % (bytes.size() + 1));
      for (auto changes = random() % 30; changes > 0 && !bytes.empty(); --changes) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      const auto evidence = ndr::extract_evidence("garbled.log", bytes);
      const std::string text = ndr::to_json_text(evidence);
      INFO(fixture.name);
      REQUIRE(ndr::is_utf8(text));
      REQUIRE(ndr::evidence_from_json(text).has_value());
      REQUIRE(ndr::is_utf8(ndr::to_json_text(ndr::signature_of(evidence))));
    }
  }
}

TEST_CASE("an empty log, or one of nothing but text, shows no failure") {
  for (const std::string text : {"", "\n", "hello\nworld\n", "no newline at the end", "\r\r\r", "\xef\xbb\xbf"}) {
    const ndr::Evidence evidence = ndr::extract_evidence("a.log", text);
    CHECK_FALSE(evidence.is_failure);
    CHECK(evidence.failure_type == ndr::FailureType::none);
    CHECK(evidence.files == std::vector<std::string>{"a.log"});
  }
}

TEST_CASE("no file at all shows no failure") {
  ndr::EvidenceExtractor extractor;
  CHECK_FALSE(extractor.finish().evidence.is_failure);
}

TEST_CASE("bytes that are no text come out as valid UTF-8") {
  const ndr::Evidence evidence = ndr::extract_evidence(
      "\xff.log", "terminate called after throwing an instance of 'a\xff'\n  what():  lost \xc3\x28\n");
  CHECK(ndr::is_utf8(value(evidence.exception)));
  CHECK(ndr::is_utf8(value(evidence.error_line)));
  CHECK(ndr::is_utf8(evidence.files.front()));
}

TEST_CASE("a line of a hundred megabytes is cut, and what follows is still read") {
  ndr::EvidenceExtractor extractor;
  extractor.begin_file("long.log");
  const std::string part(1 << 20, 'x');
  for (int i = 0; i < 100; ++i)
    extractor.feed(part);
  extractor.feed("\nterminate called after throwing an instance of 'app::Late'\n  what():  too late\n");
  const ndr::Evidence evidence = extractor.finish().evidence;
  CHECK(value(evidence.exception) == "app::Late");
  CHECK(evidence.exception->origin.line == 2);
  CHECK(evidence.exception->origin.offset == 100ull * (1 << 20) + 1);
}

TEST_CASE("hostile repetition stays bounded") {
  std::string text = "=================================== FAILURES ===================================\n";
  for (int i = 0; i < 20000; ++i)
    text += "____ test_" + std::to_string(i) + " ____\n>   f()\nE   boom\n\ntests/a.py:1: Boom\n";
  for (int i = 0; i < 20000; ++i)
    text += "NAME_" + std::to_string(i) + "=1\n";
  const ndr::Evidence evidence = ndr::extract_evidence("many.log", text);
  CHECK(evidence.is_failure);
  CHECK(evidence.environment.size() <= 1000);
  CHECK(ndr::to_json_text(evidence).size() < 1 << 20);
}

TEST_CASE("the form in which a log was fetched changes nothing") {
  const auto without_stamps = [](std::string_view line) { return std::string{ndr::split_stamp(line).text}; };
  const auto ends_in_return = [](std::string_view line) { return std::string{line} + "\r"; };
  std::string stamp = "2026-01-01T00:00:00.0000000Z ";
  const auto as_column = [&stamp](std::string_view line) {
    const ndr::StampedText stamped = ndr::split_stamp(line);
    if (!stamped.stamp.empty()) stamp = std::string{stamped.stamp} + " ";
    return "the job\tUNKNOWN STEP\t" + stamp + std::string{stamped.text};
  };
  for (const LogFixture& fixture : log_fixtures()) {
    if (fixture.logs.size() != 1) continue;
    const std::string& log = fixture.logs.front().second;
    if (!contains_stamps(log)) continue;
    const std::string wanted = said_of(log);
    INFO(fixture.name);
    CHECK(said_of(each_line(log, ends_in_return)) == wanted);
    CHECK(said_of(each_line(log, without_stamps)) == wanted);
    CHECK(said_of(each_line(log, as_column)) == wanted);
  }
}

TEST_CASE("the tests of two steps failed: the first is the failure, the other a conflict") {
  const auto step = [](const std::string& test, const std::string& error) {
    return "##[group]Run pytest " + test + "\npytest " + test + "\n##[endgroup]\n" +
           "============= test session starts =============\n" + test +
           "::test_x FAILED [100%]\n=========== FAILURES ===========\n___ test_x ___\n>   f()\nE   RuntimeError: " +
           error + "\n\n" + test + ":3: RuntimeError\n====== 1 failed in 0.1s ======\n" +
           "##[error]Process completed with exit code 1.\n";
  };
  const ndr::Evidence evidence = ndr::extract_evidence("a.log", step("a.py", "first") + step("b.py", "second"));
  CHECK(evidence.test_id->value == "a.py::test_x");
  REQUIRE(evidence.conflicts.size() == 1);
  CHECK(evidence.conflicts[0].field == "error_line");
  CHECK(evidence.conflicts[0].other.value == "RuntimeError: second");
  CHECK(evidence.conflicts[0].other.origin.line > evidence.error_line->origin.line);
}

TEST_CASE("hostile scripts stay bounded") {
  std::string text = "##[group]Run x\n";
  for (int line = 0; line < 30; ++line) {
    for (int i = 0; i < 10000; ++i)
      text += "./x;";
    text += '\n';
  }
  ndr::FileReader reader{0, true};
  reader.feed(text + "##[endgroup]\n");
  const ndr::JobOutcome outcome = std::move(reader.finish().at(0));
  REQUIRE(outcome.step);
  std::size_t bytes = 0;
  for (const auto& line : outcome.step->header().script)
    bytes += line.value.size();
  CHECK(bytes > 100000);
  CHECK(bytes < 200000);
  CHECK(outcome.step->test_commands().size() == ndr::most_commands);
}

TEST_CASE("counts beyond any integer are still failures") {
  const std::string start = "===== test session starts =====\n";
  for (const char* counts : {"2147483647 failed, 2147483647 failed", "4294967296 failed", "4294967296 errors"}) {
    INFO(counts);
    CHECK(ndr::extract_evidence("a.log", start + "===== " + counts + " in 1s =====\n").is_failure);
  }
  CHECK_FALSE(ndr::extract_evidence("a.log", start + "===== 0 failed, 3 passed in 1s =====\n").is_failure);
  const std::string step = "##[group]Run pytest\npytest\n##[endgroup]\n";
  const std::string end = "##[error]Process completed with exit code 4294967296.\n";
  CHECK(ndr::extract_evidence("a.log", step + end).is_failure);
}

TEST_CASE("a log that is cut in mid-session still tells what failed") {
  const std::string text =
      "tests/a.py::test_one PASSED [ 10%]\ntests/a.py::test_two FAILED [ 20%]\ntests/a.py::test_three PASSED [ 30%]\n";
  const ndr::Evidence evidence = ndr::extract_evidence("cut.log", text);
  CHECK(evidence.is_failure);
  CHECK(value(evidence.test_id) == "tests/a.py::test_two");
}

TEST_CASE("a conflict between two sources is listed and not hidden") {
  const std::string stamp = "2026-03-04T09:10:00.0000000Z ";
  std::string text;
  for (const char* line :
       {"##[group] Inputs", "  runner-label: N300", "##[endgroup]", "Complete job name: ops (N150)",
        "##[group]Run pytest tests", "pytest tests", "##[endgroup]", "##[error]Process completed with exit code 1."}) {
    text += stamp + line + "\n";
  }
  const ndr::Evidence evidence = ndr::extract_evidence("conflict.log", text);
  CHECK(value(evidence.board) == "N150");
  REQUIRE(evidence.conflicts.size() == 1);
  CHECK(evidence.conflicts[0].field == "board");
  CHECK(evidence.conflicts[0].other.value == "N300");
  CHECK(evidence.conflicts[0].other.origin.line == 2);
}
