#include "supervisor/shim/options.hpp"

#include <array>
#include <optional>
#include <utility>

namespace ndr {
namespace {

constexpr std::string_view help =
    R"(ndreprod-shim: holds one run, whether ndreprod lives or not. Started by ndreprod; by hand it works the same.

  ndreprod-shim run [--no-cgroup] FOLDER    one attempt: spec on standard input, else FOLDER/spec.json
  ndreprod-shim reset [--no-cgroup] FOLDER  one reset: the same, its output in FOLDER/output.log, never stopped early
  ndreprod-shim slice FOLDER                the runs of an attempt whose spec has a slice, to standard output; for run
  ndreprod-shim loop [OPTION]... -- COMMAND...
                                            runs of a command under an arm, until one fails as wanted; see below
  ndreprod-shim reap FOLDER                 ends what a lost shim left behind, writes FOLDER/exit.json
  ndreprod-shim probe                       who holds the boards, and a probe command: JSON in, JSON out
  ndreprod-shim write                       one file of a case: JSON in, JSON out
  ndreprod-shim --help | --version

FOLDER: spec.json, shim.lock (held while the shim lives), control (a FIFO: "stop INTERRUPT_MS TERMINATE_MS"),
exit.json (how it ended; written when no process of the run is left). With file descriptor 3 open, run and reset
write one line of JSON to it when the command runs, or could not be started.
--no-cgroup: no cgroup for the run; its processes are then found as descendants only.
loop: --arm NAME --parameters JSON (as `ndreproctl` shows them) --seed N --seconds S (240) --runs N (no limit)
--run-limit-ms MS (60000; of a run that stands still) --standstill-counts (such a run is a hit) --literal TEXT (may be
repeated: a failing run that shows one of them is a hit; without: every failing run) --own-folders (a run begins in a
fresh folder). Shows the output of the run that was a hit and ends with its status (124: it stood still, 128 + N: signal
N); 0: there was none in that time.
Exit status of the others: 0 done (exit.json or the answer says what happened), 1 the command could not be started or the machine
failed, 2 bad input; both with one line on standard error.
)";

std::optional<ShimTask> task_from(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, ShimTask>, 9> tasks{{
      {"run", ShimTask::run},
      {"reset", ShimTask::reset},
      {"slice", ShimTask::slice},
      {"reap", ShimTask::reap},
      {"probe", ShimTask::probe},
      {"write", ShimTask::write},
      {"--help", ShimTask::help},
      {"-h", ShimTask::help},
      {"--version", ShimTask::version},
  }};
  for (const auto& [name, task] : tasks) {
    if (name == word) return task;
  }
  return std::nullopt;
}

bool has_folder(ShimTask task) {
  return task == ShimTask::run || task == ShimTask::reset || task == ShimTask::slice || task == ShimTask::reap;
}

Refusal bad_words(std::string field, std::string reason) {
  return {std::move(field), std::move(reason), "see ndreprod-shim --help"};
}

}  // namespace

std::string_view help_text() { return help; }

Checked<ShimOptions> shim_options_from(const std::vector<std::string>& words) {
  if (words.empty()) return bad_words("", "no task given");
  const std::optional<ShimTask> task = task_from(words.front());
  if (!task) return bad_words(words.front(), "is not a task");
  ShimOptions options;
  options.task = *task;
  for (std::size_t index = 1; index < words.size(); ++index) {
    const std::string& word = words[index];
    const bool spawns = *task == ShimTask::run || *task == ShimTask::reset;
    if (word == "--no-cgroup" && spawns)
      options.use_cgroup = false;
    else if (word.starts_with('-'))
      return bad_words(word, "is not an option of this task");
    else if (!has_folder(*task) || !options.folder.empty())
      return bad_words(word, "is one word too many");
    else
      options.folder = std::filesystem::absolute(word).lexically_normal();
  }
  if (has_folder(*task) && options.folder.empty()) return bad_words("FOLDER", "is missing");
  return options;
}

}  // namespace ndr
