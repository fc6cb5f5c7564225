#include "storage/process_identity.hpp"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <vector>

#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const std::size_t end = text.find(' ');
    if (end != 0) words.push_back(text.substr(0, end));
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return words;
}

/// Files of /proc come whole in one read when the buffer is large enough.
std::optional<std::string> read_proc(const std::string& file) {
  const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!fd) return std::nullopt;
  std::array<char, 4096> text;
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  if (got <= 0) return std::nullopt;
  return std::string(text.data(), static_cast<std::size_t>(got));
}

bool is_boot_id(std::string_view text) {
  return text.size() == 36 && text.find_first_not_of("0123456789abcdef-") == std::string_view::npos;
}

}  // namespace

std::string kernel_boot_id() {
  const std::optional<std::string> text = read_proc("/proc/sys/kernel/random/boot_id");
  if (!text || !is_boot_id(std::string_view{*text}.substr(0, 36))) {
    throw std::system_error{errno, std::generic_category(), "read /proc/sys/kernel/random/boot_id"};
  }
  return text->substr(0, 36);
}

std::optional<ProcessStat> process_stat_from(std::string_view text) {
  const std::size_t open = text.find(" (");
  const std::size_t close = text.rfind(") ");
  if (open == std::string_view::npos || close == std::string_view::npos || close < open + 2) return std::nullopt;
  while (!text.empty() && text.back() == '\n')
    text.remove_suffix(1);
  const std::vector<std::string_view> rest = words_of(text.substr(close + 2));  // from field 3, the state
  if (rest.size() < 20 || rest[0].size() != 1) return std::nullopt;
  const auto pid = number_from<int>(text.substr(0, open));
  const auto parent = number_from<int>(rest[1]);
  const auto group = number_from<int>(rest[2]);
  const auto session = number_from<int>(rest[3]);
  const auto start_time = number_from<std::uint64_t>(rest[19]);
  if (!pid || !parent || !group || !session || !start_time) return std::nullopt;
  const std::string_view name = text.substr(open + 2, close - open - 2);
  return ProcessStat{*pid, std::string(name), rest[0][0], *parent, *group, *session, *start_time};
}

std::optional<ProcessStat> process_stat(int pid, const std::string& proc) {
  const std::optional<std::string> text = read_proc(proc + "/" + std::to_string(pid) + "/stat");
  return text ? process_stat_from(*text) : std::nullopt;
}

std::optional<ProcessIdentity> process_identity(int pid) {
  const std::optional<ProcessStat> stat = process_stat(pid);
  if (!stat || is_dead(*stat)) return std::nullopt;
  return ProcessIdentity{kernel_boot_id(), pid, stat->start_time};
}

std::string to_text(const ProcessIdentity& identity) {
  return identity.boot_id + " " + std::to_string(identity.pid) + " " + std::to_string(identity.start_time) + "\n";
}

std::optional<ProcessIdentity> process_identity_from(std::string_view text) {
  if (text.empty() || text.back() != '\n') return std::nullopt;
  text.remove_suffix(1);
  const std::vector<std::string_view> words = words_of(text);
  if (words.size() != 3 || !is_boot_id(words[0])) return std::nullopt;
  const auto pid = number_from<int>(words[1]);
  const auto start_time = number_from<std::uint64_t>(words[2]);
  if (!pid || *pid < 1 || !start_time) return std::nullopt;
  return ProcessIdentity{std::string(words[0]), *pid, *start_time};
}

}  // namespace ndr
