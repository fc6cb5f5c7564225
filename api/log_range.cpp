#include "api/log_range.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <vector>

#include "api/query.hpp"

namespace ndr {
namespace {

std::optional<std::uint64_t> offset_from(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Problem beyond(std::uint64_t size) {
  return Problem{"range_not_satisfiable",
                 "the log has " + std::to_string(size) + " bytes",
                 "ask for what is there, or follow it with ?follow=1",
                 {},
                 {{"Content-Range", "bytes */" + std::to_string(size)}}};
}

}  // namespace

Answer<std::optional<ByteRange>> byte_range_from(std::string_view header, std::uint64_t size) {
  using Found = std::optional<ByteRange>;
  constexpr std::string_view unit = "bytes=";
  if (!header.starts_with(unit)) return Found{};
  header.remove_prefix(unit.size());
  const auto dash = header.find('-');
  if (dash == std::string_view::npos) return Found{};
  const std::string_view first = header.substr(0, dash);
  const std::string_view last = header.substr(dash + 1);
  const auto end = offset_from(last);
  if (first.empty()) {  // "-500": the last 500 bytes
    if (!end) return Found{};
    if (*end == 0 || size == 0) return beyond(size);
    return Found{{size - std::min(size, *end), size}};
  }
  const auto begin = offset_from(first);
  if (!begin || (!last.empty() && (!end || *end < *begin))) return Found{};
  if (*begin >= size) return beyond(size);
  return Found{{*begin, end && *end < size ? *end + 1 : size}};
}

Answer<LogRequest> log_request_from(const Request& request) {
  if (auto problem = check_query(request, {"tail", "follow"})) return *problem;
  const auto tail = query_number(request, "tail", 1, 100'000, 0);
  if (!tail) return tail.error();
  const auto follow = query_flag(request, "follow", false);
  if (!follow) return follow.error();
  LogRequest wanted{request.header("range"), std::nullopt, *follow};
  if (*tail > 0) wanted.tail = static_cast<std::uint64_t>(*tail);
  if (wanted.tail && wanted.range) return bad_query("tail", "stands beside a Range header", "give one of the two");
  return wanted;
}

std::uint64_t tail_offset(int fd, std::uint64_t size, std::uint64_t lines) {
  constexpr std::uint64_t farthest = 64ull << 20;
  std::vector<char> block(64 << 10);
  const std::uint64_t lowest = size > farthest ? size - farthest : 0;
  std::uint64_t newlines = 0;
  for (std::uint64_t end = size; end > lowest;) {
    const std::uint64_t begin = std::max(lowest, end - std::min<std::uint64_t>(end, block.size()));
    const auto count = static_cast<std::size_t>(end - begin);
    const ssize_t got = ::pread(fd, block.data(), count, static_cast<off_t>(begin));
    if (got < 0) throw std::system_error{errno, std::generic_category(), "read the tail of a log"};
    for (auto i = static_cast<std::size_t>(got); i-- > 0;) {
      const bool ends_the_last_line = begin + i + 1 == size;
      if (block[i] == '\n' && !ends_the_last_line && ++newlines == lines) return begin + i + 1;
    }
    end = begin;
  }
  return lowest;
}

}  // namespace ndr
