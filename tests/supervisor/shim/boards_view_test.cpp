#include "supervisor/shim/boards_view.hpp"

#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
namespace fs = std::filesystem;

namespace {

void put(const fs::path& file, const std::string& text) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// A host in a folder: nodes and processes as the kernel would show them.
struct FakeHost {
  TempFolder temp;
  BoardRoots roots{temp / "dev", temp / "proc"};

  explicit FakeHost(const std::vector<std::string>& nodes) {
    fs::create_directories(roots.proc);
    fs::create_directories(roots.nodes);
    for (const std::string& node : nodes)
      put(roots.nodes / node, "");
  }
  void add_process(int pid, const std::vector<fs::path>& open_files, char state = 'S') {
    const fs::path folder = roots.proc / std::to_string(pid);
    put(folder / "stat",
        std::to_string(pid) + " (py thon) " + state + " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 777 0 0\n");
    put(folder / "status", "Name:\tpython\nUid:\t1000\t0\t0\t0\n");
    put(folder / "cmdline", std::string("python3\0-m\0pytest\0", 18));
    fs::create_directories(folder / "fd");
    int number = 3;
    for (const fs::path& file : open_files)
      fs::create_symlink(file, folder / "fd" / std::to_string(number++));
  }
};

std::vector<int> pids(const BoardHolders& found) {
  std::vector<int> numbers;
  for (const BoardHolder& holder : found.holders)
    numbers.push_back(holder.pid);
  return numbers;
}

}  // namespace

TEST_CASE("the device set is the numbered nodes in the order of their numbers") {
  const FakeHost host{{"10", "2", "0", "by-id", "1x", "007"}};
  CHECK(device_set(host.roots) == std::vector<std::string>{"0", "2", "10"});
  CHECK(device_set({"/no/such/folder", "/proc"}).empty());
}

TEST_CASE("the driver's own list names the holders") {
  FakeHost host{{"0"}};
  host.add_process(41, {});
  put(host.roots.proc / "driver/tenstorrent/0/pids", "41\n99999\n");
  const BoardHolders found = board_holders(host.roots, {"0"});
  CHECK(found.complete);
  REQUIRE(pids(found) == std::vector<int>{41});  // 99999 has gone meanwhile
  CHECK(found.holders[0].uid == 1000);
  CHECK(found.holders[0].command == "python3 -m pytest");
  CHECK(found.holders[0].start_time == 777);
}

TEST_CASE("without the driver's list the open files of all processes are looked through") {
  FakeHost host{{"0", "1"}};
  const fs::path node = host.roots.nodes / "0";
  host.add_process(41, {"/etc/passwd", node});
  host.add_process(42, {host.roots.nodes / "1"});
  host.add_process(43, {node.string() + " (deleted)"});
  host.add_process(44, {node.string() + "0"});
  host.add_process(45, {node}, 'Z');
  std::vector<int> found = pids(board_holders(host.roots, {"0"}));
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<int>{41, 43});
  CHECK(pids(board_holders(host.roots, {"1"})) == std::vector<int>{42});
}

TEST_CASE("a long command line is cut, an empty one is replaced by the name") {
  FakeHost host{{"0"}};
  host.add_process(41, {host.roots.nodes / "0"});
  put(host.roots.proc / "41/cmdline", std::string(5000, 'x'));
  CHECK(board_holders(host.roots, {"0"}).holders.at(0).command.size() == 256);
  put(host.roots.proc / "41/cmdline", "");
  CHECK(board_holders(host.roots, {"0"}).holders.at(0).command == "py thon");
}
