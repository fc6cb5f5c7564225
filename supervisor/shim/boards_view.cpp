#include "supervisor/shim/boards_view.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>

#include "storage/process_identity.hpp"
#include "supervisor/shim/proc_text.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_command = 256;

std::int64_t real_uid(const fs::path& process) {
  const std::string status = proc_text((process / "status").string()).value_or("");
  for (std::string_view rest = status; !rest.empty();) {
    std::string_view line = take_line(rest);
    if (!line.starts_with("Uid:\t")) continue;
    line.remove_prefix(5);
    return number_from<std::int64_t>(line.substr(0, line.find('\t'))).value_or(-1);
  }
  return -1;
}

std::string command_of(const fs::path& process, const ProcessStat& stat) {
  std::string command = proc_text((process / "cmdline").string()).value_or("");
  while (!command.empty() && command.back() == '\0')
    command.pop_back();
  std::replace(command.begin(), command.end(), '\0', ' ');
  if (command.empty()) return stat.name;
  return command.substr(0, longest_command);
}

std::optional<BoardHolder> holder(const BoardRoots& roots, const std::string& board, int pid) {
  const auto stat = process_stat(pid, roots.proc.string());
  if (!stat || is_dead(*stat)) return std::nullopt;
  const fs::path process = roots.proc / std::to_string(pid);
  return BoardHolder{board, pid, real_uid(process), command_of(process, *stat), stat->start_time};
}

/// The driver's own list; nothing where this driver has none.
std::optional<std::vector<int>> pids_by_driver(const BoardRoots& roots, const std::string& board) {
  const auto text = proc_text((roots.proc / "driver/tenstorrent" / board / "pids").string());
  if (!text) return std::nullopt;
  std::vector<int> pids;
  for (std::string_view rest = *text; !rest.empty();) {
    const std::vector<std::string_view> words = words_of(take_line(rest));
    if (words.empty()) continue;
    if (const auto pid = number_from<int>(words.front())) pids.push_back(*pid);
  }
  return pids;
}

dev_t device_number(const fs::path& node) {
  struct stat status {};
  return ::stat(node.c_str(), &status) == 0 && S_ISCHR(status.st_mode) ? status.st_rdev : 0;
}

/// Also by device number, since a container may have the node under another name.
bool is_open_at(const fs::path& link, const fs::path& node, dev_t device) {
  std::error_code gone;
  const std::string target = fs::read_symlink(link, gone).string();
  if (gone) return false;
  if (target == node.string() || target == node.string() + " (deleted)") return true;
  return device != 0 && target.starts_with("/dev/") && device_number(link) == device;
}

class OpenFiles {
public:
  OpenFiles(const BoardRoots& roots, BoardHolders& found) : roots_(roots), found_(found) {}

  void look_for(const std::vector<std::string>& boards) {
    for (const int pid : numbers_in(roots_.proc.string())) {
      const fs::path folder = roots_.proc / std::to_string(pid) / "fd";
      const std::vector<int> files = numbers_in(folder.string());
      // Root sees all that can be seen; what is denied to root belongs to no process that runs tests.
      if (files.empty() && errno == EACCES && ::geteuid() != 0) found_.complete = false;
      for (const std::string& board : boards)
        look_at(pid, folder, files, board);
    }
  }

private:
  void look_at(int pid, const fs::path& folder, const std::vector<int>& files, const std::string& board) {
    const fs::path node = roots_.nodes / board;
    const dev_t device = device_number(node);
    const bool holds = std::any_of(files.begin(), files.end(),
                                   [&](int file) { return is_open_at(folder / std::to_string(file), node, device); });
    if (!holds) return;
    if (auto process = holder(roots_, board, pid)) found_.holders.push_back(std::move(*process));
  }

  const BoardRoots& roots_;
  BoardHolders& found_;
};

}  // namespace

std::vector<std::string> device_set(const BoardRoots& roots) {
  std::vector<int> numbers = numbers_in(roots.nodes.string());
  std::sort(numbers.begin(), numbers.end());
  std::vector<std::string> devices;
  for (const int number : numbers) {
    // "00" and "+1" are no names of boards.
    if (number >= 0 && fs::exists(roots.nodes / std::to_string(number))) devices.push_back(std::to_string(number));
  }
  return devices;
}

BoardHolders board_holders(const BoardRoots& roots, const std::vector<std::string>& boards) {
  BoardHolders found;
  std::vector<std::string> unlisted;
  for (const std::string& board : boards) {
    const auto pids = pids_by_driver(roots, board);
    if (!pids) {
      unlisted.push_back(board);
      continue;
    }
    for (const int pid : *pids) {
      if (auto process = holder(roots, board, pid)) found.holders.push_back(std::move(*process));
    }
  }
  if (!unlisted.empty()) OpenFiles{roots, found}.look_for(unlisted);
  return found;
}

}  // namespace ndr
