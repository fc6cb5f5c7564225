#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/shim/loop_options.hpp"
#include "supervisor/shim/slice_loop.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

extern char** environ;

namespace ndr {
namespace {

constexpr std::uint64_t most_shown = 64ull << 20;
constexpr std::int64_t line_every_ms = 5000;

std::vector<std::pair<std::string, std::string>> inherited_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view text{*one};
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    variables.emplace_back(std::string{text.substr(0, equals)}, std::string{text.substr(equals + 1)});
  }
  return variables;
}

/// Tells people on standard error how far it is, and shows the run that failed as wanted.
class ConsoleTeller : public SliceTeller {
public:
  explicit ConsoleTeller(const LoopOptions& options) : options_(options) {}

  bool kept(const SliceRun& run, const std::filesystem::path& output) override {
    if (run.kept == Kept::first_passed || run.kept == Kept::last_passed) return true;
    const std::string text = read_start(output, most_shown);
    if (!is_hit(run, text)) {
      ++other_failures_;
      return true;
    }
    if (hit_) return false;
    hit_ = run;
    write_output(text);
    if (!text.empty() && text.back() != '\n') write_output("\n");
    return false;
  }

  void progress(const SliceProgress& progress) override {
    if (!progress.trouble.empty()) trouble_ = progress.trouble;
    runs_ = progress.runs;
    if (progress.over) return;
    if (progress.elapsed_ms < told_ms_ + line_every_ms) return;
    told_ms_ = progress.elapsed_ms;
    std::fprintf(stderr, "ndreprod-shim: %lld runs in %s, none failed as wanted\n",
                 static_cast<long long>(progress.runs), seconds_text(progress.elapsed_ms).c_str());
  }

  /// The status to end with: the failing run's, as a shell would have it.
  int status() const {
    if (!trouble_.empty()) {
      complain({"command", trouble_, ""});
      return 126;
    }
    std::string text = "ndreprod-shim: ";
    if (hit_) {
      text += "run " + std::to_string(hit_->run) + " failed as wanted";
      text += hit_->stood_still ? " (it stood still)" : "";
    } else {
      text += "no run failed as wanted in " + std::to_string(runs_) + " runs";
    }
    if (other_failures_ > 0) text += "; " + std::to_string(other_failures_) + " failed otherwise";
    std::fprintf(stderr, "%s\n", text.c_str());
    if (!hit_) return 0;
    if (hit_->stood_still) return 124;
    return hit_->exit_code ? std::max(1, *hit_->exit_code) : 128 + hit_->term_signal.value_or(0);
  }

private:
  bool is_hit(const SliceRun& run, const std::string& text) const {
    if (run.stood_still) return options_.standstill_counts;
    if (options_.literals.empty()) return run.exit_code != 0;
    return std::any_of(options_.literals.begin(), options_.literals.end(),
                       [&text](const std::string& literal) { return text.find(literal) != std::string::npos; });
  }

  const LoopOptions& options_;
  std::optional<SliceRun> hit_;
  std::int64_t runs_ = 0;
  std::int64_t other_failures_ = 0;
  std::int64_t told_ms_ = 0;
  std::string trouble_;
};

/// A folder that goes away with its owner.
class TempFolder {
public:
  TempFolder() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string{base != nullptr && *base == '/' ? base : "/tmp"} + "/ndrepro-loop-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::system_error{errno, std::generic_category(), "make " + path_};
  }
  ~TempFolder() {
    std::error_code stays;
    std::filesystem::remove_all(path_, stays);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::filesystem::path path() const { return path_; }

private:
  std::string path_;
};

/// A file beside our own program; empty where it is none.
std::filesystem::path beside_us(const char* name) {
  std::error_code none;
  const std::filesystem::path file = std::filesystem::read_symlink("/proc/self/exe", none).parent_path() / name;
  return std::filesystem::is_regular_file(file, none) ? file : std::filesystem::path{};
}

AttemptSpec spec_of(const LoopOptions& options) {
  AttemptSpec spec;
  spec.command = options.command;
  spec.command.front() = std::filesystem::absolute(spec.command.front()).string();
  spec.working_folder = std::filesystem::current_path();
  spec.environment = inherited_environment();
  spec.arm = options.arm.name;
  spec.seed = options.seed;
  spec.literals = options.literals;
  SliceSpec slice;
  slice.copies = options.arm.copies;
  slice.shared_copies = std::min(options.arm.shared_copies, options.arm.copies);
  slice.duration_ms = options.seconds * 1000;
  slice.runs = options.runs;
  slice.run_limit_ms = options.run_limit_ms;
  slice.own_folders = options.own_folders;
  slice.most_kept = 1 << 30;
  const Arm& arm = options.arm;
  if (arm.noise_chance > 0 || arm.counts_points || arm.priority_points > 0)
    slice.noise_library = beside_us("libndrepro-noise.so");
  if (arm.breakpoints > 0 || arm.call_chance > 0) slice.hold_program = beside_us("ndrepro-hold");
  spec.slice = slice;
  return spec;
}

}  // namespace

int loop_command(const std::vector<std::string>& words) {
  const Checked<LoopOptions> options = loop_options_from(words);
  if (options.has_error()) {
    complain(options.error());
    return 2;
  }
  const AttemptSpec spec = spec_of(*options);
  const TempFolder folder;
  ConsoleTeller teller{*options};
  SliceLoop{spec, options->arm, folder.path() / "runs", teller}.perform();
  return teller.status();
}

}  // namespace ndr
