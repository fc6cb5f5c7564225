#include "supervisor/shim/slice_loop.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <new>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "supervisor/arms/preempt/affinity.hpp"
#include "supervisor/arms/preempt/preempter.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/shim/process_tree.hpp"
#include "supervisor/shim/slice_copy.hpp"
#include "supervisor/shim/slice_run.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

constexpr std::int64_t progress_every_ms = 1000;

[[noreturn]] void slice_broke(const std::string& what) {
  throw std::system_error{errno, std::generic_category(), what};
}

void block_signals() {
  sigset_t ours;
  sigemptyset(&ours);
  sigaddset(&ours, SIGCHLD);
  sigaddset(&ours, SIGINT);
  sigaddset(&ours, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ours, nullptr);
}

SliceTally& shared_tally() {
  void* memory = ::mmap(nullptr, sizeof(SliceTally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) slice_broke("share memory with the copies of a slice");
  return *new (memory) SliceTally;
}

}  // namespace

SliceLoop::SliceLoop(const AttemptSpec& spec, Arm arm, std::filesystem::path runs, SliceTeller& teller)
    : spec_(spec),
      arm_(std::move(arm)),
      runs_(std::move(runs)),
      teller_(teller),
      tally_(shared_tally()),
      began_ms_(steady_ms()) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) slice_broke("make a pipe");
  hear_.reset(ends[0]);
  tell_.reset(ends[1]);
}

void SliceLoop::write_names() const {
  std::string text;
  for (const std::string& name : arm_.near)
    text.append(name).append("\n");
  write_file_atomically(near_file(runs_), text);
}

void SliceLoop::perform() {
  block_signals();
  if (::mkdir(runs_.c_str(), 0750) != 0 && errno != EEXIST) slice_broke("make " + runs_.string());
  const std::filesystem::path shared = shared_folder(runs_);
  if (::mkdir(shared.c_str(), 0750) != 0 && errno != EEXIST) slice_broke("make " + shared.string());
  if (!arm_.near.empty()) write_names();
  if (arm_.one_cpu) squeeze_onto_one_cpu(spec_.seed);
  for (int copy = 0; copy < spec_.slice->copies; ++copy)
    start(copy);
  tell_.reset();
  disturb();
  hear_copies();
  preempter_.reset();
  while (::waitpid(-1, nullptr, 0) > 0 || errno == EINTR) {
  }
  end();
}

void SliceLoop::start(int copy) {
  const pid_t pid = ::fork();
  if (pid < 0) slice_broke("fork");
  if (pid > 0) return;
  int status = 0;
  try {
    // Whose orphans they are is known by whose children they become; without us nobody holds them.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    // A core of each failing run would cost more than the run.
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    hear_.reset();
    loop_copy({spec_, arm_, runs_, tally_, tell_.get(), began_ms_ + spec_.slice->duration_ms}, copy);
  } catch (const std::exception& broken) {
    // Not on our standard error, which may be the log: a frame may be half written there.
    tell_slice_trouble(tell_.get(), broken.what());
    status = 1;
  }
  ::_exit(status);
}

/// After the copies were forked: they must not count it as a child of theirs.
void SliceLoop::disturb() {
  if (!arm_.preempts) return;
  PreemptSettings settings;
  settings.seed = spec_.seed;
  preempter_.emplace(settings);
  preempting_ = to_text(preempter_->taken());
}

/// Until every copy has closed its end.
void SliceLoop::hear_copies() {
  std::int64_t next_line_ms = began_ms_ + progress_every_ms;
  for (;;) {
    pollfd wanted{hear_.get(), POLLIN, 0};
    const std::int64_t left = std::max<std::int64_t>(0, next_line_ms - steady_ms());
    const int ready = ::poll(&wanted, 1, static_cast<int>(left));
    if (ready < 0 && errno != EINTR) slice_broke("wait for the copies of a slice");
    if (steady_ms() >= next_line_ms) {
      teller_.progress(progress());
      next_line_ms += progress_every_ms;
    }
    if (is_told_to_end()) tally_.over = true;
    if (ready <= 0) continue;
    KeptMessage message;
    const ssize_t got = ::read(hear_.get(), &message, sizeof message);
    if (got == 0) return;
    if (got == sizeof message) take(message);
  }
}

void SliceLoop::take(const KeptMessage& message) {
  if (message.trouble[0] != '\0') {
    if (trouble_.empty()) trouble_ = message.trouble;
    tally_.over = true;
    return;
  }
  if (message.kept == Kept::last_passed) {
    if (!last_passed_ || last_passed_->run < message.run) last_passed_ = message;
    return;
  }
  tell_kept(message);
}

void SliceLoop::tell_kept(const KeptMessage& message) {
  const std::filesystem::path output = kept_output(runs_, message.run);
  SliceRun run = slice_run_of(message);
  run.places = delayed_places(kept_report(runs_, message.run));
  if (!teller_.kept(run, output)) tally_.over = true;
  std::error_code ignored;
  std::filesystem::remove(output, ignored);
  std::filesystem::remove(kept_message(runs_, message.run), ignored);
  std::filesystem::remove_all(kept_report(runs_, message.run), ignored);
}

SliceProgress SliceLoop::progress() const {
  SliceProgress now;
  now.runs = tally_.runs;
  now.passed = tally_.passed;
  now.kept = tally_.kept;
  now.cut = tally_.cut;
  now.elapsed_ms = steady_ms() - began_ms_;
  return now;
}

void SliceLoop::end() {
  SliceProgress sum = progress();
  if (last_passed_) tell_kept(*last_passed_);
  sum.over = true;
  sum.median_us = tally_.passed_us.quantile(0.5);
  sum.p99_us = tally_.passed_us.quantile(0.99);
  sum.trouble = trouble_;
  sum.preempting = preempting_;
  if (const std::uint64_t counted = tally_.counted; counted > 0) sum.points = tally_.points / counted;
  std::vector<std::filesystem::path> files;
  files.reserve(static_cast<std::size_t>(spec_.slice->copies));
  for (int copy = 0; copy < spec_.slice->copies; ++copy)
    files.push_back(passed_places_file(runs_, copy));
  sum.passed_places = passed_places_in(files);
  teller_.progress(sum);
  std::error_code stays;
  std::filesystem::remove_all(runs_, stays);
}

}  // namespace ndr
