#include "supervisor/shim/survivors.hpp"

#include <algorithm>

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

constexpr int shim_pid = 100;
constexpr int run_pid = 101;

ShimRecord record() {
  const std::string boot(36, 'a');
  return {{boot, shim_pid, 5000}, {}, ProcessIdentity{boot, run_pid, 5001}};
}

ProcessStat process(int pid, int parent, int group, int session, std::uint64_t start_time, char state = 'S') {
  return {pid, "p", state, parent, group, session, start_time};
}

std::vector<int> survivors(const std::vector<ProcessStat>& all, std::vector<int> writers = {}) {
  const auto appends = [&writers](int pid) { return std::find(writers.begin(), writers.end(), pid) != writers.end(); };
  std::vector<int> pids;
  for (const ProcessStat& survivor : survivors_of(record(), all, appends))
    pids.push_back(survivor.pid);
  return pids;
}

}  // namespace

TEST_CASE("the recorded leader and all that belongs to it survive a shim") {
  CHECK(survivors({process(run_pid, 1, run_pid, shim_pid, 5001),    // leader
                   process(102, run_pid, run_pid, shim_pid, 5002),  // child
                   process(103, 1, run_pid, shim_pid, 5003),        // orphan in its group
                   process(104, 1, 104, shim_pid, 5004),            // orphan in its session
                   process(105, 104, 105, 105, 5005),               // child of that one, own session
                   process(7, 1, 7, 7, 5006)}) ==                   // somebody else
        std::vector<int>{101, 102, 103, 104, 105});
}

TEST_CASE("a pid that was given to somebody else is left alone, and all of its session too") {
  CHECK(survivors({process(run_pid, 1, run_pid, shim_pid, 9999), process(102, run_pid, run_pid, shim_pid, 9999)})
            .empty());
}

TEST_CASE("whoever appends to the run's log is of the run, whatever its session") {
  CHECK(survivors({process(200, 1, 200, 200, 6000), process(201, 200, 200, 200, 6001), process(202, 1, 200, 200, 6002)},
                  {200}) == std::vector<int>{200, 201});
}

TEST_CASE("a member of the run's session proves the session for the others") {
  CHECK(survivors({process(200, 1, 200, shim_pid, 6000), process(201, 1, 201, shim_pid, 6001)}, {200}) ==
        std::vector<int>{200, 201});
}

TEST_CASE("processes from before the shim and dead ones are never survivors") {
  CHECK(survivors({process(200, 1, 200, 200, 4999)}, {200}).empty());
  CHECK(survivors({process(run_pid, 1, run_pid, shim_pid, 5001, 'Z')}).empty());
}
