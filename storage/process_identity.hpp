#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ndr {

/// Who a process is, also across pid reuse and reboots: kernel boot id, pid, start time (field 22 of
/// /proc/PID/stat, clock ticks since boot).
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

/// Of this boot of the kernel; throws std::system_error where /proc is not mounted.
std::string kernel_boot_id();

/// The fields of /proc/PID/stat (proc(5)) that tell who a process is and whose it is.
struct ProcessStat {
  int pid = 0;
  std::string name;  // at most 15 bytes, chosen by the process
  char state = '?';
  int parent = 0;
  int group = 0;
  int session = 0;
  std::uint64_t start_time = 0;
};

/// Zombies, and those about to vanish, are dead.
inline bool is_dead(const ProcessStat& stat) { return stat.state == 'Z' || stat.state == 'X' || stat.state == 'x'; }

/// The text of a stat file; nothing where it is not one. The name may hold spaces and parentheses.
std::optional<ProcessStat> process_stat_from(std::string_view text);

/// Of a process in `proc`, zombies too; nothing where there is none.
std::optional<ProcessStat> process_stat(int pid, const std::string& proc = "/proc");

}  // namespace ndr
