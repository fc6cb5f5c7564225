#include "supervisor/shim/survivors.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>

#include "supervisor/shim/proc_text.hpp"
#include "supervisor/shim/process_tree.hpp"

namespace ndr {
namespace {

/// Octal flags of open(2) from /proc/PID/fdinfo/FD.
int flags_of(const std::string& fdinfo) {
  for (std::string_view rest = fdinfo; !rest.empty();) {
    const std::string_view line = take_line(rest);
    if (!line.starts_with("flags:")) continue;
    const std::string_view digits = line.substr(line.find_first_not_of("flags: \t"));
    int flags = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), flags, 8);
    return flags;
  }
  return 0;
}

class Family {
public:
  Family(const ShimRecord& record, const std::vector<ProcessStat>& all) : record_(record), all_(all) {}

  bool has(const ProcessStat& process) const { return pids_.contains(process.pid); }
  void add(const ProcessStat& process) {
    pids_.insert(process.pid);
    // While a member lives, the numbers of its group and session cannot be given to others.
    if (record_.shim.pid > 0 && process.session == record_.shim.pid) session_is_ours_ = true;
    if (record_.run && process.group == record_.run->pid) group_is_ours_ = true;
  }
  void close_over_relations() {
    for (bool grew = true; grew;) {
      grew = false;
      for (const ProcessStat& process : all_) {
        if (has(process) || !is_related(process)) continue;
        add(process);
        grew = true;
      }
    }
  }

private:
  bool is_related(const ProcessStat& process) const {
    if (session_is_ours_ && process.session == record_.shim.pid) return true;
    if (group_is_ours_ && process.group == record_.run->pid) return true;
    return pids_.contains(process.parent);
  }

  const ShimRecord& record_;
  const std::vector<ProcessStat>& all_;
  std::set<int> pids_;
  bool session_is_ours_ = false;
  bool group_is_ours_ = false;
};

}  // namespace

std::vector<ProcessStat> survivors_of(const ShimRecord& record, const std::vector<ProcessStat>& all,
                                      const std::function<bool(int pid)>& appends) {
  Family family{record, all};
  for (const ProcessStat& process : all) {
    if (is_dead(process) || process.start_time < record.shim.start_time) continue;
    const bool is_leader = record.run && process.pid == record.run->pid && process.start_time == record.run->start_time;
    if (is_leader || appends(process.pid)) family.add(process);
  }
  family.close_over_relations();
  std::vector<ProcessStat> survivors;
  for (const ProcessStat& process : all) {
    if (family.has(process) && !is_dead(process)) survivors.push_back(process);
  }
  return survivors;
}

std::optional<FileId> file_id(const std::filesystem::path& file) {
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  return FileId{status.st_dev, status.st_ino};
}

bool is_log_writer(int pid, const FileId& log) {
  const std::filesystem::path folder = std::filesystem::path{"/proc"} / std::to_string(pid);
  for (const int fd : numbers_in(folder / "fd")) {
    struct stat status {};
    const std::string name = std::to_string(fd);
    if (::stat((folder / "fd" / name).c_str(), &status) != 0) continue;
    if (FileId{status.st_dev, status.st_ino} != log) continue;
    const int flags = flags_of(proc_text(folder / "fdinfo" / name).value_or(""));
    if ((flags & O_ACCMODE) != O_RDONLY && (flags & O_APPEND) != 0) return true;
  }
  return false;
}

}  // namespace ndr
