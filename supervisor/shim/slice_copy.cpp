#include "supervisor/shim/slice_copy.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "analyzer/statistics/random.hpp"
#include "storage/unique_fd.hpp"
#include "supervisor/arms/delay_report.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/shim/fresh_folder.hpp"
#include "supervisor/shim/slice_run.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_passed_places = 4096;
constexpr std::size_t most_told_places = 400;
constexpr std::size_t most_places_of_run = 64;
constexpr std::size_t most_scanned = 4u << 20;  // of a passing run, for the signature's literals

[[noreturn]] void copy_broke(const std::string& what) { throw std::system_error{errno, std::generic_category(), what}; }

/// A file that takes the output of one run after the other.
struct OutputFile {
  explicit OutputFile(std::filesystem::path at) : path(std::move(at)) { open(); }

  void open() {
    file.reset(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!file) copy_broke("make " + path.string());
  }
  void empty() const {
    struct stat status {};
    if (::fstat(file.get(), &status) == 0 && status.st_size == 0) return;
    if (::ftruncate(file.get(), 0) != 0) copy_broke("empty a run's output");
  }
  /// Gives what it holds to a file of that name, and begins anew.
  void give_to(const std::filesystem::path& kept) {
    if (::rename(path.c_str(), kept.c_str()) != 0) copy_broke("keep " + kept.string());
    open();
  }

  std::filesystem::path path;
  UniqueFd file;
};

class Copy {
public:
  Copy(const SliceWork& work, int copy)
      : work_(work),
        slice_(*work.spec.slice),
        copy_(copy),
        shares_(copy < slice_.shared_copies),
        folder_(work.runs),
        output_(copy_output(work.runs, copy)),
        passed_output_(copy_passed_output(work.runs, copy)) {
    wants_report_ = !slice_.noise_library.empty() || !slice_.hold_program.empty();
    if (wants_report_) make_report_folder();
    tools_ = {slice_.noise_library.string(),
              slice_.hold_program.string(),
              work.runs.string(),
              wants_report_ ? copy_report(work.runs, copy).string() : std::string{},
              near_file(work.runs).string(),
              {}};
  }

  void loop() {
    for (;;) {
      const std::int64_t run = work_.tally.next_run.fetch_add(1);
      const bool is_enough = slice_.runs > 0 && run > slice_.runs;
      // The first run of each copy is made, however short the slice.
      const bool is_late = has_run_ && steady_ms() >= work_.ends_at_ms;
      if (is_enough || is_late || work_.tally.over.load() || is_told_to_end()) break;
      has_run_ = true;
      if (!perform(run)) break;
    }
    if (!passed_places_.empty()) write_passed_places();
    if (!last_passed_) return;
    passed_output_.give_to(kept_output(work_.runs, last_passed_->run));
    tell(*last_passed_);
  }

private:
  bool perform(std::int64_t run) {
    const std::uint64_t seed = seed_of_run(work_.spec.seed, run);
    const Checked<SliceRunEnd> end = perform_slice_run(start_of(run, seed, folder_.take(run)));
    if (!work_.arm.keeps_folder) folder_.give_back();
    if (end.has_error()) {
      tell_slice_trouble(work_.messages, end.error().reason);
      return false;
    }
    count(run, seed, *end);
    return true;
  }

  SliceRunStart start_of(std::int64_t run, std::uint64_t seed, const std::filesystem::path& folder) const {
    SliceRunStart start;
    ArmTools tools = tools_;
    tools.fresh_folder = folder / "fresh";
    RunSetting setting = run_setting(work_.arm, seed, tools);
    start.command = std::move(setting.prefix);
    start.command.insert(start.command.end(), work_.spec.command.begin(), work_.spec.command.end());
    start.working_folder = slice_.own_folders ? folder : work_.spec.working_folder;
    start.environment = work_.spec.environment;
    const auto set = [&start](std::string_view name, std::string value) {
      const auto found = std::find_if(start.environment.begin(), start.environment.end(),
                                      [name](const auto& variable) { return variable.first == name; });
      if (found == start.environment.end())
        start.environment.emplace_back(name, std::move(value));
      else
        found->second = std::move(value);
    };
    // Only TMPDIR is shared: what a test keeps where it begins is its own in CI too, and a correct one may fail if
    // another run finds it there.
    set("TMPDIR", shares_ ? shared_folder(work_.runs).string() : folder.string());
    set("NDREPRO_SEED", std::to_string(seed));
    set("NDREPRO_RUN", std::to_string(run));
    set("NDREPRO_RUN_LIMIT", std::to_string((longest_run_ms(slice_.run_limit_ms) + 999) / 1000));
    for (auto& [name, value] : setting.environment)
      set(name, std::move(value));
    start.output = output_.file.get();
    start.limit_ms = slice_.run_limit_ms;
    return start;
  }

  void count(std::int64_t run, std::uint64_t seed, const SliceRunEnd& end) {
    SliceTally& tally = work_.tally;
    if (end.was_cut) {
      ++tally.cut;
      return reuse();
    }
    ++tally.runs;
    KeptMessage message;
    message.run = run;
    message.copy = copy_;
    message.seed = seed;
    message.exit_code = end.exit_code.value_or(-1);
    message.term_signal = end.term_signal.value_or(-1);
    message.stood_still = end.stood_still;
    message.duration_us = end.duration_us;
    message.leftovers = end.leftovers;
    if (end.wrote_too_much) cut_output();
    const bool failed = end.exit_code != 0 || end.stood_still;
    if (failed) return keep(message, Kept::failed);
    ++tally.passed;
    tally.passed_us.add(end.duration_us);
    if (wants_report_) read_report();
    if (has_literal()) return keep(message, Kept::literal);
    if (!tally.has_first_passed.exchange(true)) return keep(message, Kept::first_passed);
    message.kept = Kept::last_passed;
    last_passed_ = message;
    std::swap(output_, passed_output_);
    reuse();
  }

  /// The next run would write as much again: a hundred such outputs are no log.
  void cut_output() {
    if (::ftruncate(output_.file.get(), most_run_output) != 0) copy_broke("cut a run's output");
    work_.tally.over = true;
  }

  void read_report() {
    const DelayTally report = read_delays(copy_report(work_.runs, copy_));
    work_.tally.points += report.points;
    ++work_.tally.counted;
    for (const DelayedSite& site : report.sites) {
      const DelayedPlace place{site.module, site.offset};
      if (passed_places_.size() < most_passed_places || passed_places_.contains(place)) ++passed_places_[place];
    }
  }

  void write_passed_places() const {
    std::ofstream file{passed_places_file(work_.runs, copy_)};
    for (const auto& [place, runs] : passed_places_)
      if (place.module.find('\n') == std::string::npos)
        file << runs << ' ' << place.offset << ' ' << place.module << '\n';
  }

  bool has_literal() {
    if (work_.spec.literals.empty()) return false;
    struct stat status {};
    if (::fstat(output_.file.get(), &status) != 0 || status.st_size == 0) return false;
    text_.resize(std::min<std::size_t>(static_cast<std::size_t>(status.st_size), most_scanned));
    const ssize_t got = ::pread(output_.file.get(), text_.data(), text_.size(), 0);
    const std::string_view text{text_.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
    return std::any_of(work_.spec.literals.begin(), work_.spec.literals.end(),
                       [text](const std::string& literal) { return text.find(literal) != std::string_view::npos; });
  }

  /// For whoever has to recover what the loop could not append any more. Without room the loop has its message alone.
  void note(const KeptMessage& message) const {
    const std::filesystem::path path = kept_message(work_.runs, message.run);
    const UniqueFd file{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640)};
    if (file && ::write(file.get(), &message, sizeof message) != sizeof message) ::unlink(path.c_str());
  }

  void keep(KeptMessage& message, Kept why) {
    message.kept = why;
    note(message);
    output_.give_to(kept_output(work_.runs, message.run));
    if (why == Kept::failed || why == Kept::literal) {
      if (++work_.tally.kept >= slice_.most_kept) work_.tally.over = true;
    }
    if (wants_report_) {
      // Of a run whose report cannot be kept the places are not known; that is no reason to lose the run.
      ::rename(copy_report(work_.runs, copy_).c_str(), kept_report(work_.runs, message.run).c_str());
      make_report_folder();
    }
    tell(message);
  }

  void tell(const KeptMessage& message) const {
    if (!tell_slice(work_.messages, message)) copy_broke("tell the loop of a run");
  }

  void reuse() {
    output_.empty();
    if (!wants_report_) return;
    empty_folder(copy_report(work_.runs, copy_));
  }

  void make_report_folder() const {
    const std::filesystem::path folder = copy_report(work_.runs, copy_);
    if (::mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST) copy_broke("make " + folder.string());
  }

  const SliceWork& work_;
  const SliceSpec& slice_;
  int copy_;
  bool shares_;
  FreshFolder folder_;
  bool has_run_ = false;
  bool wants_report_ = false;
  ArmTools tools_;
  OutputFile output_;         // of the run in progress
  OutputFile passed_output_;  // of the last run that passed
  std::optional<KeptMessage> last_passed_;
  std::string text_;
  std::map<DelayedPlace, std::int64_t> passed_places_;
};

}  // namespace

std::uint64_t seed_of_run(std::uint64_t slice_seed, std::int64_t run) {
  // Mixed twice, so that neighbouring runs of neighbouring slices have nothing in common.
  const std::uint64_t mixed = RandomStream{slice_seed}.next();
  return RandomStream{mixed + static_cast<std::uint64_t>(run)}.next() >> 33;
}

std::filesystem::path near_file(const std::filesystem::path& runs) { return runs / "near"; }
std::filesystem::path shared_folder(const std::filesystem::path& runs) { return runs / "shared"; }
std::filesystem::path copy_output(const std::filesystem::path& runs, int copy) {
  return runs / ("copy_" + std::to_string(copy) + ".log");
}
std::filesystem::path copy_passed_output(const std::filesystem::path& runs, int copy) {
  return runs / ("copy_" + std::to_string(copy) + ".passed");
}
std::filesystem::path copy_report(const std::filesystem::path& runs, int copy) {
  return runs / ("copy_" + std::to_string(copy) + ".report");
}
std::filesystem::path passed_places_file(const std::filesystem::path& runs, int copy) {
  return runs / ("copy_" + std::to_string(copy) + ".places");
}
std::filesystem::path kept_output(const std::filesystem::path& runs, std::int64_t run) {
  return runs / ("run_" + std::to_string(run) + ".log");
}
std::filesystem::path kept_message(const std::filesystem::path& runs, std::int64_t run) {
  return runs / ("run_" + std::to_string(run) + ".kept");
}
std::filesystem::path kept_report(const std::filesystem::path& runs, std::int64_t run) {
  return runs / ("run_" + std::to_string(run) + ".report");
}

std::vector<DelayedPlace> delayed_places(const std::filesystem::path& folder) {
  const DelayTally report = read_delays(folder);
  std::vector<DelayedPlace> places;
  for (const DelayedSite& site : report.sites)
    if (places.size() < most_places_of_run) places.push_back({site.module, site.offset});
  return places;
}

std::vector<PassedPlace> passed_places_in(const std::vector<std::filesystem::path>& files) {
  std::map<DelayedPlace, std::int64_t> sums;
  for (const std::filesystem::path& name : files) {
    std::ifstream file{name};
    std::int64_t runs = 0;
    DelayedPlace place;
    while (file >> runs >> place.offset && file.get() && std::getline(file, place.module))
      sums[place] += runs;
  }
  std::vector<PassedPlace> places;
  places.reserve(sums.size());
  for (const auto& [place, runs] : sums)
    places.push_back({place, runs});
  std::stable_sort(places.begin(), places.end(),
                   [](const PassedPlace& a, const PassedPlace& b) { return a.runs > b.runs; });
  if (places.size() > most_told_places) places.resize(most_told_places);
  return places;
}

bool tell_slice(int messages, const KeptMessage& message) {
  static_assert(sizeof message <= 512);  // PIPE_BUF at least: whole or not at all
  while (::write(messages, &message, sizeof message) < 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

void tell_slice_trouble(int messages, std::string_view trouble) {
  KeptMessage message;
  trouble.copy(message.trouble, sizeof message.trouble - 1);
  tell_slice(messages, message);  // a loop that is gone needs to know nothing
}

void loop_copy(const SliceWork& work, int copy) { Copy{work, copy}.loop(); }

}  // namespace ndr
