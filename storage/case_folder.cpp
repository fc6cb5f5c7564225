#include "storage/case_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/file_system.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

std::optional<int> positive_number(std::string_view digits) {
  int number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || number < 1 || digits.front() == '0') return std::nullopt;
  return number;
}

/// `path` below `root`, component by component; nothing when it is the root itself or elsewhere.
std::optional<fs::path> below(const fs::path& path, const fs::path& root) {
  const fs::path relative = path.lexically_relative(root);
  if (relative.empty() || relative == "." || *relative.begin() == "..") return std::nullopt;
  return relative;
}

/// The folder itself, opened from the root down; every component by itself, so that the refusal names the
/// symlink.
Checked<UniqueFd> open_folder(const fs::path& root, const fs::path& relative) {
  UniqueFd folder{::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!folder) return Refusal{root.string(), "is configured as a case root but is no folder", "create it"};
  fs::path reached = root;
  for (const fs::path& component : relative) {
    reached /= component;
    struct stat status {};
    if (::fstatat(folder.get(), component.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      const bool missing = errno == ENOENT;
      return Refusal{reached.string(), missing ? "does not exist" : "cannot be read by this account",
                     missing ? "make it with: ndreproctl case new" : "give the account read and search permission"};
    }
    if (S_ISLNK(status.st_mode)) {
      return Refusal{reached.string(), "is a symbolic link", "use the folder that it points to, below a case root"};
    }
    if (!S_ISDIR(status.st_mode)) return Refusal{reached.string(), "is not a folder", ""};
    UniqueFd next{::openat(folder.get(), component.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC)};
    if (!next) return Refusal{reached.string(), "cannot be opened", "give the account search permission"};
    folder = std::move(next);
  }
  return folder;
}

Checked<CaseFolder> accept(const fs::path& path, const fs::path& root, const fs::path& relative, bool allow_network) {
  const Checked<UniqueFd> folder = open_folder(root, relative);
  if (folder.has_error()) return folder.error();
  const std::optional<std::string_view> network = network_file_system(folder.value());
  if (network && !allow_network) {
    return Refusal{path.string(), "is on a network file system (" + std::string(*network) + ")",
                   "move the case to a local disk, or allow network file systems in the configuration"};
  }
  return CaseFolder{path};
}

std::string roots_text(const std::vector<fs::path>& roots) {
  std::string text;
  for (const fs::path& root : roots)
    text += (text.empty() ? "" : ", ") + root.string();
  return text;
}

Refusal no_logs(const CaseFolder& folder, std::string reason) {
  return {folder.logs().string(), std::move(reason), "copy the CI logs of the failure there"};
}

}  // namespace

bool is_case_name(std::string_view name) {
  constexpr std::string_view first = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view others = "abcdefghijklmnopqrstuvwxyz0123456789._-";
  return !name.empty() && name.size() <= 64 && first.find(name.front()) != std::string_view::npos &&
         name.find_first_not_of(others) == std::string_view::npos;
}

std::optional<int> run_log_number(std::string_view file_name) {
  constexpr std::string_view prefix = "run_";
  constexpr std::string_view suffix = ".log";
  if (file_name.size() <= prefix.size() + suffix.size()) return std::nullopt;
  if (!file_name.starts_with(prefix) || !file_name.ends_with(suffix)) return std::nullopt;
  return positive_number(file_name.substr(prefix.size(), file_name.size() - prefix.size() - suffix.size()));
}

Checked<std::vector<fs::path>> ci_logs(const CaseFolder& folder) {
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(folder.logs(), error))) return no_logs(folder, "is missing or no folder");
  std::vector<fs::path> logs;
  bool own = false;
  for (fs::directory_iterator entry{folder.logs(), error}; !error && entry != fs::directory_iterator{};
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (run_log_number(name)) own = true;
    std::error_code unseen;  // a file that vanished meanwhile
    const bool wanted =
        !run_log_number(name) && !name.starts_with('.') && fs::is_regular_file(entry->symlink_status(unseen));
    if (wanted) logs.push_back(fs::path("logs") / name);
  }
  if (error) return Refusal{folder.logs().string(), error.message(), "give the account read permission"};
  if (logs.empty()) return no_logs(folder, own ? "holds only run_N.log, the logs of our own attempts" : "is empty");
  std::sort(logs.begin(), logs.end());
  return logs;
}

int last_attempt_number(const CaseFolder& folder) {
  int last = 0;
  const auto look = [&last](const fs::path& where, auto number_of) {
    std::error_code error;
    for (fs::directory_iterator entry{where, error}; !error && entry != fs::directory_iterator{};
         entry.increment(error)) {
      last = std::max(last, number_of(entry->path().filename().string()).value_or(0));
    }
    if (error && error != std::errc::no_such_file_or_directory) {
      throw std::system_error{error, "list " + where.string()};
    }
  };
  look(folder.logs(), [](const std::string& name) { return run_log_number(name); });
  look(folder.attempts(), [](const std::string& name) { return positive_number(name); });
  return last;
}

Checked<CaseFolder> find_case_folder(const fs::path& path, const std::vector<fs::path>& roots, bool allow_network) {
  if (!path.is_absolute()) return Refusal{path.string(), "is not an absolute path", "give the path from / on"};
  if (std::find(path.begin(), path.end(), "..") != path.end()) {
    return Refusal{path.string(), "must not contain ..", "give the path without it"};
  }
  fs::path clean = path.lexically_normal();
  if (!clean.has_filename()) clean = clean.parent_path();
  for (const fs::path& root : roots) {
    std::error_code unresolved;  // a root that is not there: told by open_folder
    fs::path resolved = fs::canonical(root, unresolved);
    if (unresolved) resolved = root;
    std::optional<fs::path> relative = below(clean, root.lexically_normal());
    if (!relative) relative = below(clean, resolved);
    if (!relative) continue;
    if (!is_case_name(clean.filename().string())) {
      return Refusal{clean.string(), "has a name that no case may have",
                     "name it with a-z, 0-9, '.', '_' and '-', beginning with a letter or digit, at most 64"};
    }
    return accept(resolved / *relative, resolved, *relative, allow_network);
  }
  return Refusal{clean.string(), "is not below a case root",
                 "move it below one of: " + roots_text(roots) + "; or add a case root to the configuration"};
}

}  // namespace ndr
