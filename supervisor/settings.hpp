#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "storage/attempt_folder.hpp"

namespace ndr {

/// A variable of a run.
using Setting = std::pair<std::string, std::string>;
/// By the name that prlimit(1) has for it, as "nofile"; soft and hard.
using ResourceLimit = std::pair<std::string, std::uint64_t>;

/// What a site makes different on purpose, besides the arms that are known everywhere: an arm of its own.
struct Axis {
  std::string name;
  std::vector<Setting> environment;
  std::vector<ResourceLimit> limits;
  bool operator==(const Axis&) const = default;
};

/// Where boards are found and how they are reset; all roots are settings, so that tests run the same code on
/// a fake tree.
struct BoardSettings {
  std::filesystem::path nodes = "/dev/tenstorrent";
  std::filesystem::path proc = "/proc";
  std::vector<std::string> reset_command{"tt-smi", "-r"};  // the target is appended; TT_SMI_RESET_COMMAND replaces it
  bool targets_are_paths = true;                           // "/dev/tenstorrent/0", else "0"
  std::vector<std::string> probe_command;                  // readiness; empty: the device set alone
  std::int64_t settle_ms = 5000;
  std::int64_t reset_warn_ms = 180000;
  std::int64_t reset_limit_ms = 600000;
  std::int64_t retry_after_ms = 10000;
  std::int64_t cooldown_ms = 600000;
  std::int64_t reappear_ms = 30000;  // for the same devices to be back
  int bad_resets_per_hour = 3;
};

struct StallSettings {
  std::int64_t start_up_ms = 300000;
  std::int64_t mid_run_ms = 30000;
  std::int64_t shut_down_ms = 30000;
  std::int64_t triage_ms = 45000;   // grace after a device timeout
  std::int64_t let_end_ms = 10000;  // grace after an exception
};

/// By what a run was doing when it had to be stopped.
struct StopSettings {
  StopLadder device_error{30000, 5000};
  StopLadder hang{10000, 0};
  StopLadder other{5000, 5000};
};

/// What the supervisor is told by the configuration. Paths are absolute.
struct Settings {
  /// The library of the noise arms, beside the shim; it need not be there.
  std::filesystem::path noise_library() const { return shim.parent_path() / "libndrepro-noise.so"; }

  /// The program of the holding arms, likewise.
  std::filesystem::path hold_program() const { return shim.parent_path() / "ndrepro-hold"; }

  /// The daemon's program, likewise; it is asked where code comes from.
  std::filesystem::path own_program() const { return shim.parent_path() / "ndreprod"; }

  std::vector<Axis> axes;         // of the site
  std::vector<std::string> arms;  // that work on this host, by name (arms/capability.hpp)
  std::filesystem::path state_folder;
  std::filesystem::path runtime_folder;
  std::filesystem::path shim;
  std::vector<std::filesystem::path> case_roots;
  bool allow_network_file_systems = false;
  BoardSettings boards;
  StallSettings stalls;
  StopSettings stop;
  std::int64_t attempt_ms = 300000;
  std::int64_t campaign_ms = 300000;
  // Before what failed for a reason of the daemon's own (a full disk, no more inotify watches) is tried again.
  std::vector<std::int64_t> retry_pauses_ms{1000, 5000, 30000};
  std::uint64_t log_limit_bytes = 2ull << 30;
  std::vector<std::filesystem::path> signal_rules;  // packs of the site
};

}  // namespace ndr
