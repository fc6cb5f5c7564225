#pragma once
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "storage/attempt_folder.hpp"
#include "storage/slice_log.hpp"
#include "storage/unique_fd.hpp"
#include "supervisor/arms/arm.hpp"
#include "supervisor/arms/preempt/preempter.hpp"
#include "supervisor/shim/slice_tally.hpp"

namespace ndr {

/// Who hears of the runs of a slice.
class SliceTeller {
public:
  virtual ~SliceTeller() = default;
  /// A run that is kept; its output goes away afterwards. False: no more runs.
  virtual bool kept(const SliceRun& run, const std::filesystem::path& output) = 0;
  /// Each second, and at the end (`over`).
  virtual void progress(const SliceProgress& progress) = 0;
};

/// Makes the runs of a slice: copies as processes of ours, which we wait for. Blocks SIGCHLD, SIGINT and SIGTERM; the
/// latter two end it, with what it has. `runs` is a folder of its own, which it makes and removes.
class SliceLoop {
public:
  SliceLoop(const AttemptSpec& spec, Arm arm, std::filesystem::path runs, SliceTeller& teller);
  void perform();

private:
  void start(int copy);
  void write_names() const;
  void disturb();
  void hear_copies();
  void take(const KeptMessage& message);
  void tell_kept(const KeptMessage& message);
  SliceProgress progress() const;
  void end();

  const AttemptSpec& spec_;
  Arm arm_;
  std::filesystem::path runs_;
  SliceTeller& teller_;
  SliceTally& tally_;
  std::int64_t began_ms_;
  UniqueFd hear_;
  UniqueFd tell_;
  std::optional<KeptMessage> last_passed_;  // of all copies
  std::string trouble_;
  std::optional<Preempter> preempter_;
  std::string preempting_;
};

}  // namespace ndr
