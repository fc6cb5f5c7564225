#include "storage/checkout.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 200000;
constexpr int deepest_folder = 40;
constexpr off_t largest_file = off_t{1} << 20;

bool is_of_interest(const fs::path& name) {
  constexpr std::array<std::string_view, 13> endings{".yaml", ".yml", ".sh", ".bash", ".py",  ".cpp", ".cc",
                                                     ".cxx",  ".hpp", ".hh", ".h",    ".ini", ".toml"};
  return std::find(endings.begin(), endings.end(), name.extension().string()) != endings.end();
}

bool is_left_out(const std::string& folder) {
  constexpr std::array<std::string_view, 7> names{"build",       "node_modules", "python_env", "venv",
                                                  "__pycache__", "generated",    "built"};
  return (folder.starts_with('.') && folder != ".github") || folder.starts_with("build_") ||
         std::find(names.begin(), names.end(), folder) != names.end();
}

void collect(const fs::path& folder, const std::string& prefix, int depth, std::vector<std::string>& paths) {
  std::error_code error;
  if (depth > deepest_folder) return;
  for (fs::directory_iterator entry{folder, fs::directory_options::skip_permission_denied, error}, end;
       !error && entry != end && paths.size() < most_files; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const fs::file_status status = entry->symlink_status(error);
    if (error) return;
    if (fs::is_directory(status) && !is_left_out(name)) collect(entry->path(), prefix + name + "/", depth + 1, paths);
    if (fs::is_regular_file(status) && is_of_interest(name)) paths.push_back(prefix + name);
  }
}

std::optional<std::string> read_text(const UniqueFd& root, const std::string& path) {
  try {
    const UniqueFd file = open_beneath(root, path, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size > largest_file)
      return std::nullopt;
    std::string text(static_cast<std::size_t>(status.st_size), '\0');
    std::size_t at = 0;
    while (at < text.size()) {
      const ssize_t got = ::pread(file.get(), text.data() + at, text.size() - at, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      at += static_cast<std::size_t>(got);
    }
    text.resize(at);
    return text;
  } catch (const std::system_error&) {
    return std::nullopt;
  }
}

}  // namespace

Checked<SourceTree> open_checkout(const fs::path& root) {
  auto folder = std::make_shared<UniqueFd>(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!*folder)
    return Refusal{root.string(), "is no folder that can be read: " + std::generic_category().message(errno),
                   "give the path of the checkout"};
  SourceTree tree;
  collect(root, "", 0, tree.paths);
  std::sort(tree.paths.begin(), tree.paths.end());
  tree.text = [folder](const std::string& path) { return read_text(*folder, path); };
  return tree;
}

}  // namespace ndr
