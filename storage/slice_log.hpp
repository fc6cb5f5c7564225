#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ndr {

/// Why a run's output stands in the log of a slice.
enum class Kept { failed, literal, first_passed, last_passed };
std::string_view to_text(Kept kept);

/// A place that was delayed in a run: `offset` in the file of a program or library.
struct DelayedPlace {
  std::string module;
  std::uint64_t offset = 0;
  bool operator==(const DelayedPlace&) const = default;
  auto operator<=>(const DelayedPlace&) const = default;  // NOLINT(modernize-use-nullptr): its own 0
};

/// One run of a slice, as its marker in the log says; `begin` and `end` are where its own bytes stand there.
struct SliceRun {
  std::int64_t run = 0;  // from 1
  int copy = 0;
  std::uint64_t seed = 0;
  Kept kept = Kept::failed;
  std::optional<int> exit_code;
  std::optional<int> term_signal;
  bool stood_still = false;  // ended at its limit
  std::int64_t duration_us = 0;
  int leftovers = 0;  // processes alive when it ended
  std::vector<DelayedPlace> places;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const SliceRun&) const = default;
};

/// A place and in how many of the passing runs it was delayed.
struct PassedPlace {
  DelayedPlace place;
  std::int64_t runs = 0;
  bool operator==(const PassedPlace&) const = default;
};

/// How far a slice is; the last one, with `over`, is its sum.
struct SliceProgress {
  std::int64_t runs = 0;    // that ended by themselves or at their limit
  std::int64_t passed = 0;  // of them
  std::int64_t kept = 0;    // failing ones, and passing ones with a literal
  std::int64_t cut = 0;     // stopped with the slice; they say nothing
  std::int64_t elapsed_ms = 0;
  bool over = false;
  std::int64_t median_us = 0;              // of the passing runs; 0: none
  std::int64_t p99_us = 0;                 // to a tenth
  std::uint64_t points = 0;                // mean of calls behind the noise's gate; 0: not counted
  std::string preempting;                  // the preempter's scheduling class; empty: none ran
  std::string trouble;                     // what kept it from looping; empty: nothing
  std::vector<PassedPlace> passed_places;  // only with `over`
  bool operator==(const SliceProgress&) const = default;
};

/// The lines and frames of a slice's log. A frame is a line "#ndrepro run {…}", exactly the bytes that its "bytes"
/// says, and a line "#ndrepro end N"; so a run cannot forge one.
std::string frame_head(const SliceRun& run, std::uint64_t bytes);
std::string frame_tail(const SliceRun& run);
std::string progress_line(const SliceProgress& progress);
/// The JSON object of that line, and back.
std::string progress_json(const SliceProgress& progress);
std::optional<SliceProgress> progress_from(std::string_view json);

using SliceEvent = std::variant<SliceRun, SliceProgress>;

/// Reads the log of a slice as it grows. What is neither line nor frame is skipped.
class SliceLogReader {
public:
  /// The events that the next bytes complete.
  std::vector<SliceEvent> feed(std::string_view bytes);

  /// Where the bytes end within a frame: its run, and how many of the run's own bytes are still to come. Else null.
  const SliceRun* unfinished() const { return run_ ? &*run_ : nullptr; }
  std::uint64_t missing_bytes() const { return skip_; }
  /// They end within a line.
  bool is_in_line() const { return !line_.empty(); }

private:
  void take_line(std::vector<SliceEvent>& found);

  std::uint64_t offset_ = 0;  // of the next byte
  std::string line_;          // unfinished
  std::optional<SliceRun> run_;
  std::uint64_t skip_ = 0;  // bytes of `run_` still to come
};

/// The bytes of the frames in the whole text of a log, for reading and tests.
std::vector<SliceEvent> slice_events(std::string_view log);

}  // namespace ndr
