#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/shim/standard_fds.hpp"
#include "supervisor/shim/tasks.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::uint64_t largest_file = 16u << 20;

struct WriteRequest {
  fs::path root;
  bool only_probe = false;
  fs::path path;
  int mode = 0644;
  std::string content;
  std::optional<std::string> expected_hash;  // of what is there now; empty: nothing must be there
};

/// A path of a file below the root, as we would spell it ourselves.
std::optional<std::string> reason_against(const fs::path& path) {
  if (path.empty() || path.is_absolute() || !path.has_filename()) return "must be a relative path of a file";
  for (const fs::path& part : path) {
    if (part == "." || part == "..") return "must not contain . or ..";
  }
  if (path.lexically_normal().string() != path.string()) return "must not contain empty parts";
  if (*path.begin() == "logs") return "must not be in logs/, which is evidence";
  return std::nullopt;
}

Checked<WriteRequest> write_request_from(const std::string& text) {
  const Checked<nlohmann::json> parsed = parse_json(text);
  if (parsed.has_error()) return parsed.error();
  WriteRequest request;
  std::string root;
  std::string path;
  JsonFields fields{parsed.value()};
  fields.text("root", root, 4095);
  if (!root.starts_with('/')) fields.refuse("root", "must be an absolute path");
  if (fields.has("probe")) fields.flag("probe", request.only_probe);
  if (!request.only_probe) {
    fields.text("path", path, 4095);
    if (const auto reason = reason_against(path)) fields.refuse("path", *reason);
    if (fields.has("mode")) fields.integer("mode", request.mode, 0, 0777);
    fields.text("content", request.content, largest_file);
    if (fields.has("expected_hash")) fields.text("expected_hash", request.expected_hash.emplace(), 16);
  }
  if (const auto refusal = fields.refusal()) return *refusal;
  request.root = root;
  request.path = path;
  return request;
}

UniqueFd open_root(const fs::path& root) {
  UniqueFd folder{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!folder) throw std::system_error{errno, std::generic_category(), "open " + root.string()};
  return folder;
}

/// What is there now: nothing, or a regular file's hash. A symlink, folder or FIFO is refused.
Checked<std::string> present_hash(const UniqueFd& folder, const fs::path& path) {
  const std::string name = path.filename().string();
  struct stat status {};
  if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {boost::system::in_place_value};
    throw std::system_error{errno, std::generic_category(), "look at " + path.string()};
  }
  if (!S_ISREG(status.st_mode)) return Refusal{path.string(), "is there and is no regular file", "remove it"};
  const std::string there = read_file("/proc/self/fd/" + std::to_string(folder.get()) + "/" + name, largest_file);
  return {boost::system::in_place_value, content_hash(there)};
}

Checked<void> write_file(const WriteRequest& request) {
  const UniqueFd root = open_root(request.root);
  const UniqueFd folder = make_folder_beneath(root, request.path.parent_path());
  const Checked<std::string> present = present_hash(folder, request.path);
  if (present.has_error()) return present.error();
  if (request.expected_hash && *request.expected_hash != present.value()) {
    return Refusal{request.path.string(), "is not as expected: somebody changed it", "read it again"};
  }
  write_file_atomically(folder, request.path.filename().string(), request.content, static_cast<unsigned>(request.mode));
  return {};
}

void prove_writable(const fs::path& root) {
  const UniqueFd folder = open_root(root);
  const std::string name = ".ndrepro-probe." + std::to_string(::getpid());
  UniqueFd file{::openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file) throw std::system_error{errno, std::generic_category(), "write into " + root.string()};
  if (::unlinkat(folder.get(), name.c_str(), 0) != 0) {
    throw std::system_error{errno, std::generic_category(), "remove a file from " + root.string()};
  }
}

ordered_json answer_of(const WriteRequest& request) {
  ordered_json answer;
  try {
    Checked<void> written;
    if (request.only_probe)
      prove_writable(request.root);
    else
      written = write_file(request);
    answer["ok"] = written.has_value();
    if (written.has_error()) answer["error"] = to_utf8(to_text(written.error()));
  } catch (const std::system_error& failed) {
    answer["ok"] = false;
    answer["error"] = to_utf8(failed.what());
  }
  if (request.only_probe) answer["uid"] = ::geteuid();
  return answer;
}

}  // namespace

int write_case_file() {
  const Checked<std::string> input = standard_input();
  const Checked<WriteRequest> request =
      input.has_error() ? Checked<WriteRequest>{input.error()} : write_request_from(input.value());
  if (request.has_error()) {
    complain(request.error());
    return 2;
  }
  write_output(dump_json_line(answer_of(request.value())));
  return 0;
}

}  // namespace ndr
