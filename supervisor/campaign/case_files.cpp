#include "supervisor/campaign/case_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "analyzer/evidence/signature.hpp"
#include "analyzer/evidence/text.hpp"
#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"
#include "storage/strict_json.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr std::uint64_t largest_settings = 64u << 10;
constexpr std::size_t excerpt_bytes = 16u << 10;
constexpr int excerpt_lines = 20;
constexpr int lines_before_match = 10;
constexpr std::size_t searched_bytes = 256u << 10;
constexpr std::size_t longest_searched_line = 4u << 10;
constexpr std::size_t excerpt_width = 300;
constexpr std::chrono::seconds write_limit{30};

Refusal refusal_of(const CaseFolder& folder, const std::string& file, const std::string& why) {
  return {
      (folder.root() / file).string(), why,
      "let the account that runs the tests write there, for instance by: chown -R \"$USER\" " + folder.root().string()};
}

Checked<void> answered(const CaseFolder& folder, const std::string& file, const std::string& text) {
  const auto answer = json_from(text);
  if (answer.is_object() && answer.value("ok", false)) return {};
  const std::string why =
      answer.is_object() ? answer.value("error", "no reason given") : "the shim's answer is no JSON";
  return refusal_of(folder, file, why);
}

/// Of what is there now, so that a group that may write keeps its right; else that of a new file, which may be run
/// where it names its interpreter.
unsigned mode_for(const std::filesystem::path& file, std::string_view text) {
  const unsigned usual = text.starts_with("#!") ? 0755 : 0644;
  std::error_code error;
  const std::filesystem::file_status there = std::filesystem::symlink_status(file, error);
  return std::filesystem::is_regular_file(there) ? static_cast<unsigned>(there.permissions()) & 0777u : usual;
}

std::string cut(std::string line) {
  if (line.size() <= excerpt_width) return line;
  std::size_t end = excerpt_width;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80)
    --end;
  return line.substr(0, end) + "…";
}

/// At most so many from there on; none where the file cannot be read.
std::string bytes_of(const std::filesystem::path& log, std::uint64_t offset, std::size_t most) {
  const UniqueFd file{::open(log.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  std::string bytes(most, '\0');
  const ssize_t got = file ? ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) : -1;
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

std::size_t most_within(const LogPart& part, std::uint64_t offset, std::size_t most) {
  return static_cast<std::size_t>(std::min<std::uint64_t>(most, part.end - std::min(offset, part.end)));
}

/// The last few of whole lines; the first may be the rest of one.
std::string_view last_lines(std::string_view text, bool first_is_whole) {
  if (text.empty() || text.back() != '\n') return {};
  std::size_t begin = text.size();
  for (int i = 0; i < lines_before_match; ++i) {
    const std::size_t end = begin < 2 ? std::string_view::npos : text.rfind('\n', begin - 2);
    if (end == std::string_view::npos) return text.substr(first_is_whole ? 0 : begin);
    begin = end + 1;
  }
  return text.substr(begin);
}

std::string readable(std::string_view bytes, int most_lines) {
  std::string text;
  std::string buffer;
  for (int i = 0; i < most_lines && !bytes.empty(); ++i) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size());
    text += cut(to_utf8(strip_ansi(bytes.substr(0, end), buffer))) + "\n";
    bytes.remove_prefix(std::min(end + 1, bytes.size()));
  }
  return text;
}

}  // namespace

Checked<CaseSettings> read_case_settings(const CaseFolder& folder) {
  try {
    return parse_case_settings(read_file(folder.settings(), largest_settings), folder.settings().string());
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return CaseSettings{};
    return Refusal{folder.settings().string(), error.code().message(), "make it a readable file of at most 64 KiB"};
  }
}

std::optional<std::uint64_t> line_of_message(const std::filesystem::path& log, std::uint64_t offset,
                                             const std::string& message_template, const LogPart& part) {
  if (message_template.empty()) return std::nullopt;
  const std::string bytes = bytes_of(log, offset, most_within(part, offset, searched_bytes));
  std::string buffer;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t end = std::min(bytes.find('\n', at), bytes.size());
    const std::string_view line = std::string_view{bytes}.substr(at, std::min(end - at, longest_searched_line));
    const std::string said = to_utf8(strip_ansi(line, buffer));
    if (mask_values(said).find(message_template) != std::string::npos) return offset + at;
    at = end + 1;
  }
  return std::nullopt;
}

std::string excerpt(const std::filesystem::path& log, std::uint64_t offset, const LogPart& part) {
  offset = std::max(offset, part.begin);
  const std::uint64_t begin = std::max(part.begin, offset - std::min<std::uint64_t>(offset, excerpt_bytes));
  const std::string before = bytes_of(log, begin, static_cast<std::size_t>(offset - begin));
  const std::string after = bytes_of(log, offset, most_within(part, offset, excerpt_bytes));
  if (after.empty()) return {};
  const std::string_view lines_before = last_lines(before, begin == part.begin);
  const auto shown = static_cast<int>(std::count(lines_before.begin(), lines_before.end(), '\n'));
  return readable(lines_before, shown) + readable(after, excerpt_lines - shown);
}

asio::awaitable<Checked<void>> ShimCaseWriter::write(CaseFolder folder, std::string file, std::string text,
                                                     std::optional<std::string> expected_hash) {
  // It travels as JSON, which would replace every byte that is no text.
  if (!is_utf8(text))
    co_return Refusal{(folder.root() / file).string(), "is not UTF-8, and writing it anew would change its other bytes",
                      "convert it, for instance by: iconv -f latin1 -t utf-8"};
  nlohmann::json request{{"root", folder.root().string()}, {"path", file}, {"content", text}};
  request["mode"] = mode_for(folder.root() / file, text);
  if (expected_hash) request["expected_hash"] = *expected_hash;
  LaunchSpec spec{ShimMode::write, {}, json_text(request)};
  const std::string answer = co_await launcher_.call(std::move(spec), write_limit);
  co_return answered(folder, file, answer);
}

asio::awaitable<Checked<void>> ShimCaseWriter::check_writable(CaseFolder folder) {
  const nlohmann::json request{{"root", folder.root().string()}, {"probe", true}};
  LaunchSpec spec{ShimMode::write, {}, json_text(request)};
  const std::string answer = co_await launcher_.call(std::move(spec), write_limit);
  co_return answered(folder, "", answer);
}

}  // namespace ndr
