#pragma once
#include <filesystem>
#include <stdexcept>

namespace ndr {

/// Another process holds the state folder.
class StateLocked : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Holds the state folder for this process, by flock on its file `lock`, until the end of the scope or of the
/// process. The file's text is the holder's pid, for the message only. Throws StateLocked, std::system_error.
class StateLock {
public:
  explicit StateLock(const std::filesystem::path& folder);
  ~StateLock();
  StateLock(const StateLock&) = delete;
  StateLock& operator=(const StateLock&) = delete;

private:
  int file_;
};

}  // namespace ndr
