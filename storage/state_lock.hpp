#pragma once
#include <filesystem>
#include <stdexcept>

#include "storage/unique_fd.hpp"

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

private:
  UniqueFd file_;  // the file stays when it closes: to unlink what another may be opening would make two locks
};

}  // namespace ndr
