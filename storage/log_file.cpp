#include "storage/log_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "storage/atomic_file.hpp"

namespace ndr {
namespace {

constexpr std::size_t block_size = std::size_t{256} * 1024;
constexpr off_t smallest_hole = off_t{1} << 20;  // smaller ones are read, as zero bytes

struct Format {
  std::size_t at;
  std::string_view magic;
};
// gzip, zip, zstd, xz, bzip2, 7z, tar: what CI hands out when one forgets to unpack it.
constexpr std::array archives{Format{0, "\x1f\x8b"},
                              Format{0, "PK\x03\x04"},
                              Format{0, "\x28\xb5\x2f\xfd"},
                              Format{0,
                                     "\xfd"
                                     "7zXZ"},
                              Format{0, "BZh"},
                              Format{0, "7z\xbc\xaf\x27\x1c"},
                              Format{257, "ustar"}};

// Logs are text: many bytes at their front that no terminal knows mean a dump, a program or a picture.
// Zeros at its end are the front of a hole, whose size is a multiple of the disk's blocks.
bool is_binary(std::string_view head) {
  const auto written = head.find_last_not_of('\0');
  if (written != std::string_view::npos) head = head.substr(0, written + 1);
  const auto strange = std::count_if(head.begin(), head.end(), [](char c) {
    const bool known = (c >= '\a' && c <= '\r') || c == '\x1b';
    return !known && ((c >= '\0' && c < ' ') || c == '\x7f');
  });
  const auto count = static_cast<std::size_t>(strange);
  return count > 8 && count * 20 > head.size();
}

std::optional<Refusal> refusal_of_text(const std::string& name, std::string_view head) {
  const bool archive = std::any_of(archives.begin(), archives.end(), [&](const Format& format) {
    return head.substr(std::min(format.at, head.size())).starts_with(format.magic);
  });
  if (archive) return Refusal{name, "is an archive", "unpack it first"};
  if (head.starts_with("\xff\xfe") || head.starts_with("\xfe\xff"))
    return Refusal{name, "is UTF-16 text", "convert it: iconv -f UTF-16 -t UTF-8"};
  if (is_binary(head)) return Refusal{name, "is no text", "give the log that CI shows"};
  return std::nullopt;
}

bool is_standard_input(const struct stat& file) {
  struct stat input {};
  return ::fstat(STDIN_FILENO, &input) == 0 && input.st_dev == file.st_dev && input.st_ino == file.st_ino;
}

// The size of the hole at the current position, which is left where its data begin again; 0 where there is none, or one
// so small that it is read as zero bytes. A log whose middle was punched out has one.
std::uint64_t skip_hole(int file) {
  const off_t at = ::lseek(file, 0, SEEK_CUR);
  if (at < 0) return 0;  // a pipe
  struct stat status {};
  if (::fstat(file, &status) != 0 || at >= status.st_size) return 0;
  const off_t data = ::lseek(file, at, SEEK_DATA);
  const off_t end = data < 0 ? status.st_size : data;
  const bool is_large = end - at >= smallest_hole;
  if (::lseek(file, is_large ? end : at, SEEK_SET) < 0) return 0;
  return is_large ? static_cast<std::uint64_t>(end - at) : 0;
}

std::optional<Refusal> refusal_of_file(const std::string& name, int file) {
  struct stat status {};
  if (::fstat(file, &status) != 0) throw std::system_error{errno, std::generic_category(), "fstat " + name};
  if (!S_ISREG(status.st_mode)) {
    if (!is_standard_input(status))
      return Refusal{name, "is no regular file", "give a log; of a pipe: ... | ndreprod analyze /dev/stdin"};
    // It was opened so that a pipe without a writer cannot hold us up; this one has one.
    if (::fcntl(file, F_SETFL, 0) != 0) throw std::system_error{errno, std::generic_category(), "fcntl " + name};
    return std::nullopt;
  }
  return std::nullopt;
}

// How far one block may reach from the current position: to the next hole, so that skip_hole() sees each from its
// start.
std::size_t bytes_to_hole(int file) {
  const off_t at = ::lseek(file, 0, SEEK_CUR);
  if (at < 0) return block_size;  // a pipe
  const off_t hole = ::lseek(file, at, SEEK_HOLE);
  if (::lseek(file, at, SEEK_SET) < 0 || hole <= at) return block_size;  // in a small hole, or at the end
  return std::min(block_size, static_cast<std::size_t>(hole - at));
}

// Reads on to the end of `block` or of the file; the bytes read, fewer only at the end.
std::size_t read_block(int file, std::span<char> block) {
  std::size_t size = 0;
  while (size < block.size()) {
    const ssize_t got = ::read(file, block.data() + size, block.size() - size);
    if (got == 0) break;
    if (got > 0)
      size += static_cast<std::size_t>(got);
    else if (errno != EINTR)
      throw std::system_error{errno, std::generic_category(), "read"};
  }
  return size;
}

}  // namespace

Checked<std::uint64_t> read_log_file(const std::string& name, const UniqueFd& file, EvidenceExtractor& extractor) {
  if (auto refused = refusal_of_file(name, file.get())) return *refused;
  std::string block(block_size, '\0');
  extractor.begin_file(name);
  std::uint64_t total = 0;
  for (;;) {
    if (const std::uint64_t hole = skip_hole(file.get())) {
      if (total == 0)
        return Refusal{name, "begins with " + std::to_string(hole >> 20) + " MiB that were never written",
                       "copy the log again"};
      extractor.skip_hole(hole);
    }
    std::size_t size = 0;
    try {
      size = read_block(file.get(), std::span{block}.first(bytes_to_hole(file.get())));
    } catch (const std::system_error& error) {
      return Refusal{name, "cannot be read to its end: " + error.code().message(), "copy the log to a sound disk"};
    }
    if (size == 0) return total;
    const std::string_view bytes = std::string_view{block}.substr(0, size);
    if (total == 0) {
      if (auto refused = refusal_of_text(name, bytes)) return *refused;
    }
    extractor.feed(bytes);
    total += size;
  }
}

Checked<Extraction> read_case_logs(const CaseFolder& folder, const std::vector<std::filesystem::path>& logs) {
  EvidenceExtractor extractor;
  std::uint64_t total = 0;
  for (const std::filesystem::path& log : logs) {
    try {
      const UniqueFd root{::open(folder.root().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
      if (!root) throw std::system_error{errno, std::generic_category(), "open " + folder.root().string()};
      const auto bytes = read_log_file(log.string(), open_beneath(root, log, O_RDONLY | O_NONBLOCK), extractor);
      if (bytes.has_error()) return bytes.error();
      total += *bytes;
    } catch (const std::system_error& error) {
      return Refusal{log.string(), "cannot be read: " + error.code().message(), "let the account that reads it do so"};
    }
  }
  if (total == 0) return Refusal{folder.logs().string(), "holds only empty files", "put CI's log of the failure there"};
  return extractor.finish();
}

}  // namespace ndr
