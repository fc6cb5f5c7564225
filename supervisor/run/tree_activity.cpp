#include "supervisor/run/tree_activity.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

constexpr std::size_t process_limit = 100000;

/// Nothing where the process is gone. Files of /proc tell no size, so they are read in pieces.
std::string read_proc(const std::filesystem::path& file, std::size_t limit) {
  const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  std::string text;
  std::array<char, 4096> piece;
  while (fd && text.size() < limit) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got <= 0) break;
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

std::vector<int> pids_in(std::string_view text) {
  std::vector<int> pids;
  while (!text.empty()) {
    int pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    if (error == std::errc{}) pids.push_back(pid);
    const std::size_t next = text.find(' ');
    if (next == std::string_view::npos) break;
    text.remove_prefix(next + 1);
  }
  return pids;
}

/// Of all its threads: each has the children that it started itself.
std::vector<int> children_of(int pid, const std::filesystem::path& proc) {
  std::vector<int> children;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator{proc / std::to_string(pid) / "task", gone}) {
    const std::vector<int> own = pids_in(read_proc(thread.path() / "children", 1u << 20));
    children.insert(children.end(), own.begin(), own.end());
  }
  return children;
}

/// Fields 14 to 17 of /proc/PID/stat: utime, stime, cutime, cstime.
std::uint64_t cpu_ticks_in(std::string_view stat) {
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return 0;
  stat.remove_prefix(name_end + 1);
  std::uint64_t ticks = 0;
  for (int field = 2; field < 18 && !stat.empty(); ++field) {
    std::uint64_t value = 0;
    if (field >= 14) std::from_chars(stat.data(), stat.data() + stat.size(), value);
    ticks += value;
    const std::size_t next = stat.find(' ');
    if (next == std::string_view::npos) break;
    stat.remove_prefix(next + 1);
  }
  return ticks;
}

std::string_view base_name(std::string_view word) { return word.substr(word.rfind('/') + 1); }

bool is_interpreter(std::string_view name) {
  return name.starts_with("python") || name == "bash" || name == "sh" || name == "env";
}

/// Of the hook, which is started as `tt-triage …` or `python3 …/triage.py …`. Only the program's own name tells: a
/// case, its tests and their arguments may have "triage" in their names too.
bool is_triage(std::string_view command_line) {
  const auto take_word = [&command_line] {
    const std::string_view word = command_line.substr(0, command_line.find('\0'));
    command_line.remove_prefix(std::min(command_line.size(), word.size() + 1));
    return word;
  };
  std::string_view name = base_name(take_word());
  if (is_interpreter(name)) name = base_name(take_word());
  return name.starts_with("tt-triage") || name == "triage.py";
}

}  // namespace

TreeActivity tree_activity(int root, const std::filesystem::path& proc) {
  TreeActivity activity;
  std::vector<int> waiting = children_of(root, proc);
  std::set<int> seen;
  while (!waiting.empty() && seen.size() < process_limit) {
    const int pid = waiting.back();
    waiting.pop_back();
    if (!seen.insert(pid).second) continue;
    const std::filesystem::path folder = proc / std::to_string(pid);
    const std::string stat = read_proc(folder / "stat", 4096);
    if (stat.empty()) continue;
    ++activity.processes;
    activity.cpu_ticks += cpu_ticks_in(stat);
    if (is_triage(read_proc(folder / "cmdline", 4096))) activity.has_triage_child = true;
    const std::vector<int> own = children_of(pid, proc);
    waiting.insert(waiting.end(), own.begin(), own.end());
  }
  return activity;
}

}  // namespace ndr
