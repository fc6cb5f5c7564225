#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ndr {

/// Who a process is, also across pid reuse and reboots: kernel boot id, pid, start time (field 22 of /proc/PID/stat,
/// clock ticks since boot).
struct ProcessIdentity {
  std::string boot_id;
  int pid = 0;
  std::uint64_t start_time = 0;
  bool operator==(const ProcessIdentity&) const = default;
};

/// The identity of a live process (zombies are dead), nothing where there is none.
std::optional<ProcessIdentity> process_identity(int pid);

/// "BOOT_ID PID START_TIME\n" and back.
std::string to_text(const ProcessIdentity& identity);
std::optional<ProcessIdentity> process_identity_from(std::string_view text);

}  // namespace ndr
