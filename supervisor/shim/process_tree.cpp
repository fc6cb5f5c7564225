#include "supervisor/shim/process_tree.hpp"

#include <sys/syscall.h>

#include <set>
#include <string>

#include "storage/unique_fd.hpp"
#include "supervisor/shim/proc_text.hpp"

namespace ndr {
namespace {

/// By /proc/PID/task/TID/children: cost by the size of the tree, not of the host.
std::vector<int> children_of(int pid) {
  std::vector<int> children;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task/";
  for (const int thread : numbers_in(tasks)) {
    const std::string text = proc_text(tasks + std::to_string(thread) + "/children").value_or("");
    for (const std::string_view word : words_of(text)) {
      if (const auto child = number_from<int>(word)) children.push_back(*child);
    }
  }
  return children;
}

/// Kernels without CONFIG_PROC_CHILDREN: by everybody's parent.
std::vector<ProcessStat> descendants_by_parent(int pid) {
  const std::vector<ProcessStat> all = all_processes();
  std::set<int> family{pid};
  std::vector<ProcessStat> found;
  for (bool grew = true; grew;) {
    grew = false;
    for (const ProcessStat& process : all) {
      if (!family.contains(process.parent) || !family.insert(process.pid).second) continue;
      found.push_back(process);
      grew = true;
    }
  }
  return found;
}

std::vector<ProcessStat> descendants_by_children(int pid) {
  std::vector<ProcessStat> found;
  std::set<int> seen{pid};
  std::vector<int> open{pid};
  while (!open.empty()) {
    const int parent = open.back();
    open.pop_back();
    for (const int child : children_of(parent)) {
      if (!seen.insert(child).second) continue;
      open.push_back(child);
      if (const auto stat = process_stat(child)) found.push_back(*stat);
    }
  }
  return found;
}

}  // namespace

std::vector<ProcessStat> all_processes() {
  std::vector<ProcessStat> all;
  for (const int pid : numbers_in("/proc")) {
    if (const auto stat = process_stat(pid)) all.push_back(*stat);
  }
  return all;
}

std::vector<ProcessStat> live_descendants(int pid) {
  const std::string self = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
  const bool listed = ::access(self.c_str(), R_OK) == 0;
  std::vector<ProcessStat> found = listed ? descendants_by_children(pid) : descendants_by_parent(pid);
  std::erase_if(found, is_dead);
  return found;
}

bool signal_process(const ProcessStat& process, int signal) {
  const UniqueFd pidfd{static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0))};
  if (!pidfd) return false;
  // Asked again with the handle in hand: the pid may have got a new owner before the opening, not after.
  const auto now = process_stat(process.pid);
  if (!now || now->start_time != process.start_time) return false;
  return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0) == 0;
}

}  // namespace ndr
