#pragma once
#include <cstdint>
#include <limits>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

/// JSON text of somebody else: refuses what is not well-formed UTF-8 JSON, nests deeper than `max_depth`, has
/// a key twice in one object, or holds more than a million values. The refusal's field is a JSON pointer (RFC
/// 6901). The limits hold while parsing, so a hostile text costs no stack and no memory beyond its own size.
Checked<nlohmann::json> parse_json(std::string_view text, int max_depth = 32);

/// What another part of ndrepro wrote; a discarded value where it is no JSON.
nlohmann::json json_from(std::string_view text);
nlohmann::ordered_json ordered_json_from(std::string_view text);

/// The shortest text, for a column or a body; invalid UTF-8 is replaced.
std::string json_text(const nlohmann::json& value);
std::string json_text(const nlohmann::ordered_json& value);
/// Text for one reader or file, two spaces of indent, ending in a newline; invalid UTF-8 is replaced.
std::string dump_json(const nlohmann::ordered_json& value);
/// The same on one line.
std::string dump_json_line(const nlohmann::ordered_json& value);

/// Reads an object member by member; the first member that is missing, of another type, or unknown is what
/// `refusal()` tells, and all later reads leave their target alone.
class JsonFields {
public:
  /// `pointer` is where `object` stands in its document ("" for the whole).
  explicit JsonFields(const nlohmann::json& object, std::string pointer = "");

  bool has(const char* name) const;  // an optional member; null counts as absent, and as known
  void text(const char* name, std::string& out, std::size_t max_size = 1 << 20);  // no NUL
  void flag(const char* name, bool& out);
  void integer(const char* name, std::int64_t& out, std::int64_t min,
               std::int64_t max = std::numeric_limits<std::int64_t>::max());
  void integer(const char* name, int& out, int min, int max = std::numeric_limits<int>::max());
  void optional_integer(const char* name, std::optional<int>& out, int min,
                        int max);  // there, but may be null
  void natural(const char* name, std::uint64_t& out);
  void texts(const char* name, std::vector<std::string>& out, std::size_t max_count = 100000);
  const nlohmann::json* object(const char* name);  // null when refused

  std::string pointer_to(const char* name) const;
  void refuse(const char* name, std::string reason);
  void refuse(Refusal refusal);  // of a member that was read by itself
  /// After the last read: what was refused, an unknown member too.
  std::optional<Refusal> refusal();

private:
  const nlohmann::json* member(const char* name);

  const nlohmann::json& object_;
  std::string pointer_;
  mutable std::vector<std::string> known_;
  std::optional<Refusal> refusal_;
};

}  // namespace ndr
