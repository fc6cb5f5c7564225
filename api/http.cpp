#include "api/http.hpp"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "analyzer/assert.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

constexpr std::array<std::pair<Method, std::string_view>, 8> method_names{{{Method::get, "GET"},
                                                                           {Method::head, "HEAD"},
                                                                           {Method::post, "POST"},
                                                                           {Method::put, "PUT"},
                                                                           {Method::patch, "PATCH"},
                                                                           {Method::remove, "DELETE"},
                                                                           {Method::options, "OPTIONS"},
                                                                           {Method::other, "OTHER"}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool equal_without_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_honest(std::string_view segment) {
  if (segment == "." || segment == ".." || !is_utf8(segment)) return false;
  return std::none_of(segment.begin(), segment.end(),
                      [](char c) { return is_control(c) || c == '/' || c == '\\' || c == '%'; });
}

bool is_plain_text(std::string_view value) {
  return is_utf8(value) && std::none_of(value.begin(), value.end(), is_control);
}

std::optional<std::string> find_value(const std::vector<std::pair<std::string, std::string>>& pairs,
                                      std::string_view name) {
  for (const auto& [key, value] : pairs)
    if (key == name) return value;
  return std::nullopt;
}

}  // namespace

std::string_view to_text(Method method) {
  for (const auto& [value, name] : method_names)
    if (value == method) return name;
  return "OTHER";
}

Method method_from(std::string_view text) {
  for (const auto& [value, name] : method_names)
    if (name == text) return value;
  return Method::other;
}

std::optional<std::string> find_header(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers)
    if (equal_without_case(header.name, name)) return header.value;
  return std::nullopt;
}

std::optional<Target> target_from(std::string_view text) {
  const auto url = boost::urls::parse_origin_form({text.data(), text.size()});
  if (!url) return std::nullopt;
  Target target;
  for (const auto segment : url->segments()) {
    target.segments.emplace_back(segment);
    if (!is_honest(target.segments.back())) return std::nullopt;
  }
  for (const auto& parameter : url->params()) {
    target.query.emplace_back(parameter.key, parameter.value);
    if (!is_plain_text(target.query.back().first) || !is_plain_text(target.query.back().second)) return std::nullopt;
  }
  return target;
}

std::optional<std::string> Request::query(std::string_view name) const { return find_value(target.query, name); }

bool Request::has_parameter(std::string_view name) const { return find_value(parameters, name).has_value(); }

const std::string& Request::parameter(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(), [&](const auto& p) { return p.first == name; });
  NDR_ASSERT(found != parameters.end());
  return found->second;
}

}  // namespace ndr
