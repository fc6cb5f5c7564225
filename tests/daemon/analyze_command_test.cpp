#include "daemon/analyze_command.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/support/catch.hpp"

namespace fs = std::filesystem;

namespace {

class Folder {
public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "analyze-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path write(const std::string& name, const std::string& text) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream{path_ / name, std::ios::binary} << text;
    return path_ / name;
  }
  const fs::path& path() const { return path_; }

private:
  fs::path path_;
};

struct Answer {
  int code = 0;
  std::string out;
  std::string err;
};

Answer analyze(const ndr::AnalyzeOptions& options) {
  std::ostringstream out;
  std::ostringstream err;
  const int code = ndr::analyze_command(options, out, err);
  return {code, out.str(), err.str()};
}

Answer analyze(const std::vector<fs::path>& files, bool json = false) {
  return analyze(ndr::AnalyzeOptions{files, std::nullopt, json, false});
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string lost =
    "terminate called after throwing an instance of 'app::Lost'\n  what():  one\x1b[31m is gone\x1b[0m on device 3\n";

}  // namespace

TEST_CASE("a log is answered as JSON") {
  const Folder folder;
  const auto answer = analyze({folder.write("a.log", lost)}, true);
  CHECK(answer.code == 0);
  CHECK(answer.err.empty());
  const auto json = nlohmann::json::parse(answer.out);
  CHECK(json["exception"] == "app::Lost");
  CHECK(json["origins"]["error_line"]["line"] == 2);
}

TEST_CASE("a report names file and line of each field and cannot drive the terminal") {
  const Folder folder;
  const auto log = folder.write("a.log", lost + "\x07\n");
  const auto answer = analyze({log});
  CHECK(answer.code == 0);
  CHECK(has(answer.out, "one is gone on device 3   [" + log.string() + ":2]"));
  CHECK(has(answer.out, "rank or device    device 3"));
  CHECK(has(answer.out, "not in the logs"));
  CHECK_FALSE(has(answer.out, "\x1b"));
}

TEST_CASE("no column of a report can drive the terminal") {
  const Folder folder;
  const std::string c1 = "\xc2\x9b";
  const auto log = folder.write("a" + c1 + "\x1b[2J.log",
                                "terminate called after throwing an instance of 'app::Lost'\n"
                                "  what():  one" +
                                    c1 + "2J \xc2\xc2\x9b\x9b is gone \xc2\xb5\n");
  const auto answer = analyze({log});
  CHECK(answer.code == 0);
  CHECK(has(answer.out, "is gone \xc2\xb5"));
  CHECK_FALSE(has(answer.out, c1));
  CHECK_FALSE(has(answer.out, "\x1b"));
  const auto refused = analyze({folder.path() / ("none" + c1 + "\x1b[2J")});
  CHECK(refused.code == 2);
  CHECK_FALSE(has(refused.err, c1));
  CHECK_FALSE(has(refused.err, "\x1b"));
}

TEST_CASE("the report has stacks, limits, variables and conflicts") {
  const Folder folder;
  const std::string stamp = "2026-03-04T09:10:00.0000000Z ";
  std::string text;
  for (const char* line :
       {"##[group] Inputs", "  runner-label: N300", "  timeout: 20", "##[endgroup]", "Complete job name: ops (N150)",
        "##[group]Run pytest tests", "pytest tests", "env:", "  A_B: 1", "##[endgroup]", "Fatal Python error: Aborted",
        "", "Current thread 0x01 (most recent call first):", "  File \"models/a.py\", line 7 in run",
        "  File \"/usr/lib/python3.10/threading.py\", line 1 in wait",
        "##[error]Process completed with exit code 134."}) {
    text += stamp + line + "\n";
  }
  const auto answer = analyze({folder.write("a.log", text)});
  CHECK(has(answer.out, "python frame      models/a.py:7 run"));
  CHECK(has(answer.out, "python frames     1 more, of libraries"));
  CHECK(has(answer.out, "limit step_min    20"));
  CHECK(has(answer.out, "  A_B             1"));
  CHECK(has(answer.out, "conflict: board"));
}

TEST_CASE("a case folder stands for its CI logs, never for those of our own attempts") {
  const Folder folder;
  folder.write("logs/ci.log", "all is well\n");
  folder.write("logs/run_1.log", lost);
  const auto answer = analyze({folder.path()}, true);
  CHECK(answer.code == 0);
  CHECK(nlohmann::json::parse(answer.out)["is_failure"] == false);
}

TEST_CASE("what cannot be answered is refused with the file and the remedy") {
  const Folder folder;
  const auto refused = [](const std::vector<fs::path>& files, const std::string& reason) {
    const auto answer = analyze(files, true);
    INFO(answer.err);
    CHECK(answer.code == 2);
    CHECK(answer.out.empty());
    CHECK(has(answer.err, reason));
    CHECK(has(answer.err, "; "));
    if (!files.empty()) CHECK(has(answer.err, files.back().string()));
  };
  refused({}, "is missing");
  refused({folder.path() / "none.log"}, "does not exist");
  refused({folder.write("empty.log", "")}, "is empty");
  refused({folder.write("picture.log", std::string(100, '\0') + "text")}, "is no text");
  refused({folder.write("a.log.gz", "\x1f\x8b\x08")}, "is an archive");
  refused({folder.write("good.log", lost), folder.path() / "none.log"}, "does not exist");
  fs::create_directories(folder.path() / "case/logs");
  refused({folder.path() / "case"}, "empty");
  fs::create_directories(folder.path() / "other");
  refused({folder.path() / "other"}, "logs");
}

TEST_CASE("a log of which most is a hole needs no memory for it") {
  const Folder folder;
  std::string text = lost;
  while (text.size() < 2 << 20)
    text += "a line of text\n";
  const auto log = folder.write("sparse.log", text);
  fs::resize_file(log, 1ull << 30);
  struct rusage before {};
  ::getrusage(RUSAGE_SELF, &before);
  const auto answer = analyze({log}, true);
  struct rusage after {};
  ::getrusage(RUSAGE_SELF, &after);
  CHECK(answer.code == 0);
  CHECK(nlohmann::json::parse(answer.out)["exception"] == "app::Lost");
  CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);  // KiB
}

TEST_CASE("an output that cannot be written is no answer") {
  const Folder folder;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  std::ostringstream err;
  CHECK(ndr::analyze_command({{folder.write("a.log", lost)}, std::nullopt, true, false}, out, err) == 2);
}

namespace {

const std::string pump_log =
    "2026-03-04T10:00:00.0000000Z Complete job name: pump tests\n"
    "2026-03-04T10:00:01.0000000Z ##[group]Run pytest tests/test_pump.py -v\n"
    "2026-03-04T10:00:01.0000000Z pytest tests/test_pump.py -v\n2026-03-04T10:00:01.0000000Z env:\n"
    "2026-03-04T10:00:01.0000000Z   HF_HOME: /mnt/models/none\n2026-03-04T10:00:01.0000000Z   TOKEN: ***\n"
    "2026-03-04T10:00:01.0000000Z ##[endgroup]\n"
    "2026-03-04T10:00:02.0000000Z ============================= test session starts ==============================\n"
    "2026-03-04T10:00:03.0000000Z tests/test_pump.py::test_pump FAILED\n"
    "2026-03-04T10:00:03.0000000Z =================================== FAILURES ===================================\n"
    "2026-03-04T10:00:03.0000000Z __________________________________ test_pump ___________________________________\n"
    "2026-03-04T10:00:03.0000000Z \n"
    "2026-03-04T10:00:03.0000000Z >       assert level(device) == 4, \"<b>no</b> | level\"\n"
    "2026-03-04T10:00:03.0000000Z E       AssertionError: <b>no</b> | level\n"
    "2026-03-04T10:00:03.0000000Z \n"
    "2026-03-04T10:00:03.0000000Z tests/test_pump.py:4: AssertionError\n"
    "2026-03-04T10:00:03.0000000Z ========================= 1 failed in 1.00s ========================\n"
    "2026-03-04T10:00:04.0000000Z ##[error]Process completed with exit code 1.\n";

fs::path pump_checkout(const Folder& folder) {
  fs::create_directories(folder.path() / "repo/.github/workflows");
  fs::create_directories(folder.path() / "repo/tests");
  folder.write("repo/.github/workflows/pump.yaml",
               "jobs:\n  pump:\n    name: pump tests\n    steps:\n      - run: pytest tests/test_pump.py -v\n");
  folder.write(
      "repo/tests/test_pump.py",
      "from board import level\n\ndef test_pump(device):\n    assert level(device) == 4, \"<b>no</b> | level\"\n");
  return folder.path() / "repo";
}

const nlohmann::json& item(const nlohmann::json& answer, const std::string& id) {
  for (const auto& one : answer["checklist"]) {
    if (one["id"] == id) return one;
  }
  FAIL("no item " << id);
  return answer;
}

}  // namespace

TEST_CASE("with a checkout the job, the test and the failing line are found") {
  const Folder folder;
  const auto log = folder.write("a.log", pump_log);
  const auto answer = analyze({{log}, pump_checkout(folder), true, false});
  REQUIRE(answer.code == 0);
  const auto found = nlohmann::json::parse(answer.out);
  CHECK(item(found, "ci_configuration")["done"] == true);
  CHECK(item(found, "ci_configuration")["place"] == ".github/workflows/pump.yaml:2");
  CHECK(item(found, "failing_line")["place"] == "tests/test_pump.py:4");
  CHECK(item(found, "device")["note"] == "fixture:device");
  CHECK(found["test"]["facts"]["failing_line"] == 4);
  CHECK(found["jobs"][0]["facts"]["commands"].size() == 1);
  CHECK(found["signature"]["failure_type"] == "assertion");
  CHECK(found["hypotheses"].size() >= 2);
}

TEST_CASE("without a checkout the checklist says what is missing and what to do") {
  const Folder folder;
  const auto answer = analyze({folder.write("a.log", pump_log)}, true);
  const auto found = nlohmann::json::parse(answer.out);
  CHECK(item(found, "ci_configuration")["done"] == false);
  CHECK(has(item(found, "ci_configuration")["note"], "--repository"));
  CHECK(item(found, "failure_type")["done"] == true);
  CHECK(has(item(found, "failure_type")["place"], "a.log:14"));
  CHECK(found["test"].is_null());
}

TEST_CASE("what is not on this host has a substitute, and a secret is only named") {
  const Folder folder;
  const auto answer = analyze({folder.write("a.log", pump_log)}, true);
  const auto found = nlohmann::json::parse(answer.out);
  std::string all;
  for (const auto& one : found["not_replicable"])
    all += one["what"].get<std::string>() + ": " + one["substitute"].get<std::string>() + "\n";
  CHECK(has(all, "HF_HOME=/mnt/models/none: mock"));
  CHECK(has(all, "secret TOKEN: skip"));
  CHECK(found["env"].count("TOKEN") == 0);
  CHECK(found["secrets"][0]["name"] == "TOKEN");
}

TEST_CASE("Markdown shows each field's place, and nothing of a log is markup") {
  const Folder folder;
  const auto log = folder.write("a.log", pump_log);
  const auto answer = analyze({{log}, std::nullopt, false, true});
  REQUIRE(answer.code == 0);
  CHECK(has(answer.out, "## Checklist"));
  CHECK(has(answer.out, "- [x] the type of the failure is identified"));
  CHECK(has(answer.out, "a.log:14"));
  CHECK_FALSE(has(answer.out, "<b>"));
  CHECK(has(answer.out, "no&lt;/b&gt; \\| level"));
}

TEST_CASE("a checkout that is none is refused on the command line, and a problem in case.yaml") {
  const Folder folder;
  const auto refused = analyze({{folder.write("a.log", pump_log)}, folder.path() / "none", true, false});
  CHECK(refused.code == 2);
  CHECK(has(refused.err, "none: is no folder"));
  std::filesystem::create_directories(folder.path() / "pump" / "logs");
  folder.write("pump/logs/ci.log", pump_log);
  folder.write("pump/case.yaml", "repository: " + (folder.path() / "none").string() + "\n");
  const auto answer = analyze({{folder.path() / "pump"}, {}, true, false});
  CHECK(answer.code == 0);
  CHECK(has(nlohmann::json::parse(answer.out)["problems"][0]["reason"], "is no folder"));
}
