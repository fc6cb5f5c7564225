// The launcher with small scripts in the shim's place, which misbehave as the real one never would; the real one is
// driven by the program tests.
#include "supervisor/launch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "storage/atomic_file.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/shim_watch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;
using namespace std::chrono_literals;
namespace asio = boost::asio;

namespace {

constexpr const char* identity_lines =
    "identity=\"$(cat /proc/sys/kernel/random/boot_id) $$ $(cut -d' ' -f22 /proc/$$/stat)\"\n";
constexpr const char* ready_line =
    "echo \"{\\\"state\\\":\\\"running\\\",\\\"pid\\\":$$,\\\"identity\\\":\\\"$identity\\\"}\" >&3\n";

std::string ready_script(const std::string& rest) {
  return std::string{"#!/bin/bash\n"} + identity_lines + ready_line + "exec 3>&-\n" + rest;
}

struct World {
  TempFolder folder;
  asio::io_context io;
  Launcher launcher{io.get_executor(), folder / "shim"};

  explicit World(const std::string& script) {
    write_file_atomically(folder / "shim", script, 0755);
    std::filesystem::create_directory(folder / "attempt");
  }
  AttemptFolder attempt() const { return AttemptFolder{folder / "attempt"}; }
  Checked<ShimProcess> start(std::string input = "{}") {
    LaunchSpec spec{ShimMode::run, attempt().root(), std::move(input)};
    return run_coroutine(io, launcher.start(std::move(spec)));
  }
  std::string call(ShimMode mode, std::string input, std::chrono::milliseconds limit = 20s) {
    LaunchSpec spec{mode, attempt().root(), std::move(input)};
    return run_coroutine(io, launcher.call(std::move(spec), limit));
  }
  std::string read(const char* name) const { return read_file(folder / name); }
};

bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) == 0; }

}  // namespace

TEST_CASE("a shim gets its folder, its input and nothing else") {
  const UniqueFd leak{::open("/dev/null", O_RDONLY)};  // not close-on-exec, as an inherited one would be
  World world{
      ready_script("ls /proc/$$/fd > ../fds\ncat > ../input\necho \"$0 $1 $2\" > ../arguments\n"
                   "ps -o sid= -p $$ | tr -d ' ' > ../session\necho $$ > ../pid\n")};
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(world.folder / "attempt");
  auto shim = world.start("{\"a\":1}");
  REQUIRE(shim.has_value());
  run_coroutine(world.io, shim->ended());
  std::filesystem::current_path(before);
  CHECK(world.read("input") == "{\"a\":1}");
  CHECK(world.read("arguments") ==
        (world.folder / "shim").string() + " run " + (world.folder / "attempt").string() + "\n");
  CHECK(world.read("fds") == "0\n1\n2\n255\n");  // 255 is bash's own, for the script
  CHECK(world.read("session") == world.read("pid"));
  CHECK(shim->identity().pid == std::stoi(world.read("pid")));
  CHECK_FALSE(has_children());
}

TEST_CASE("a shim that nobody holds or awaits is reaped all the same") {
  World world{ready_script("exit 3\n")};
  REQUIRE(world.start().has_value());
  world.io.restart();
  world.io.run();
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("dropping the handle leaves the shim alive and its wait can be given up") {
  World world{ready_script("exec sleep 60\n")};
  int pid = 0;
  {
    auto shim = world.start();
    REQUIRE(shim.has_value());
    pid = shim->identity().pid;
  }
  CHECK(::kill(pid, 0) == 0);
  world.launcher.release();
  world.io.restart();
  world.io.run();  // has no work any more
  CHECK(has_children());
  ::kill(pid, SIGKILL);
  CHECK(::waitpid(pid, nullptr, 0) == pid);
}

TEST_CASE("a refusal of the shim comes back with its field") {
  World world{
      "#!/bin/bash\necho '{\"state\":\"failed\",\"error\":\"no such interpreter\",\"field\":\"command\"}' >&3\nexit "
      "1\n"};
  const auto shim = world.start();
  REQUIRE_FALSE(shim.has_value());
  CHECK(shim.error() == Refusal{"command", "no such interpreter", ""});
  world.io.restart();
  world.io.run();
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("a shim that dies, or speaks another language, is an exception with its words") {
  for (const std::string& body :
       {std::string{"echo broken >&2\nexit 7\n"}, std::string{"echo broken >&2\necho '{}' >&3\nexec sleep 60\n"},
        std::string{"echo broken >&2\necho '{\"state\":\"running\",\"identity\":\"x\"}' >&3\nexec sleep 60\n"}}) {
    World world{"#!/bin/bash\n" + body};
    CHECK_THROWS_WITH(world.start(),
                      ContainsSubstring("ndreprod-shim run gave no readiness line") && ContainsSubstring("broken"));
    world.io.restart();
    world.io.run();
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  }
}

TEST_CASE("a shim that cannot be executed is an exception that names it") {
  World world{""};
  std::filesystem::remove(world.folder / "shim");
  CHECK_THROWS_WITH(world.start(), ContainsSubstring("start " + (world.folder / "shim").string()));
}

TEST_CASE("a call returns what the shim printed") {
  World world{"#!/bin/bash\necho \"$# $1 $2\"\ncat\n"};
  CHECK(world.call(ShimMode::probe, "{}") == "1 probe \n{}");
  CHECK(world.call(ShimMode::reap, "") == "2 reap " + world.attempt().root().string() + "\n");
  CHECK(world.call(ShimMode::write, std::string(300000, 'x')).size() == 300000 + 9);
}

TEST_CASE("a call that fails is an exception with the shim's words, made valid UTF-8") {
  World world{"#!/bin/bash\nprintf 'disk \\xff full\\n' >&2\nexit 3\n"};
  CHECK_THROWS_WITH(world.call(ShimMode::write, ""), "ndreprod-shim write ended with status 3: disk \xEF\xBF\xBD full");
  World silent{"#!/bin/bash\nkill -9 $$\n"};
  CHECK_THROWS_WITH(silent.call(ShimMode::probe, ""), "ndreprod-shim probe was killed by signal 9: no reason given");
}

TEST_CASE("a call that takes too long is killed") {
  World world{"#!/bin/bash\nexec 1>&-\nexec sleep 60\n"};
  const std::int64_t begin = steady_ms();
  CHECK_THROWS_WITH(world.call(ShimMode::probe, "", 50ms), ContainsSubstring("took longer than 50 ms"));
  world.io.restart();
  world.io.run();
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  CHECK(steady_ms() - begin < 20000);
}

TEST_CASE("a call that talks without end is killed") {
  World world{"#!/bin/bash\nexec yes\n"};
  CHECK_THROWS_WITH(world.call(ShimMode::probe, ""), ContainsSubstring("wrote more than 1 MiB"));
  world.io.restart();
  world.io.run();
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}

TEST_CASE("a stop request reaches the shim through its FIFO") {
  World world{std::string{"#!/bin/bash\nexec 4<>\"$2/control\"\n"} + identity_lines + ready_line +
              "exec 3>&-\nread -r line <&4\necho \"$line\" > \"$2/heard\"\n"};
  REQUIRE(::mkfifo(world.attempt().control().c_str(), 0600) == 0);
  auto shim = world.start();
  REQUIRE(shim.has_value());
  CHECK(shim->request_stop(StopLadder{10, 20}));
  run_coroutine(world.io, shim->ended());
  CHECK(read_file(world.attempt().root() / "heard") == "stop 10 20\n");
  CHECK(shim->has_ended());
  CHECK_FALSE(shim->request_stop(StopLadder{10, 20}));
}

TEST_CASE("a stop request is never written to what is no FIFO of the shim") {
  World world{"#!/bin/bash\ntrap 'echo asked >> \"$2/asked\"' TERM\n" +  // before it says that it runs
              ready_script("while [[ ! -e \"$2/end\" ]]; do sleep 0.02; done\n")};
  auto shim = world.start();
  REQUIRE(shim.has_value());
  CHECK(shim->request_stop({}));  // nothing there
  write_file_atomically(world.attempt().control(), "");
  CHECK(shim->request_stop({}));
  CHECK(std::filesystem::file_size(world.attempt().control()) == 0);
  std::filesystem::remove(world.attempt().control());
  REQUIRE(::mkfifo((world.folder / "elsewhere").c_str(), 0600) == 0);
  const UniqueFd reader{::open((world.folder / "elsewhere").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  std::filesystem::create_symlink(world.folder / "elsewhere", world.attempt().control());
  CHECK(shim->request_stop({}));
  char byte = 0;
  CHECK(::read(reader.get(), &byte, 1) == -1);
  std::filesystem::remove(world.attempt().control());
  REQUIRE(::mkfifo(world.attempt().control().c_str(), 0600) == 0);
  CHECK(shim->request_stop({}));  // nobody reads
  write_file_atomically(world.attempt().root() / "end", "");
  run_coroutine(world.io, shim->ended());
  CHECK_THAT(read_file(world.attempt().root() / "asked"), ContainsSubstring("asked"));
  CHECK_FALSE(shim->request_stop({}));
}

TEST_CASE("a shim that does not react can be killed") {
  World world{ready_script("trap '' TERM\nexec sleep 60\n")};
  auto shim = world.start();
  REQUIRE(shim.has_value());
  shim->kill();
  run_coroutine(world.io, shim->ended());
  CHECK(shim->has_ended());
}

TEST_CASE("a running shim is found again by its folder") {
  World world{std::string{"#!/bin/bash\n"} + identity_lines +
              "exec 9> \"$2/shim.lock\"\nflock 9\necho \"$identity\" >&9\n" + ready_line +
              "exec 3>&-\nexec sleep 60\n"};
  auto shim = world.start();
  REQUIRE(shim.has_value());
  Launcher after_restart{world.io.get_executor(), world.folder / "shim"};
  auto found = after_restart.attach(world.attempt());
  REQUIRE(found.has_value());
  CHECK(found->identity() == shim->identity());
  ::kill(shim->identity().pid, SIGKILL);
  run_coroutine(world.io, found->ended());
  CHECK(found->has_ended());
  run_coroutine(world.io, shim->ended());
  CHECK_FALSE(after_restart.attach(world.attempt()).has_value());
}

TEST_CASE("a held lock with another process's identity is not taken for the shim") {
  World world{std::string{"#!/bin/bash\n"} + identity_lines +
              "exec 9> \"$2/shim.lock\"\nflock 9\necho \"$(cat /proc/sys/kernel/random/boot_id) 1 1\" >&9\n" +
              ready_line + "exec 3>&-\nexec sleep 60\n"};
  auto shim = world.start();
  REQUIRE(shim.has_value());
  CHECK_FALSE(world.launcher.attach(world.attempt()).has_value());
  CHECK_FALSE(world.launcher.attach(AttemptFolder{world.folder / "nothing"}).has_value());
  ::kill(shim->identity().pid, SIGKILL);
  run_coroutine(world.io, shim->ended());
}
