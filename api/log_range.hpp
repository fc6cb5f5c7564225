#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "api/http.hpp"
#include "api/problem.hpp"

namespace ndr {

/// Bytes `begin` to `end` (excluded) of a file.
struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool operator==(const ByteRange&) const = default;
};

/// A Range header's one byte range against a file of `size` bytes (RFC 9110, 14.1.2). Nothing where the header is to be
/// ignored: another unit, several ranges, no syntax. 416 where it begins at or above the end.
Answer<std::optional<ByteRange>> byte_range_from(std::string_view header, std::uint64_t size);

/// What of a log is asked for.
struct LogRequest {
  std::optional<std::string> range;  // the Range header
  std::optional<std::uint64_t> tail;
  bool follow = false;
};

/// Reads ?tail=1…100000 and ?follow=0|1; refuses tail beside Range.
Answer<LogRequest> log_request_from(const Request& request);

/// Where the last `lines` lines of the first `size` bytes begin; a last line without its newline counts. Reads
/// backwards at most 64 MiB, so that one endless line costs no more. Throws std::system_error.
std::uint64_t tail_offset(int fd, std::uint64_t size, std::uint64_t lines);

}  // namespace ndr
