#pragma once
#include <filesystem>

#include "analyzer/refusal.hpp"
#include "storage/attempt_folder.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// The right to act in one attempt's folder, held as long as this lives: shim.lock, locked before it gets its name, so
/// that nobody ever sees it free while its owner comes up. One folder is taken once.
class FolderClaim {
public:
  /// Makes the folder and its parents where missing. Refuses a folder that was taken before, or has ended.
  static Checked<FolderClaim> take(const AttemptFolder& folder, const ShimRecord& record);
  /// Takes over from a shim that is gone. Refuses while one holds the lock.
  static Checked<FolderClaim> take_over(const AttemptFolder& folder);

  void add_run(const ProcessIdentity& run) const;

private:
  explicit FolderClaim(UniqueFd lock) : lock_(std::move(lock)) {}

  UniqueFd lock_;
};

}  // namespace ndr
