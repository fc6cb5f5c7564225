#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/unique_fd.hpp"

namespace ndr {

/// Our place in the tree of cgroup v2 as a folder, from the texts of /proc/self/mountinfo (proc(5)) and
/// /proc/self/cgroup (cgroups(7)); nothing without cgroup v2, or where our cgroup is not below what is mounted.
std::optional<std::filesystem::path> cgroup_folder_from(std::string_view mountinfo, std::string_view own);

/// A cgroup (version 2, no controllers) that holds the processes of one run, whatever they do with sessions and
/// parents: so that one write kills all of them, new ones included. Needs only the right to make a folder in our own
/// cgroup. It stays until remove(), also after us.
class OwnCgroup {
public:
  /// A new one below ours; nothing where the host does not let us or cannot kill by cgroup (before Linux 5.14).
  static std::optional<OwnCgroup> make(const std::string& case_name, int number);
  /// One that a shim of the past recorded; nothing when it is gone or cannot be one that make() made for `shim_pid`.
  static std::optional<OwnCgroup> open(const std::filesystem::path& path, int shim_pid);

  const std::filesystem::path& path() const { return path_; }
  int folder() const { return folder_.get(); }  // for clone3(CLONE_INTO_CGROUP)
  int events() const { return events_.get(); }  // POLLPRI when populated() may have changed
  bool populated() const;
  std::vector<int> pids() const;  // of processes directly in it, those below not
  void kill() const;              // SIGKILL to all in it and below
  std::uint64_t oom_kills() const;
  void remove() const;  // with what the run made below it; a populated one stays

private:
  OwnCgroup(std::filesystem::path path, UniqueFd folder, UniqueFd events)
      : path_(std::move(path)), folder_(std::move(folder)), events_(std::move(events)) {}
  static std::optional<OwnCgroup> opened(const std::filesystem::path& path);

  std::filesystem::path path_;
  UniqueFd folder_;
  UniqueFd events_;
};

}  // namespace ndr
