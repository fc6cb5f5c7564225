#include "api/metrics.hpp"

namespace ndr {
namespace {

std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : value) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text;
}

}  // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + std::string{help} + "\n# TYPE " + name_ + " " + std::string{type} + "\n";
}

void MetricsText::sample(const std::map<std::string, std::string>& labels, std::int64_t value) {
  std::string list;
  for (const auto& [label, text] : labels)
    list += (list.empty() ? "" : ",") + label + "=\"" + escaped(text) + "\"";
  text_ += name_ + (list.empty() ? "" : "{" + list + "}") + " " + std::to_string(value) + "\n";
}

}  // namespace ndr
