#include "storage/attempt_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {
namespace {

constexpr std::array<std::string_view, 5> cause_names{"exited", "stopped", "deadline", "log_limit", "spawn_failed"};
constexpr std::int64_t longest_wait_ms = 24ll * 3600 * 1000;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

/// After "NAME ", without its newline; nothing for another line or an unfinished one.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
  if (!line.starts_with(name) || !line.ends_with('\n')) return std::nullopt;
  return line.substr(name.size(), line.size() - name.size() - 1);
}

std::optional<std::int64_t> milliseconds_from(std::string_view word) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  if (value < 0 || value > longest_wait_ms) return std::nullopt;
  return value;
}

}  // namespace

std::string_view to_text(EndCause cause) { return cause_names[static_cast<std::size_t>(cause)]; }

std::optional<EndCause> end_cause_from(std::string_view text) {
  for (std::size_t index = 0; index < cause_names.size(); ++index) {
    if (cause_names[index] == text) return static_cast<EndCause>(index);
  }
  return std::nullopt;
}

ShimState shim_state(const AttemptFolder& folder) {
  const UniqueFd lock{::open(folder.lock().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  // A shared lock, so that two readers at once do not take each other for a shim.
  const bool held = lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  if (held) return ShimState::running;
  struct stat status {};
  if (::lstat(folder.exit().c_str(), &status) == 0) return ShimState::ended;
  return lock ? ShimState::lost : ShimState::absent;
}

std::string to_text(const ShimRecord& record) {
  std::string text = to_text(record.shim);
  text += "cgroup " + record.cgroup.string() + "\n";
  if (record.run) text += "run " + to_text(*record.run);
  return text;
}

std::optional<ShimRecord> shim_record_from(std::string_view text) {
  const std::optional<ProcessIdentity> shim = process_identity_from(take_line(text));
  if (!shim) return std::nullopt;
  ShimRecord record{*shim, {}, {}};
  if (const auto cgroup = value_of(take_line(text), "cgroup ")) record.cgroup = *cgroup;
  std::string_view line = take_line(text);
  if (line.starts_with("run ")) record.run = process_identity_from(line.substr(4));
  return record;
}

std::optional<ShimRecord> shim_record(const AttemptFolder& folder) {
  try {
    return shim_record_from(read_file(folder.lock(), 16384));
  } catch (const std::system_error&) {
    return std::nullopt;  // absent, unreadable, or replaced by the run: all say the same to the reader
  }
}

std::optional<ProcessIdentity> shim_identity(const AttemptFolder& folder) {
  const std::optional<ShimRecord> record = shim_record(folder);
  if (!record) return std::nullopt;
  return record->shim;
}

std::string stop_request(const StopLadder& ladder) {
  return "stop " + std::to_string(ladder.interrupt_ms) + " " + std::to_string(ladder.terminate_ms) + "\n";
}

std::optional<StopLadder> stop_request_from(std::string_view line) {
  const auto words = value_of(line, "stop ");
  if (!words) return std::nullopt;
  const std::size_t space = words->find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto interrupt_ms = milliseconds_from(words->substr(0, space));
  const auto terminate_ms = milliseconds_from(words->substr(space + 1));
  if (!interrupt_ms || !terminate_ms) return std::nullopt;
  return StopLadder{*interrupt_ms, *terminate_ms};
}

}  // namespace ndr
