#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "storage/attempt_folder.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

std::int64_t boottime_ms();  // CLOCK_BOOTTIME: goes on while the host sleeps, and no clock setting moves it

/// Signals to this process as a file descriptor: SIGCHLD and the polite ways to end a process. Blocks them, so it
/// must exist before the first child does.
class SignalFd {
public:
  SignalFd();
  int get() const { return fd_.get(); }
  std::vector<int> take();  // numbers since the last call; SIGCHLDs coalesce

private:
  UniqueFd fd_;
};

/// One alarm on CLOCK_BOOTTIME.
class AlarmFd {
public:
  AlarmFd();
  int get() const { return fd_.get(); }
  void set(std::optional<std::int64_t> at_boottime_ms);
  void take();

private:
  UniqueFd fd_;
};

/// The FIFO by which others ask for a stop; anybody with write permission may, at any time, in lines.
class ControlFifo {
public:
  explicit ControlFifo(const std::filesystem::path& path);  // makes it, mode 0600
  ControlFifo(const ControlFifo&) = delete;
  ControlFifo& operator=(const ControlFifo&) = delete;
  ~ControlFifo();  // removes it

  int get() const { return fd_.get(); }
  /// Whole requests in the next 4 KiB at most; anything else is dropped. Never waits.
  std::vector<StopLadder> take();

private:
  std::filesystem::path path_;
  UniqueFd fd_;
  std::string unread_;
};

}  // namespace ndr
