#include <fcntl.h>

#include <exception>
#include <string_view>

#include "supervisor/shim/ready_line.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

int perform(const ShimOptions& options, bool has_ready_fd) {
  switch (options.task) {
    case ShimTask::run:
    case ShimTask::reset:
      return run_or_reset(options, has_ready_fd);
    case ShimTask::slice:
      return loop_slice(options);
    case ShimTask::reap:
      return reap(options);
    case ShimTask::probe:
      return probe();
    case ShimTask::write:
      return write_case_file();
    case ShimTask::help:
      write_output(help_text());
      return 0;
    case ShimTask::version:
      write_output("ndreprod-shim " NDREPRO_VERSION "\n");
      return 0;
  }
  return 2;
}

}  // namespace
}  // namespace ndr

int main(int argc, char** argv) {
  const bool has_ready_fd = ::fcntl(ndr::ReadyLine::descriptor, F_GETFD) >= 0;
  ndr::tidy_fds(has_ready_fd ? ndr::ReadyLine::descriptor : ndr::ReadyLine::descriptor - 1);
  try {
    // A command of its own, with a command behind it.
    if (argc > 1 && std::string_view{argv[1]} == "loop")
      return ndr::loop_command(std::vector<std::string>(argv + 2, argv + argc));
    const auto options = ndr::shim_options_from(std::vector<std::string>(argv + 1, argv + argc));
    if (options.has_error()) {
      ndr::complain(options.error());
      return 2;
    }
    return ndr::perform(options.value(), has_ready_fd);
  } catch (const std::exception& broken) {
    ndr::complain({"", broken.what(), ""});
    return 1;
  }
}
