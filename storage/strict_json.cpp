#include "storage/strict_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

using nlohmann::json;

constexpr std::size_t max_values = 1000000;

std::string escape_pointer(std::string_view name) {
  std::string escaped;
  for (const char byte : name) {
    if (byte == '~')
      escaped += "~0";
    else if (byte == '/')
      escaped += "~1";
    else
      escaped += byte;
  }
  return escaped;
}

/// Walks the text without building anything, so that limits are known to hold before the tree is built.
class Limits : public json::json_sax_t {
public:
  explicit Limits(int max_depth) : max_depth_(static_cast<std::size_t>(max_depth)) {}

  bool null() override { return value(); }
  bool boolean(bool) override { return value(); }
  bool number_integer(number_integer_t) override { return value(); }
  bool number_unsigned(number_unsigned_t) override { return value(); }
  bool number_float(number_float_t, const string_t&) override { return value(); }
  bool string(string_t&) override { return value(); }
  bool binary(binary_t&) override { return value(); }
  bool start_object(std::size_t) override { return value() && open(true); }
  bool start_array(std::size_t) override { return value() && open(false); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    Level& level = levels_.back();
    if (!level.keys.insert(name).second) {
      level.key = name;
      return refuse("is there twice");
    }
    level.key = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    return refuse("is not JSON from byte " + std::to_string(position) + " on");
  }

  Refusal refusal() const { return refusal_; }

private:
  struct Level {
    bool is_object;
    std::string key;
    std::size_t index;
    std::set<std::string> keys;
  };

  bool value() {
    if (!levels_.empty() && !levels_.back().is_object) ++levels_.back().index;
    return ++values_ <= max_values || refuse("holds more than a million values");
  }
  bool open(bool is_object) {
    if (levels_.size() == max_depth_) return refuse("nests deeper than " + std::to_string(max_depth_) + " levels");
    levels_.push_back({is_object, {}, 0, {}});
    return true;
  }
  bool close() {
    levels_.pop_back();
    return true;
  }
  bool refuse(std::string reason) {
    std::string pointer;
    for (const Level& level : levels_) {
      if (level.is_object && level.keys.empty()) break;
      if (!level.is_object && level.index == 0) break;
      pointer += "/" + (level.is_object ? escape_pointer(level.key) : std::to_string(level.index - 1));
    }
    refusal_ = {to_utf8(pointer), std::move(reason), ""};
    return false;
  }

  std::size_t max_depth_;
  std::size_t values_ = 0;
  std::vector<Level> levels_;
  Refusal refusal_;
};

}  // namespace

Checked<json> parse_json(std::string_view text, int max_depth) {
  Limits limits{max_depth};
  if (!json::sax_parse(text, &limits)) return limits.refusal();
  return {boost::system::in_place_value, json::parse(text)};  // json converts to everything: name the value
}

json json_from(std::string_view text) { return json::parse(text, nullptr, false); }
nlohmann::ordered_json ordered_json_from(std::string_view text) {
  return nlohmann::ordered_json::parse(text, nullptr, false);
}

std::string json_text(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }
std::string json_text(const nlohmann::ordered_json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string dump_json(const nlohmann::ordered_json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string dump_json_line(const nlohmann::ordered_json& value) { return json_text(value) + "\n"; }

JsonFields::JsonFields(const json& object, std::string pointer) : object_(object), pointer_(std::move(pointer)) {
  if (!object_.is_object()) refusal_ = Refusal{pointer_, "must be an object", ""};
}

std::string JsonFields::pointer_to(const char* name) const { return pointer_ + "/" + escape_pointer(name); }

void JsonFields::refuse(const char* name, std::string reason) {
  refuse(Refusal{pointer_to(name), std::move(reason), ""});
}

void JsonFields::refuse(Refusal refusal) {
  if (!refusal_) refusal_ = std::move(refusal);
}

bool JsonFields::has(const char* name) const {
  known_.emplace_back(name);
  if (refusal_) return false;
  const auto found = object_.find(name);
  return found != object_.end() && !found->is_null();
}

const json* JsonFields::member(const char* name) {
  known_.emplace_back(name);
  if (refusal_) return nullptr;
  const auto found = object_.find(name);
  if (found == object_.end()) refuse(name, "is missing");
  return refusal_ ? nullptr : &*found;
}

void JsonFields::text(const char* name, std::string& out, std::size_t max_size) {
  const json* found = member(name);
  if (found == nullptr) return;
  if (!found->is_string()) return refuse(name, "must be a string");
  const std::string& text = found->get_ref<const std::string&>();
  if (text.size() > max_size) return refuse(name, "is longer than " + std::to_string(max_size) + " bytes");
  if (text.find('\0') != std::string::npos) return refuse(name, "must not hold NUL");
  out = text;
}

void JsonFields::flag(const char* name, bool& out) {
  const json* found = member(name);
  if (found == nullptr) return;
  if (!found->is_boolean()) return refuse(name, "must be true or false");
  out = found->get<bool>();
}

void JsonFields::integer(const char* name, std::int64_t& out, std::int64_t min, std::int64_t max) {
  const json* found = member(name);
  if (found == nullptr) return;
  const bool fits = found->is_number_integer() &&
                    (!found->is_number_unsigned() || found->get<std::uint64_t>() <= static_cast<std::uint64_t>(max));
  if (!fits || found->get<std::int64_t>() < min || found->get<std::int64_t>() > max) {
    return refuse(name, "must be an integer from " + std::to_string(min) + " to " + std::to_string(max));
  }
  out = found->get<std::int64_t>();
}

void JsonFields::integer(const char* name, int& out, int min, int max) {
  std::int64_t wide = out;
  integer(name, wide, static_cast<std::int64_t>(min), static_cast<std::int64_t>(max));
  out = static_cast<int>(wide);
}

void JsonFields::optional_integer(const char* name, std::optional<int>& out, int min, int max) {
  const json* found = member(name);
  if (found == nullptr || found->is_null()) return;
  int value = 0;
  integer(name, value, min, max);
  if (!refusal_) out = value;
}

void JsonFields::natural(const char* name, std::uint64_t& out) {
  const json* found = member(name);
  if (found == nullptr) return;
  if (!found->is_number_unsigned()) return refuse(name, "must be an integer from 0 to 2^64-1");
  out = found->get<std::uint64_t>();
}

void JsonFields::texts(const char* name, std::vector<std::string>& out, std::size_t max_count) {
  const json* found = member(name);
  if (found == nullptr) return;
  if (!found->is_array()) return refuse(name, "must be an array of strings");
  if (found->size() > max_count) return refuse(name, "has more than " + std::to_string(max_count) + " items");
  std::vector<std::string> items;
  for (const json& item : *found) {
    const std::string place = std::string(name) + "/" + std::to_string(items.size());
    const bool good = item.is_string() && item.get_ref<const std::string&>().find('\0') == std::string::npos;
    if (!good) {
      return refuse(Refusal{pointer_ + "/" + place, "must be a string without NUL", ""});
    }
    items.push_back(item.get<std::string>());
  }
  out = std::move(items);
}

const json* JsonFields::object(const char* name) {
  const json* found = member(name);
  if (found == nullptr) return nullptr;
  if (!found->is_object()) refuse(name, "must be an object");
  return refusal_ ? nullptr : found;
}

std::optional<Refusal> JsonFields::refusal() {
  if (refusal_) return refusal_;
  for (const auto& [name, unused] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    refuse(name.c_str(), "is not known here");
    break;
  }
  return refusal_;
}

}  // namespace ndr
