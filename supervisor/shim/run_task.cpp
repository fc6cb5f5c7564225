#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

#include "analyzer/assert.hpp"
#include "storage/atomic_file.hpp"
#include "supervisor/shim/attempt.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

struct GivenSpec {
  AttemptSpec spec;
  bool is_new = false;  // from standard input, not yet in the folder
};

Checked<GivenSpec> given_spec(const ShimOptions& options) {
  const AttemptFolder folder{options.folder};
  Checked<std::string> input = standard_input();
  if (input.has_error()) return input.error();
  std::string text = std::move(input.value());
  const bool is_new = !text.empty();
  try {
    if (!is_new) text = read_file(folder.spec(), standard_input_limit);
  } catch (const std::system_error& missing) {
    return Refusal{folder.spec().string(), missing.code().message(), "write it, or give the spec on standard input"};
  }
  Checked<AttemptSpec> spec = attempt_spec_from(text);
  if (spec.has_error()) {
    return Refusal{"spec" + spec.error().field, spec.error().reason, spec.error().remedy};
  }
  if (options.task == ShimTask::reset && spec.value().log != folder.output()) {
    return Refusal{"spec/log", "must be " + folder.output().string() + " for a reset", ""};
  }
  return GivenSpec{std::move(spec.value()), is_new};
}

/// A session of our own and all orphans of the run as our children; terminals and readers that go away mean nothing.
void stand_alone() {
  if (::setsid() < 0 && errno != EPERM) {  // EPERM: we lead a group already, as a shell's job or a session's leader
    throw std::system_error{errno, std::generic_category(), "begin a session"};
  }
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    throw std::system_error{errno, std::generic_category(), "become a subreaper"};
  }
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  const UniqueFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  if (nothing) ::dup2(nothing.get(), 0);
}

int refuse(const Refusal& refusal, ReadyLine& ready, int status) {
  complain(refusal);
  ready.failed(refusal);
  return status;
}

}  // namespace

int run_or_reset(const ShimOptions& options, bool has_ready_fd) {
  ReadyLine ready{has_ready_fd};
  try {
    const Checked<GivenSpec> given = given_spec(options);
    if (given.has_error()) return refuse(given.error(), ready, 2);
    stand_alone();
    const std::optional<ProcessIdentity> shim = process_identity(::getpid());
    NDR_ASSERT(shim.has_value());
    Checked<Attempt> attempt = Attempt::take(options, given.value().spec, *shim);
    if (attempt.has_error()) return refuse(attempt.error(), ready, 2);
    return attempt.value().perform(ready, given.value().is_new) == EndCause::spawn_failed ? 1 : 0;
  } catch (const std::system_error& broken) {
    return refuse(Refusal{"", broken.what(), ""}, ready, 1);
  }
}

}  // namespace ndr
