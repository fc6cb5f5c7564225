#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>

namespace ndr {

/// An empty folder for one run after the other. One that a run has left untouched is given to the next run again: to
/// make and remove a folder may take as long as a tenth of a short run, and waits for the disk's journal.
/// Throws std::system_error where none can be made.
class FreshFolder {
public:
  explicit FreshFolder(std::filesystem::path parent) : parent_(std::move(parent)) {}
  ~FreshFolder() { remove(); }
  FreshFolder(const FreshFolder&) = delete;
  FreshFolder& operator=(const FreshFolder&) = delete;

  /// For this run; named by the first run that it was made for.
  const std::filesystem::path& take(std::int64_t run);
  /// When the run and all of its processes are gone.
  void give_back();

private:
  void remove();

  std::filesystem::path parent_;
  std::filesystem::path path_;  // empty: none is there
  struct stat made_ {};
};

/// Removes what is in a folder and keeps the folder; what cannot be removed stays.
void empty_folder(const std::filesystem::path& folder);

}  // namespace ndr
