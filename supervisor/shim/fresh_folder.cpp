#include "supervisor/shim/fresh_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

namespace ndr {
namespace {

bool is_same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

}  // namespace

const std::filesystem::path& FreshFolder::take(std::int64_t run) {
  if (!path_.empty()) return path_;
  std::filesystem::path made = parent_ / std::to_string(run);
  if (::mkdir(made.c_str(), 0750) != 0)
    throw std::system_error{errno, std::generic_category(), "make " + made.string()};
  path_ = std::move(made);
  // A time of change that no change can give it: clocks of file systems are coarse, and a run is short.
  timespec before{};
  ::clock_gettime(CLOCK_REALTIME, &before);
  before.tv_sec -= 10;
  const std::array times{before, before};
  if (::utimensat(AT_FDCWD, path_.c_str(), times.data(), 0) != 0 || ::lstat(path_.c_str(), &made_) != 0)
    throw std::system_error{errno, std::generic_category(), "make " + path_.string()};
  return path_;
}

void FreshFolder::give_back() {
  struct stat now {};
  // mtime: no entry came or went; ctime: nor was anything else of it changed.
  const bool is_untouched = ::lstat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino &&
                            is_same_time(now.st_mtim, made_.st_mtim) && is_same_time(now.st_ctim, made_.st_ctim);
  if (!is_untouched) remove();
}

void FreshFolder::remove() {
  if (path_.empty()) return;
  std::error_code stays;  // a run may have made what we cannot remove; the next ones have folders of their own
  if (::rmdir(path_.c_str()) != 0) std::filesystem::remove_all(path_, stays);
  path_.clear();
}

void empty_folder(const std::filesystem::path& folder) {
  std::error_code stays;
  for (const auto& entry : std::filesystem::directory_iterator{folder, stays})
    std::filesystem::remove_all(entry.path(), stays);
}

}  // namespace ndr
