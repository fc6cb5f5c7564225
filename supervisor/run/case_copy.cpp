#include "supervisor/run/case_copy.hpp"

#include <algorithm>
#include <system_error>

#include "storage/atomic_file.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t most_copied_bytes = 20u << 20;
constexpr std::size_t most_copied_files = 10000;
constexpr std::uint64_t longest_source = 1u << 20;

/// $1: the case, $2: where the copy goes.
constexpr const char* copy_and_run = R"(shopt -s dotglob
cd -- "$1" && mkdir -p -- "$2" || exit 4
for one in *; do
  [ "$one" = logs ] || [ "$one" = .ndrepro ] || cp -a -- "$one" "$2/" || exit 4
done
cd -- "$2" || exit 4
echo "ndrepro: in a copy of the case: $2"
exec ./run_test.sh
)";

bool goes_on(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/// The line that names the folder, from 1; 0: none does.
std::size_t line_that_names(const std::string& folder, const std::string& text) {
  for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at + 1)) {
    const std::size_t end = at + folder.size();
    if (end < text.size() && goes_on(text[end])) continue;
    return 1 + static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  }
  return 0;
}

class CaseWalk {
public:
  explicit CaseWalk(const CaseFolder& folder) : folder_(folder), root_(folder.root().string()) {}

  std::optional<std::string> why_not() {
    for (fs::recursive_directory_iterator entry{folder_.root()}; entry != fs::recursive_directory_iterator{}; ++entry) {
      if (entry->path() == folder_.logs() || entry->path() == folder_.private_folder())
        entry.disable_recursion_pending();
      else if (auto why = why_not_with(*entry))
        return why;
    }
    return std::nullopt;
  }

private:
  std::optional<std::string> why_not_with(const fs::directory_entry& entry) {
    const fs::path relative = entry.path().lexically_relative(folder_.root());
    if (++files_ > most_copied_files) return too_much();
    if (entry.is_symlink()) {
      if (line_that_names(root_, fs::read_symlink(entry.path()).string()) == 0) return std::nullopt;
      return relative.string() + " is a link by the path of the case, " + root_;
    }
    if (!entry.is_regular_file()) return std::nullopt;
    bytes_ += entry.file_size();
    if (bytes_ > most_copied_bytes) return too_much();
    const bool is_run = relative == "run_test.sh" || *relative.begin() == "tests";
    if (!is_run || entry.file_size() > longest_source) return std::nullopt;
    const std::size_t line = line_that_names(root_, read_file(entry.path(), longest_source));
    if (line == 0) return std::nullopt;
    return relative.string() + ":" + std::to_string(line) + " names the folder of the case, " + root_;
  }

  static std::string too_much() {
    return "the case is too much to copy, above " + std::to_string(most_copied_bytes >> 20) + " MiB or " +
           std::to_string(most_copied_files) + " files";
  }

  const CaseFolder& folder_;
  std::string root_;
  std::uint64_t bytes_ = 0;
  std::size_t files_ = 0;
};

}  // namespace

std::optional<std::string> why_in_place(const CaseFolder& folder) {
  try {
    return CaseWalk{folder}.why_not();
  } catch (const std::system_error& broken) {
    return std::string{"the case cannot be read: "} + broken.what();
  }
}

std::vector<std::string> command_in_copy(const CaseFolder& folder, const fs::path& copy) {
  return {"/bin/bash", "-c", copy_and_run, "run_test.sh", folder.root().string(), copy.string()};
}

}  // namespace ndr
