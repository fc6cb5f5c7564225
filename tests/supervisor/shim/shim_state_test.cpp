#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "storage/atomic_file.hpp"
#include "storage/attempt_folder.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

using namespace ndr;

namespace {

constexpr const char* shim_program = NDREPRO_BIN_DIR "/ndreprod-shim";

AttemptSpec sleeper(const TempFolder& temp) {
  AttemptSpec spec;
  spec.case_name = "sleeper";
  spec.number = 1;
  spec.command = {"/bin/sleep", "60"};
  spec.working_folder = temp.path();
  spec.environment = {{"PATH", "/bin"}};
  spec.log = temp / "run_1.log";
  return spec;
}

/// The real shim, its spec in the folder; its readiness line is left to read on `ready`.
pid_t start_shim(const char* task, const AttemptFolder& folder, const UniqueFd& ready) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::dup2(::open("/dev/null", O_RDWR), 0);
  ::dup2(ready.get(), 3);
  ::execl(shim_program, "ndreprod-shim", task, folder.root().c_str(), nullptr);
  ::_exit(127);
}

}  // namespace

TEST_CASE("a shim's folder tells running, lost when it was killed, and ended when it was reaped") {
  const TempFolder temp;
  const AttemptFolder folder{temp / "attempts/1"};
  std::filesystem::create_directories(folder.root());
  write_file_atomically(folder.spec(), to_json_text(sleeper(temp)));
  CHECK(shim_state(folder) == ShimState::absent);

  int ends[2] = {-1, -1};
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd hear{ends[0]};
  UniqueFd ready{ends[1]};
  const pid_t shim = start_shim("run", folder, ready);
  ready.reset();
  char first = 0;
  REQUIRE(::read(hear.get(), &first, 1) == 1);
  CHECK(shim_state(folder) == ShimState::running);
  REQUIRE(shim_record(folder).has_value());
  CHECK(shim_identity(folder) == process_identity(shim));
  REQUIRE(shim_record(folder)->run.has_value());
  CHECK(process_identity(shim_record(folder)->run->pid) == shim_record(folder)->run);

  const int run = shim_record(folder)->run->pid;
  ::kill(shim, SIGKILL);
  REQUIRE(::waitpid(shim, nullptr, 0) == shim);
  CHECK(shim_state(folder) == ShimState::lost);
  CHECK(process_identity(run).has_value());

  int status = -1;
  const pid_t reaper = start_shim("reap", folder, hear);
  REQUIRE(::waitpid(reaper, &status, 0) == reaper);
  CHECK(status == 0);
  CHECK(shim_state(folder) == ShimState::ended);
  CHECK_FALSE(process_identity(run).has_value());
  CHECK(attempt_exit_from(read_file(folder.exit())).value().error == "shim lost");
}
