#pragma once
#include <filesystem>
#include <string_view>

#include "storage/attempt_folder.hpp"
#include "supervisor/arms/arm.hpp"
#include "supervisor/shim/slice_tally.hpp"

namespace ndr {

/// What all copies of a slice work with.
struct SliceWork {
  const AttemptSpec& spec;  // with a slice
  Arm arm;
  std::filesystem::path runs;  // folder of the runs, which is there
  SliceTally& tally;
  int messages = -1;            // pipe to the loop
  std::int64_t ends_at_ms = 0;  // CLOCK_MONOTONIC
};

/// Seed of one run of a slice, below 2^31.
std::uint64_t seed_of_run(std::uint64_t slice_seed, std::int64_t run);

/// The names of Arm::near, a line each; TMPDIR of the copies that share one; the files of a copy and of a kept run: all
/// below `runs`.
std::filesystem::path near_file(const std::filesystem::path& runs);
std::filesystem::path shared_folder(const std::filesystem::path& runs);
std::filesystem::path copy_output(const std::filesystem::path& runs, int copy);
std::filesystem::path copy_passed_output(const std::filesystem::path& runs, int copy);
std::filesystem::path copy_report(const std::filesystem::path& runs, int copy);
std::filesystem::path passed_places_file(const std::filesystem::path& runs, int copy);
std::filesystem::path kept_output(const std::filesystem::path& runs, std::int64_t run);
std::filesystem::path kept_message(const std::filesystem::path& runs, std::int64_t run);  // a KeptMessage's bytes
std::filesystem::path kept_report(const std::filesystem::path& runs, std::int64_t run);

/// What was delayed in a run whose reports are in `folder`, the longest delays first.
std::vector<DelayedPlace> delayed_places(const std::filesystem::path& folder);
/// A file of passed_places_file(), or several of them added up; the most frequent first.
std::vector<PassedPlace> passed_places_in(const std::vector<std::filesystem::path>& files);

/// Tells the loop of a slice through its pipe `messages`; false where it cannot be told. The second: of what keeps a
/// copy from going on.
bool tell_slice(int messages, const KeptMessage& message);
void tell_slice_trouble(int messages, std::string_view trouble);

/// One copy: a process of its own, which makes one run after the other until the slice is over. Throws
/// std::system_error for a broken machine.
void loop_copy(const SliceWork& work, int copy);

}  // namespace ndr
