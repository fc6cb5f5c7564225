#include "storage/git_revision.hpp"

#include <sstream>
#include <system_error>

#include "storage/atomic_file.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_git_file = 8u << 20;  // of packed references
constexpr int most_links = 5;                         // of one symbolic reference to another

std::string text_of_file(const fs::path& file) {
  try {
    return read_file(file, largest_git_file);
  } catch (const std::system_error&) {
    return {};
  }
}

std::string first_line(const std::string& text) { return text.substr(0, text.find_first_of("\r\n")); }

bool is_revision(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// The folder of git's files: `.git`, or what the file `.git` of a linked worktree names.
fs::path git_folder(const fs::path& root) {
  const fs::path dot_git = root / ".git";
  std::error_code none;
  if (fs::is_directory(dot_git, none)) return dot_git;
  constexpr std::string_view head = "gitdir: ";
  const std::string line = first_line(text_of_file(dot_git));
  return line.starts_with(head) ? (root / line.substr(head.size())).lexically_normal() : fs::path{};
}

std::string packed(const fs::path& folder, const std::string& reference) {
  std::istringstream lines{text_of_file(folder / "packed-refs")};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos && line.substr(blank + 1) == reference) return line.substr(0, blank);
  }
  return {};
}

std::string revision_in(const fs::path& folder) {
  const std::string common = first_line(text_of_file(folder / "commondir"));  // of a linked worktree
  const fs::path shared = common.empty() ? folder : (folder / common).lexically_normal();
  constexpr std::string_view symbolic = "ref: ";
  std::string text = first_line(text_of_file(folder / "HEAD"));
  for (int link = 0; link < most_links && text.starts_with(symbolic); ++link) {
    const std::string reference = text.substr(symbolic.size());
    if (reference.find("..") != std::string::npos) return {};
    text = first_line(text_of_file(folder / reference));
    if (text.empty()) text = first_line(text_of_file(shared / reference));
    if (text.empty()) text = packed(shared, reference);
  }
  return is_revision(text) ? text : std::string{};
}

}  // namespace

std::string git_revision(const fs::path& path) {
  for (fs::path root = path; !root.empty(); root = root.parent_path()) {
    const fs::path folder = git_folder(root);
    if (!folder.empty()) return revision_in(folder);
    if (root == root.root_path()) break;
  }
  return {};
}

}  // namespace ndr
