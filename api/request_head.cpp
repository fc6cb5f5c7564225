#include "api/request_head.hpp"

#include <algorithm>
#include <string>

namespace ndr {
namespace {

Problem malformed(std::string detail) {
  return Problem{"bad_request", std::move(detail), "send HTTP/1.1 as curl does", {}, {}};
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<Problem> check_bytes(std::string_view head) {
  for (std::size_t i = 0; i < head.size(); ++i) {
    const auto byte = static_cast<unsigned char>(head[i]);
    if (byte == '\n' && (i == 0 || head[i - 1] != '\r')) return malformed("a line ends in a bare line feed");
    if (byte == '\r' && i + 1 < head.size() && head[i + 1] != '\n') return malformed("a bare carriage return");
    if ((byte < 0x20 && byte != '\r' && byte != '\n' && byte != '\t') || byte == 0x7f)
      return malformed("a control character in the head");
  }
  return std::nullopt;
}

/// Counts the fields that decide where a message goes and where it ends.
class FramingFields {
public:
  std::optional<Problem> see(std::string_view line) {
    if (line.front() == ' ' || line.front() == '\t') return malformed("a folded header line");
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return malformed("a header line without a colon");
    std::string name{line.substr(0, colon)};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return count(name, trimmed(line.substr(colon + 1)));
  }

  std::optional<Problem> at_end() const {
    if (lengths_ > 0 && encodings_ > 0) return malformed("Content-Length beside Transfer-Encoding");
    if (hosts_ != 1) return malformed("there must be one Host header");
    return std::nullopt;
  }

private:
  std::optional<Problem> count(const std::string& name, std::string_view value) {
    if (name == "host") ++hosts_;
    if (name == "content-length" && (++lengths_ > 1 || !is_digits(value)))
      return malformed("there must be one Content-Length, a number");
    if (name == "transfer-encoding" && (++encodings_ > 1 || value != "chunked"))
      return malformed("the only Transfer-Encoding taken is chunked");
    return std::nullopt;
  }

  int hosts_ = 0;
  int lengths_ = 0;
  int encodings_ = 0;
};

}  // namespace

std::optional<Problem> check_head(std::string_view head) {
  if (auto problem = check_bytes(head)) return problem;
  FramingFields fields;
  std::size_t start = head.find("\r\n");
  while (start != std::string_view::npos) {
    start += 2;
    const auto end = head.find("\r\n", start);
    if (end == std::string_view::npos) return std::nullopt;  // more is to come
    if (end == start) return fields.at_end();
    if (auto problem = fields.see(head.substr(start, end - start))) return problem;
    start = end;
  }
  return std::nullopt;
}

}  // namespace ndr
