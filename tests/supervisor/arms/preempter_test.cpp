#include "supervisor/arms/preempt/preempter.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "supervisor/arms/preempt/affinity.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/child_process.hpp"

using namespace ndr;

namespace {

std::size_t entries_of(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{folder})
    ++count;
  return count;
}

// Seconds of CPU time that the process has had, all threads.
double cpu_seconds(int pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{in}, {}};
  std::istringstream rest{text.substr(text.rfind(')') + 2)};
  std::string word;
  double ticks = 0;
  for (int field = 3; field <= 15 && rest >> word; ++field)
    if (field >= 14) ticks += std::stod(word);
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Readable: it has ended.
bool ends_within(int pidfd, int ms) {
  pollfd ended{pidfd, POLLIN, 0};
  return ::poll(&ended, 1, ms) == 1;
}

int handle_of(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)); }

}  // namespace

TEST_CASE("spins and pauses follow their distributions, the same for the same seed") {
  const PreemptSettings settings{.seed = 11};
  SpinSchedule schedule{settings, 0};
  SpinSchedule again{settings, 0};
  double spun = 0;
  double paused = 0;
  for (int i = 0; i < 20000; ++i) {
    const SpinSchedule::Turn turn = schedule.next();
    const SpinSchedule::Turn same = again.next();
    REQUIRE(turn.pause_ns == same.pause_ns);
    REQUIRE(turn.spin_ns == same.spin_ns);
    REQUIRE(turn.spin_ns >= 9999);
    REQUIRE(turn.spin_ns <= 500000);
    spun += static_cast<double>(turn.spin_ns);
    paused += static_cast<double>(turn.pause_ns);
  }
  CHECK(spun / 20000 == Approx(125300).epsilon(0.03));  // (500 - 10) / ln 50 us
  CHECK(paused / 20000 == Approx(200000).epsilon(0.03));
}

TEST_CASE("no settings take more than six tenths of a CPU") {
  for (const PreemptSettings& greedy : {PreemptSettings{.mean_pause_us = 0, .shortest_us = 1e9, .longest_us = 1e12},
                                        PreemptSettings{.mean_pause_us = 10, .shortest_us = 400, .longest_us = 500},
                                        PreemptSettings{.mean_pause_us = std::numeric_limits<double>::quiet_NaN()}}) {
    SpinSchedule schedule{greedy, 1};
    double spun = 0;
    double passed = 0;
    for (int i = 0; i < 5000; ++i) {
      const SpinSchedule::Turn turn = schedule.next();
      REQUIRE(turn.pause_ns >= 0);
      spun += static_cast<double>(turn.spin_ns);
      passed += static_cast<double>(turn.spin_ns + turn.pause_ns);
      REQUIRE(turn.spin_ns <= 10000000);
      REQUIRE(spun <= 0.6 * passed + 1.01e7);
    }
  }
}

TEST_CASE("a preempter uses every CPU it may, and is gone with its object") {
  int pid = 0;
  int handle = -1;
  {
    const Preempter preempter{{.seed = 3}};
    pid = preempter.pid();
    handle = handle_of(pid);
    REQUIRE(handle >= 0);
    CHECK(preempter.taken() == preempt_class_here());
    const std::string folder = "/proc/" + std::to_string(pid);
    CHECK(entries_of(folder + "/task") > allowed_cpus().size());  // a sanitizer adds some of its own
    CHECK(entries_of(folder + "/fd") == 0);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (cpu_seconds(pid) < 0.05 && std::chrono::steady_clock::now() < end)
      std::this_thread::yield();
    CHECK(cpu_seconds(pid) >= 0.05);
    if (preempter.taken() == PreemptClass::fifo) CHECK(::sched_getscheduler(pid) == SCHED_FIFO);
    CHECK(::sched_getscheduler(0) == SCHED_OTHER);
  }
  CHECK(ends_within(handle, 0));
  ::close(handle);
  CHECK(::waitpid(pid, nullptr, WNOHANG) == -1);
}

TEST_CASE("a preempter ends with its owner, however that ends") {
  ChildProcess owner{[](int pipe) {
    const Preempter preempter{{}};
    const int pid = preempter.pid();
    if (::write(pipe, &pid, sizeof pid) != sizeof pid) return;
    for (;;)
      ::pause();
  }};
  int pid = 0;
  const std::string bytes = owner.read(sizeof pid);
  REQUIRE(bytes.size() == sizeof pid);
  bytes.copy(reinterpret_cast<char*>(&pid), sizeof pid);
  const int handle = handle_of(pid);
  REQUIRE(handle >= 0);
  owner.kill();
  CHECK(ends_within(handle, 10000));
  ::close(handle);
}

TEST_CASE("without the right to SCHED_FIFO a preempter says what it has instead") {
  if (::geteuid() != 0) return;
  ChildProcess weak{[](int pipe) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(1);
    const Preempter preempter{{}};
    const std::string word = std::string(to_text(preempter.taken())) + "/" + std::string(to_text(preempt_class_here()));
    if (::write(pipe, word.data(), word.size()) < 0) ::_exit(1);
    ::_exit(0);
  }};
  CHECK(weak.read(100) == "plain/plain");
}

TEST_CASE("a process is squeezed onto one of its CPUs, and what it starts too") {
  const std::vector<int> before = allowed_cpus();
  REQUIRE_FALSE(before.empty());
  for (std::uint64_t draw = 0; draw < 3; ++draw) {
    ChildProcess child{[draw](int pipe) {
      if (squeeze_onto_one_cpu(draw) != 0) ::_exit(1);
      if (::fork() != 0) ::pause();
      const std::vector<int> now = allowed_cpus();
      const int found = now.size() == 1 ? now[0] : -1;
      if (::write(pipe, &found, sizeof found) < 0) ::_exit(1);
      ::_exit(0);
    }};
    int found = -1;
    const std::string bytes = child.read(sizeof found);
    REQUIRE(bytes.size() == sizeof found);
    bytes.copy(reinterpret_cast<char*>(&found), sizeof found);
    CHECK(found == before[draw % before.size()]);
  }
  CHECK(allowed_cpus() == before);
}
