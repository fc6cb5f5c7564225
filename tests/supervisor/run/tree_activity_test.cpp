#include "supervisor/run/tree_activity.hpp"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "storage/atomic_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

/// A small /proc: processes with their children, times and command lines.
struct FakeProc {
  TempFolder root;

  void add(int pid, int thread, const std::string& children) const {
    const auto folder = root / (std::to_string(pid) + "/task/" + std::to_string(thread));
    std::filesystem::create_directories(folder);
    write_file_atomically(folder / "children", children);
  }
  void describe(int pid, const std::string& stat, const std::string& command) const {
    write_file_atomically(root / (std::to_string(pid) + "/stat"), stat);
    write_file_atomically(root / (std::to_string(pid) + "/cmdline"), command);
  }
};

std::string stat_line(int pid, const std::string& name, int user, int system, int waited) {
  return std::to_string(pid) + " (" + name + ") S 1 1 1 0 -1 4194304 100 0 0 0 " + std::to_string(user) + " " +
         std::to_string(system) + " " + std::to_string(waited) + " 0 20 0 1 0 12345 1000 100\n";
}

/// Whether a child with this command line, its words between blanks, counts as the hook.
bool has_triage_child(std::string words) {
  std::replace(words.begin(), words.end(), ' ', '\0');
  FakeProc proc;
  proc.add(10, 10, "11 ");
  proc.add(11, 11, "");
  proc.describe(11, stat_line(11, "x", 0, 0, 0), words + '\0');
  return tree_activity(10, proc.root.path()).has_triage_child;
}

}  // namespace

TEST_CASE("the times of all descendants are summed, not the root's") {
  FakeProc proc;
  proc.add(10, 10, "11 ");
  proc.describe(10, stat_line(10, "shim", 1000, 1000, 0), "ndreprod-shim");
  proc.add(11, 11, "12 13 ");
  proc.describe(11, stat_line(11, "bash", 1, 2, 4), "bash");
  proc.add(12, 12, "");
  proc.describe(12, stat_line(12, "a (strange) name 9 9", 10, 20, 0), "python3");
  proc.add(13, 13, "");
  proc.add(13, 99, "14 ");  // a child of another thread
  proc.describe(13, stat_line(13, "python3", 100, 0, 0), "python3");
  proc.add(14, 14, "77 ");  // 77 has ended meanwhile
  proc.describe(14, stat_line(14, "sleep", 0, 1000, 0), "sleep");
  const TreeActivity activity = tree_activity(10, proc.root.path());
  CHECK(activity.processes == 4);
  CHECK(activity.cpu_ticks == 7 + 30 + 100 + 1000);
  CHECK_FALSE(activity.has_triage_child);
}

TEST_CASE("the host's triage hook is known by the name of its program") {
  for (const char* words : {"python3 tools/tt-triage.py", "/opt/bin/tt-triage --dev 0",
                            "/usr/bin/python3.11 /t/triage.py", "bash /opt/tt-triage.sh", "env tt-triage"}) {
    INFO(words);
    CHECK(has_triage_child(words));
  }
}

TEST_CASE("a case, a test or a word that is called triage is no triage hook") {
  for (const char* words :
       {"/bin/bash /cases/tt-triage-hang/run_test.sh", "/cases/tt-triage-hang/run_test.sh",
        "python3 -m pytest /cases/tt-triage-hang/tests/test_triage.py", "grep triage.py log", "sleep tt-triage", ""}) {
    INFO(words);
    CHECK_FALSE(has_triage_child(words));
  }
}

TEST_CASE("a ring of parents does not make the look endless") {
  FakeProc proc;
  proc.add(10, 10, "11 ");
  proc.add(11, 11, "10 11 ");
  proc.describe(11, stat_line(11, "x", 1, 0, 0), "x");
  proc.describe(10, "broken", "");
  CHECK(tree_activity(10, proc.root.path()).cpu_ticks == 1);
}

TEST_CASE("a root that is gone has no descendants") {
  FakeProc proc;
  CHECK(tree_activity(10, proc.root.path()) == TreeActivity{});
  CHECK(tree_activity(::getpid()).processes == 0);
}
