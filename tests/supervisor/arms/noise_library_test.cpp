#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "supervisor/arms/code_place.hpp"
#include "supervisor/arms/delay_report.hpp"
#include "supervisor/arms/preempt/affinity.hpp"
#include "supervisor/arms/preempt/preempter.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

// What noise_child says, with the library loaded.
std::string said(const std::string& noise, const std::string& word) {
  const std::string command = std::string{"exec timeout 60 env LD_PRELOAD="} + NDREPRO_BIN_DIR +
                              "/libndrepro-noise.so NDREPRO_NOISE='" + noise + "' " + NOISE_CHILD + " " + word;
  FILE* answer = ::popen(command.c_str(), "r");
  REQUIRE(answer != nullptr);
  std::string text;
  char buffer[1000];
  while (std::fgets(buffer, sizeof buffer, answer) != nullptr)
    text += buffer;
  INFO(command);
  REQUIRE(::pclose(answer) == 0);
  return text;
}

struct Scheduling {
  int policy = -1;
  int priority = -1;
  std::size_t cpus = 0;
};

std::multimap<std::string, Scheduling> schedulings(const std::string& noise) {
  std::istringstream lines{said(noise, "scheduling")};
  std::multimap<std::string, Scheduling> all;
  std::string name;
  for (Scheduling one; lines >> name >> one.policy >> one.priority >> one.cpus;)
    all.emplace(name, one);
  CHECK(all.size() == 6);
  return all;
}

// What is counted where bash runs a script with this head, by which timeout starts the threads.
DelayTally tally_of_script(const std::string& head) {
  TempFolder folder;
  TempFolder reports;
  const std::filesystem::path script = folder.path() / "run_test.sh";
  std::ofstream{script} << "#!/bin/bash\n" << head << "\ntimeout 60 " NOISE_CHILD " locks &\nwait\n";
  const std::string command = std::string{"exec env LD_PRELOAD="} + NDREPRO_BIN_DIR +
                              "/libndrepro-noise.so NDREPRO_NOISE='mode=count,report=" + reports.path().string() +
                              "' bash " + script.string();
  REQUIRE(std::system(command.c_str()) == 0);
  return read_delays(reports.path());
}

std::string report_to(const TempFolder& folder) { return ",report=" + folder.path().string(); }

}  // namespace

TEST_CASE("a delay's place is the call in the source") {
  TempFolder folder;
  said("mode=sleep,p=0.05,us=20,seed=5" + report_to(folder), "locks");
  const DelayTally tally = read_delays(folder.path());
  CHECK(tally.processes == 1);
  CHECK(tally.refused == 0);
  CHECK(tally.lost == 0);
  CHECK(tally.delays > 100);
  REQUIRE(tally.sites.size() >= 2);
  std::uint64_t in_loop = 0;
  std::uint64_t delays = 0;
  for (const DelayedSite& site : tally.sites) {
    if (site.delayed_ns == 0) continue;  // a caller's
    delays += site.delays;
    const CodePlace place = code_places(site.module, {site.offset}).front();
    INFO(to_text(place));
    CHECK(site.module == NOISE_CHILD);
    CHECK_FALSE(place.function.empty());
    if (place.function == "lock_often") in_loop += site.delays;
  }
  CHECK(in_loop + 20 > delays);
}

TEST_CASE("points are counted, but for the few a thread has not handed over") {
  TempFolder folder;
  said("mode=count" + report_to(folder), "locks");
  const DelayTally tally = read_delays(folder.path());
  CHECK(tally.delays == 0);
  CHECK(tally.points >= 8000);  // two threads, each of a thousand locks and unlocks, in front and behind
  CHECK(tally.points < 8100);
}

TEST_CASE("before the first thread, and where the mode is off, nothing is done") {
  TempFolder folder;
  said("mode=sleep,p=1,us=100000" + report_to(folder), "early");
  said("mode=off" + report_to(folder), "locks");
  said("mode=nonsense" + report_to(folder), "locks");
  CHECK(read_delays(folder.path()).processes == 0);
}

TEST_CASE("what only starts the test is left alone") {
  const DelayTally kept = tally_of_script("# ndrepro-contract: 1");
  CHECK(kept.processes == 1);
  CHECK(kept.points >= 8000);
  // A script of another form may be what races.
  CHECK(tally_of_script("# by hand").processes > 1);
}

TEST_CASE("threads have random real-time priorities on one CPU, and what is executed has none") {
  const bool is_allowed = preempt_class_here() == PreemptClass::fifo;
  bool differ = false;
  for (int seed = 0; seed < 4; ++seed) {
    INFO("seed " << seed);
    const auto all = schedulings("mode=pct,points=1000000,seed=" + std::to_string(seed));
    CHECK(all.find("before")->second.policy == SCHED_OTHER);
    CHECK(all.find("executed")->second.policy == SCHED_OTHER);
    for (const char* name : {"thread", "main", "forked"}) {
      const auto [begin, end] = all.equal_range(name);
      for (auto one = begin; one != end; ++one) {
        INFO(name);
        CHECK(one->second.policy == (is_allowed ? SCHED_FIFO : SCHED_OTHER));
        CHECK(one->second.cpus == (is_allowed ? 1 : allowed_cpus().size()));
        CHECK((one->second.priority >= (is_allowed ? 20 : 0)));
        CHECK((one->second.priority <= (is_allowed ? 49 : 0)));
        differ = differ || one->second.priority != all.find("main")->second.priority;
      }
    }
  }
  CHECK(differ == is_allowed);
}

TEST_CASE("a thread that passes a change point goes down") {
  if (preempt_class_here() != PreemptClass::fifo) return;
  // The few points there are: both change points are passed before the main thread speaks again.
  int low = 0;
  for (int seed = 0; seed < 8; ++seed) {
    const auto all = schedulings("mode=pct,points=2,seed=" + std::to_string(seed));
    for (const auto& [name, one] : all)
      low += one.policy == SCHED_FIFO && one.priority <= 2 ? 1 : 0;
  }
  CHECK(low >= 8);
}

TEST_CASE("threads that wait by yielding come to an end under priorities") {
  for (int seed = 0; seed < 10; ++seed)
    said("mode=pct,points=50,seed=" + std::to_string(seed), "yields");
}
