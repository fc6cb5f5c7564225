#include "supervisor/arms/capability.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <utility>

#include "supervisor/arms/preempt/affinity.hpp"
#include "supervisor/child_answer.hpp"

namespace ndr {
namespace {

const std::string scheduling_remedy = "give the daemon CAP_SYS_NICE (LimitRTPRIO=50 for SCHED_FIFO alone)";

/// The first line, as far as it can be shown.
std::string first_line(std::string text) {
  text.resize(std::min(text.find('\n'), std::min(text.size(), std::size_t{200})));
  for (char& byte : text) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) byte = '?';
  }
  return text;
}

std::optional<ChildAnswer> tried(std::vector<std::string> arguments) {
  const std::string program = arguments.front();
  return ask_child({.program = program,
                    .arguments = std::move(arguments),
                    .input = {},
                    .script = {},
                    .limit = std::chrono::seconds{longest_trial_s},
                    .longest_output = 4096});
}

/// The loader goes on without a library that it cannot load: it only says so.
ArmTrial noise_trial(const std::filesystem::path& library) {
  ArmTrial trial{.is_there = ::access(library.c_str(), R_OK) == 0};
  if (!trial.is_there) return trial;
  // The loader takes blanks and colons for separators.
  if (library.string().find_first_of(" :") != std::string::npos) {
    trial.said = "its path holds a blank or a colon";
    return trial;
  }
  const auto answer =
      tried({"/usr/bin/env", "LD_PRELOAD=" + library.string(), "NDREPRO_NOISE=mode=count", "/bin/true"});
  trial.works = answer && answer->succeeded() && answer->errors.empty();
  if (!trial.works) trial.said = answer ? first_line(answer->errors) : "/bin/true did not end with it";
  return trial;
}

ArmTrial hold_trial(const std::filesystem::path& program) {
  ArmTrial trial{.is_there = ::access(program.c_str(), X_OK) == 0};
  if (!trial.is_there) return trial;
  const auto answer = tried({program.string(), "--check"});
  trial.works = answer && answer->succeeded();
  if (trial.works) return trial;
  trial.said = "its --check did not end in time";
  if (answer) trial.said = first_line(answer->output.empty() ? answer->errors : answer->output);
  return trial;
}

Capability from_trial(std::string arm, const std::string& file, const ArmTrial& trial) {
  if (!trial.is_there) return {std::move(arm), false, file + " is not installed beside the shim"};
  if (trial.works) return {std::move(arm), true, ""};
  return {std::move(arm), false, file + " does not work here" + (trial.said.empty() ? "" : ": " + trial.said)};
}

Capability pct_from(const ArmTraits& traits) {
  Capability pct = from_trial("pct", "libndrepro-noise.so", traits.noise);
  if (!pct.available) return pct;
  if (traits.preempt != PreemptClass::fifo) return {"pct", false, "SCHED_FIFO is refused; " + scheduling_remedy};
  if (!traits.limits_real_time)
    return {"pct", false, "nothing limits real-time threads; set kernel.sched_rt_runtime_us to its default, 950000"};
  return pct;
}

Capability preempt_from(PreemptClass taken) {
  if (taken == PreemptClass::fifo) return {"preempt", true, ""};
  if (taken == PreemptClass::nice)
    return {"preempt", true, "weaker, by nice -20: SCHED_FIFO is refused; " + scheduling_remedy};
  return {"preempt", false, "neither SCHED_FIFO nor nice -20 is allowed; " + scheduling_remedy};
}

Capability affinity_from(std::size_t cpus) {
  if (cpus >= 2) return {"affinity", true, ""};
  return {"affinity", false, "there is one CPU to run on, which is squeeze enough; allow a second one"};
}

}  // namespace

ArmTraits traits_here(const ArmPaths& paths) {
  ArmTraits traits{.noise = noise_trial(paths.noise_library), .hold = hold_trial(paths.hold_program)};
  traits.preempt = preempt_class_here();
  long limit_us = -1;
  traits.limits_real_time = (std::ifstream{"/proc/sys/kernel/sched_rt_runtime_us"} >> limit_us) && limit_us >= 0;
  traits.cpus = allowed_cpus().size();
  return traits;
}

std::vector<Capability> capabilities_from(const ArmTraits& traits) {
  return {from_trial("noise", "libndrepro-noise.so", traits.noise),
          from_trial("yield", "libndrepro-noise.so", traits.noise),
          pct_from(traits),
          from_trial("chaos", "libndrepro-noise.so", traits.noise),
          from_trial("hold", "ndrepro-hold", traits.hold),
          from_trial("calls", "ndrepro-hold", traits.hold),
          preempt_from(traits.preempt),
          affinity_from(traits.cpus)};
}

std::vector<Capability> capabilities_here(const ArmPaths& paths) { return capabilities_from(traits_here(paths)); }

}  // namespace ndr
