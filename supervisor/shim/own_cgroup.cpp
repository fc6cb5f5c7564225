#include "supervisor/shim/own_cgroup.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <charconv>
#include <system_error>

#include "storage/process_identity.hpp"
#include "supervisor/shim/proc_text.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

/// mountinfo writes blanks in names as \040 and the like.
std::string unescape_octal(std::string_view text) {
  const auto is_octal = [](char digit) { return digit >= '0' && digit <= '7'; };
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool escaped = text[at] == '\\' && at + 3 < text.size() && is_octal(text[at + 1]) && is_octal(text[at + 2]) &&
                         is_octal(text[at + 3]);
    if (!escaped) {
      plain += text[at];
      continue;
    }
    plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 + (text[at + 3] - '0'));
    at += 3;
  }
  return plain;
}

struct CgroupMount {
  std::string root;  // the part of the tree that is mounted
  std::string point;
};

std::optional<CgroupMount> cgroup_mount_from(std::string_view mountinfo) {
  while (!mountinfo.empty()) {
    const std::string_view line = take_line(mountinfo);
    const std::size_t separator = line.find(" - ");
    if (separator == std::string_view::npos) continue;
    if (!line.substr(separator + 3).starts_with("cgroup2 ")) continue;
    const std::vector<std::string_view> words = words_of(line.substr(0, separator));
    if (words.size() >= 6) return CgroupMount{unescape_octal(words[3]), unescape_octal(words[4])};
  }
  return std::nullopt;
}

std::optional<std::string> own_path_from(std::string_view own) {
  while (!own.empty()) {
    const std::string_view line = take_line(own);
    if (line.starts_with("0::/")) return std::string(line.substr(3));
  }
  return std::nullopt;
}

std::string safe_name(const std::string& case_name) {
  std::string safe;
  for (const char byte : case_name.substr(0, 64)) {
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
                       byte == '-' || byte == '_' || byte == '.';
    safe += plain ? byte : '_';
  }
  return safe;
}

std::uint64_t value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::vector<std::string_view> words = words_of(take_line(text));
    if (words.size() == 2 && words[0] == key) return number_from<std::uint64_t>(words[1]).value_or(0);
  }
  return 0;
}

void remove_tree(const fs::path& path) {
  std::error_code unreadable;
  for (fs::directory_iterator entry{path, unreadable}; !unreadable && entry != fs::directory_iterator{};
       entry.increment(unreadable)) {
    std::error_code gone;
    if (fs::is_directory(entry->symlink_status(gone))) remove_tree(entry->path());
  }
  ::rmdir(path.c_str());
}

}  // namespace

std::optional<fs::path> cgroup_folder_from(std::string_view mountinfo, std::string_view own) {
  const std::optional<CgroupMount> mount = cgroup_mount_from(mountinfo);
  std::optional<std::string> path = own_path_from(own);
  if (!mount || !path || path->starts_with("/..")) return std::nullopt;
  if (mount->root != "/") {
    if (!path->starts_with(mount->root)) return std::nullopt;
    path->erase(0, mount->root.size());
    if (!path->empty() && path->front() != '/') return std::nullopt;
  }
  return fs::path(mount->point + *path).lexically_normal();
}

std::optional<OwnCgroup> OwnCgroup::opened(const fs::path& path) {
  UniqueFd folder{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) return std::nullopt;
  UniqueFd events{::openat(folder.get(), "cgroup.events", O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
  const bool can_kill = ::faccessat(folder.get(), "cgroup.kill", W_OK, AT_EACCESS) == 0;
  if (!events || !can_kill) return std::nullopt;
  return OwnCgroup{path, std::move(folder), std::move(events)};
}

std::optional<OwnCgroup> OwnCgroup::make(const std::string& case_name, int number) {
  const auto mountinfo = proc_text("/proc/self/mountinfo");
  const auto own = proc_text("/proc/self/cgroup");
  if (!mountinfo || !own) return std::nullopt;
  const std::optional<fs::path> parent = cgroup_folder_from(*mountinfo, *own);
  if (!parent) return std::nullopt;
  const std::string name =
      "ndrepro-" + safe_name(case_name) + "-" + std::to_string(number) + "-" + std::to_string(::getpid());
  const fs::path path = *parent / name;
  if (::mkdir(path.c_str(), 0755) != 0) return std::nullopt;
  std::optional<OwnCgroup> made = opened(path);
  if (!made) ::rmdir(path.c_str());
  return made;
}

std::optional<OwnCgroup> OwnCgroup::open(const fs::path& path, int shim_pid) {
  const auto mountinfo = proc_text("/proc/self/mountinfo");
  const std::optional<CgroupMount> mount = mountinfo ? cgroup_mount_from(*mountinfo) : std::nullopt;
  const std::string name = path.filename().string();
  const bool ours = name.starts_with("ndrepro-") && name.ends_with("-" + std::to_string(shim_pid));
  if (!mount || !ours || path.lexically_normal() != path) return std::nullopt;
  if (!path.string().starts_with(mount->point + "/")) return std::nullopt;
  return opened(path);
}

bool OwnCgroup::populated() const {
  std::array<char, 256> text;
  const ssize_t got = ::pread(events_.get(), text.data(), text.size(), 0);
  return got > 0 && value_of({text.data(), static_cast<std::size_t>(got)}, "populated") == 1;
}

std::vector<int> OwnCgroup::pids() const {
  std::vector<int> pids;
  const std::string text = proc_text((path_ / "cgroup.procs").string()).value_or("");
  for (std::string_view rest = text; !rest.empty();) {
    if (const auto pid = number_from<int>(take_line(rest)); pid && *pid > 0) pids.push_back(*pid);
  }
  return pids;
}

void OwnCgroup::kill() const {
  const UniqueFd file{::openat(folder_.get(), "cgroup.kill", O_WRONLY | O_NOFOLLOW | O_CLOEXEC)};
  // Where this fails, the sweep over descendants that always follows does it.
  if (file && ::write(file.get(), "1", 1) != 1) return;
}

std::uint64_t OwnCgroup::oom_kills() const {
  return value_of(proc_text((path_ / "memory.events").string()).value_or(""), "oom_kill");
}

void OwnCgroup::remove() const { remove_tree(path_); }

}  // namespace ndr
