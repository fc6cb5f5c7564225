#pragma once
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "analyzer/refusal.hpp"
#include "storage/attempt_folder.hpp"

namespace ndr {

enum class ShimMode { run, reset, probe, write, reap };

/// What a shim is started with: `input` is the JSON on its standard input; `folder` for run, reset and reap.
struct LaunchSpec {
  ShimMode mode = ShimMode::run;
  std::filesystem::path folder;
  std::string input;
};

/// A live shim, started by us or found by its folder. Dropping it leaves the shim alone.
class ShimProcess {
public:
  struct Handle;
  explicit ShimProcess(std::unique_ptr<Handle> handle);
  ShimProcess(ShimProcess&&) noexcept;
  ShimProcess& operator=(ShimProcess&&) noexcept;
  ~ShimProcess();

  /// Returns when the shim's process is gone (and reaped, where we are its parent); what happened is in its
  /// folder's exit.json.
  boost::asio::awaitable<void> ended();
  bool has_ended() const;
  /// Writes to the control FIFO; where the run has spoilt that, sends SIGTERM, which the shim answers by the ladder of
  /// its spec. False when it is gone. Never blocks.
  bool request_stop(const StopLadder& ladder);
  /// The last resort for a shim that does not react: it is gone then, its run is not. `reap` the folder.
  void kill();
  const ProcessIdentity& identity() const;

private:
  std::unique_ptr<Handle> handle_;
};

/// The one seam for everything that touches the host or a case folder: starts ndreprod-shim (posix_spawn, own
/// session, no inherited fds), adopted by a Boost.Process handle. A shim that has ended is reaped at once, also
/// when nobody awaits it: as long as shims live, the executor's context has work.
class Launcher {
public:
  Launcher(boost::asio::any_io_executor executor, std::filesystem::path shim);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  /// run, reset: returns once the shim says `running`; refuses with the shim's reason (field "command",
  /// "log", …) or, after 30 s without a word (field "shim"), with the shim killed: then `reap` the folder.
  /// Throws when the shim cannot be started or dies without a reason.
  boost::asio::awaitable<Checked<ShimProcess>> start(LaunchSpec spec);
  /// The shim that holds this folder's lock (boot id, pid and start time agree); nothing where none does.
  std::optional<ShimProcess> attach(const AttemptFolder& folder);
  /// probe, write, reap: runs it to its end and returns its standard output (at most 1 MiB). Throws
  /// std::runtime_error with its standard error when it fails or takes longer than `limit` (then it is
  /// killed).
  boost::asio::awaitable<std::string> call(LaunchSpec spec, std::chrono::milliseconds limit);
  /// Leaves all living shims to themselves, so that the context may run out of work; `ended()` is silent then.
  void release();

private:
  struct Watched;
  boost::asio::any_io_executor executor_;
  std::filesystem::path shim_;
  std::unique_ptr<Watched> watched_;
};

}  // namespace ndr
