// What launchers and checkouts put around a line or a path: time stamps, process marks, source roots.
#include <algorithm>
#include <array>
#include <cstdlib>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::string_view stamp_shape = "dddd-dd-ddTdd:dd:dd.";  // then 1..9 digits and Z

std::size_t stamp_length(std::string_view line) {
  if (line.size() < stamp_shape.size() + 2 || line[4] != '-') return 0;
  for (std::size_t i = 0; i < stamp_shape.size(); ++i) {
    if (stamp_shape[i] == 'd' ? !is_digit(line[i]) : line[i] != stamp_shape[i]) return 0;
  }
  std::size_t end = stamp_shape.size();
  while (end < line.size() && is_digit(line[end]))
    ++end;
  const bool ends = end > stamp_shape.size() && end < line.size() && line[end] == 'Z' &&
                    (end + 1 == line.size() || line[end + 1] == ' ');
  return ends ? end + 1 : 0;
}

std::string_view after_stamp(std::string_view line, std::size_t length) {
  return line.substr(std::min(line.size(), length + 1));
}

// Days since 1970-01-01 of a date in the Gregorian calendar (H. Hinnant, "chrono-compatible low-level date
// algorithms").
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

double stamp_seconds(std::string_view stamp) {
  const auto part = [&](std::size_t at, std::size_t n) {
    return static_cast<std::int64_t>(to_number(stamp.substr(at, n)).value_or(0));
  };
  const std::int64_t days = days_from_civil(part(0, 4), part(5, 2), part(8, 2));
  const double clock = static_cast<double>(part(11, 2) * 3600 + part(14, 2) * 60);
  return static_cast<double>(days) * 86400.0 + clock + leading_decimal(stamp.substr(17)).value_or(0.0);
}

// "[1,2]<stdout>:" of Open MPI --tag-output; PRRTE puts a name and @ before the rank.
std::size_t mpi_mark(std::string_view text) {
  const auto close = text.find(']');
  if (close > 80) return 0;  // or there is none
  const std::string_view rest = text.substr(close + 1);
  for (const std::string_view channel : {"<stdout>:", "<stderr>:", "<stddiag>:"}) {
    if (rest.starts_with(channel)) {
      const std::size_t end = close + 1 + channel.size();
      return text.substr(end).starts_with(' ') && close > 12 ? end + 1 : end;
    }
  }
  // "[rank0]: ", "[rank 0] ", "[Rank 0]: "
  if (!text.starts_with("[rank") && !text.starts_with("[Rank")) return 0;
  if (close < 6 || !to_number(trim(text.substr(5, close - 5)))) return 0;
  std::size_t end = close + 1 + (rest.starts_with(':') ? 1 : 0);
  return end + (text.substr(end).starts_with(' ') ? 1u : 0u);
}

// "(EngineCore_DP0 pid=268) "
std::size_t pid_mark(std::string_view text) {
  const auto close = text.find(')');
  if (close > 100) return 0;  // or there is none
  if (!contains(text.substr(0, close), " pid=")) return 0;
  return close + (text.substr(close + 1).starts_with(' ') ? 2u : 1u);
}

// "ERROR 04-02 06:11:41 [core.py:931] ", which vLLM's logging puts before every line of a multi-line record.
std::size_t logging_header(std::string_view text) {
  constexpr std::array<std::string_view, 5> levels{"ERROR ", "CRITICAL ", "WARNING ", "INFO ", "DEBUG "};
  const auto level = std::find_if(levels.begin(), levels.end(), [&](auto l) { return text.starts_with(l); });
  if (level == levels.end()) return 0;
  const std::string_view rest = text.substr(level->size());
  if (rest.size() < 16 || rest[2] != '-' || rest[5] != ' ' || rest[8] != ':') return 0;
  if (rest[14] == ' ' && rest[15] == '[') {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return 0;
    return level->size() + close + (rest.substr(close + 1).starts_with(' ') ? 2u : 1u);
  }
  return 0;
}

// Folders under which CI runners and containers put a checkout; two more components follow in the first two.
std::string_view without_checkout(std::string_view path) {
  for (const std::string_view root : {"/__w/", "/home/runner/work/"}) {
    if (!path.starts_with(root)) continue;
    const auto first = path.find('/', root.size());
    const auto second = first == std::string_view::npos ? first : path.find('/', first + 1);
    return second == std::string_view::npos ? path : path.substr(second + 1);
  }
  for (const std::string_view root : {"/project/", "/workspace/", "/workdir/", "/app/"}) {
    if (path.starts_with(root)) return path.substr(root.size());
  }
  const auto marker = path.starts_with('/') ? path.rfind("/tt-metal/") : std::string_view::npos;
  return marker == std::string_view::npos ? path : path.substr(marker + std::string_view{"/tt-metal/"}.size());
}

}  // namespace

StampedText split_stamp(std::string_view line) {
  if (const std::size_t length = stamp_length(line)) return {line.substr(0, length), after_stamp(line, length), {}};
  const auto job = line.find('\t');
  if (job == std::string_view::npos) return {{}, line, {}};
  const auto step = line.find('\t', job + 1);
  if (step == std::string_view::npos) return {{}, line, {}};
  std::string_view rest = line.substr(step + 1);
  if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
  const std::size_t length = stamp_length(rest);
  if (length == 0) return {{}, line, {}};
  return {rest.substr(0, length), after_stamp(rest, length), line.substr(0, job)};
}

double seconds_between(std::string_view from_stamp, std::string_view to_stamp) {
  if (from_stamp.empty() || to_stamp.empty()) return 0.0;
  return stamp_seconds(to_stamp) - stamp_seconds(from_stamp);
}

PrefixedText split_process_prefix(std::string_view text) {
  std::size_t length = 0;
  if (text.starts_with('[')) length = mpi_mark(text);
  if (text.starts_with('(')) {
    length = pid_mark(text);
    const std::size_t mark = length;
    if (mark > 0) length += logging_header(text.substr(mark));
    return {text.substr(0, mark), text.substr(length)};
  }
  return {text.substr(0, length), text.substr(length)};
}

std::string process_name(std::string_view prefix) {
  if (prefix.starts_with('(')) return std::string{prefix.substr(1, prefix.find(')') - 1)};
  const std::string_view inside = prefix.substr(0, prefix.find(']'));
  const auto digits = inside.find_last_not_of("0123456789");
  return prefix.empty() ? std::string{} : "rank " + std::string{inside.substr(digits + 1)};
}

std::string source_path(std::string_view path, std::string_view root) {
  path = trim(path);
  while (path.starts_with("./"))
    path.remove_prefix(2);
  if (root.size() > 1 && path.starts_with(root) && path.substr(root.size()).starts_with('/')) {
    return std::string{path.substr(root.size() + 1)};
  }
  return std::string{without_checkout(path)};
}

bool is_foreign_path(std::string_view path) {
  constexpr std::array<std::string_view, 9> marks{"/site-packages/", "/dist-packages/", "/lib/python",
                                                  "<frozen",         "<string>",        "/_pytest/",
                                                  "/pluggy/",        "/xdist/",         "/usr/include/"};
  const bool program = path.starts_with('/') && contains(path, "/bin/") && !contains(file_name(path), ".");
  return path.empty() || program || path.starts_with("/usr/lib") || path.starts_with("/lib/") ||
         path.starts_with("<") ||
         std::any_of(marks.begin(), marks.end(), [&](auto mark) { return contains(path, mark); });
}

bool same_source_file(std::string_view a, std::string_view b) {
  const auto left = split(a, '/');
  const auto right = split(b, '/');
  const std::size_t shorter = std::min(left.size(), right.size());
  const auto differing =
      std::mismatch(left.rbegin(), left.rbegin() + static_cast<std::ptrdiff_t>(shorter), right.rbegin());
  const auto common = static_cast<std::size_t>(differing.first - left.rbegin());
  return !a.empty() && !b.empty() && common >= std::min<std::size_t>(2, shorter) && common > 0;
}

std::string_view file_name(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::optional<SourcePlace> source_place(std::string_view text) {
  constexpr std::array<std::string_view, 11> extensions{
      ".py:", ".cpp:", ".cc:", ".hpp:", ".h:", ".c:", ".cxx:", ".hxx:", ".hh:", ".inl:", ".cu:"};
  for (const std::string_view extension : extensions) {
    const auto at = text.find(extension);
    if (at == std::string_view::npos) continue;
    const auto line = leading_number(text.substr(at + extension.size()));
    if (line && at > 0) return SourcePlace{text.substr(0, at + extension.size() - 1), *line};
  }
  return std::nullopt;
}

}  // namespace ndr
