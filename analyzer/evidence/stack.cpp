#include "analyzer/evidence/stack.hpp"

#include <algorithm>
#include <array>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

// "in ns::f(int) /src/a.cpp:12:3", "in f (/lib/x.so+0x12)", "f (a=1) at a.cpp:12"
void read_numbered_frame(std::string_view rest, StackFrame& frame) {
  if (rest.starts_with("0x")) rest = trim(rest.substr(std::min(rest.find(' '), rest.size())));
  if (rest.starts_with("in ")) rest.remove_prefix(3);
  const auto module = rest.rfind(" (");  // "(prog+0x1245)" behind the place
  const bool has_module = module != std::string_view::npos && contains(rest.substr(module), "+0x");
  if (has_module && source_place(rest.substr(0, module))) rest = trim(rest.substr(0, module));
  const auto at = rest.rfind(" at ");
  const auto blank = at != std::string_view::npos ? at : rest.rfind(' ');
  const std::string_view last =
      blank == std::string_view::npos ? rest : trim(rest.substr(blank + (at == blank ? 4 : 1)));
  if (const auto place = source_place(last)) {
    frame.file = place->file;
    frame.line = place->line;
    rest = rest.substr(0, blank == std::string_view::npos ? 0 : blank);
  }
  frame.function = trim(before(rest, " ("));
}

// "/lib/x.so(f+0x12) [0x7f..]": the function where the library names it.
void read_module_frame(std::string_view rest, StackFrame& frame) {
  frame.file = before(rest, "(");
  const auto inside = after(rest, "(");
  if (inside) frame.function = before(before(*inside, ")"), "+");
}

bool is_module_frame(std::string_view rest) {
  return rest.starts_with('/') && contains(rest, "(") && contains(rest, "0x");
}

}  // namespace

std::optional<StackFrame> python_frame(std::string_view line, const Origin& origin) {
  const std::string_view text = trim(line);
  constexpr std::string_view start = "File \"";
  if (!text.starts_with(start)) return std::nullopt;
  const auto file_end = text.find("\", line ", start.size());
  if (file_end == std::string_view::npos) return std::nullopt;
  const std::string_view rest = text.substr(file_end + 8);
  const auto number = leading_number(rest);
  if (!number) return std::nullopt;
  StackFrame frame;
  frame.file = text.substr(start.size(), file_end - start.size());
  frame.line = *number;
  frame.function = trim(after(rest, " in ").value_or(""));
  frame.text = text;
  frame.origin = origin;
  return frame;
}

std::optional<StackFrame> native_frame(std::string_view line, const Origin& origin) {
  const std::string_view text = trim(line);
  StackFrame frame;
  frame.text = text;
  frame.origin = origin;
  if (text.starts_with("--- ")) {
    const std::string_view rest = trim(text.substr(4));
    if (is_module_frame(rest))
      read_module_frame(rest, frame);
    else if (!rest.starts_with("0x"))
      frame.function = rest;
    return frame;
  }
  if (text.size() > 2 && text[0] == '#' && is_digit(text[1])) {
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    read_numbered_frame(trim(text.substr(blank)), frame);
    return frame;
  }
  const auto close = text.starts_with('[') ? text.find("] ") : std::string_view::npos;
  if (close != std::string_view::npos && to_number(trim(text.substr(1, close - 1)))) {
    const std::string_view rest = trim(text.substr(close + 2));
    if (!is_module_frame(rest)) return std::nullopt;
    read_module_frame(rest, frame);
    return frame;
  }
  return std::nullopt;
}

std::string bare_function(std::string_view function) {
  constexpr std::string_view unnamed = "(anonymous namespace)::";
  std::string named{function};
  for (auto at = named.find(unnamed); at != std::string::npos; at = named.find(unnamed))
    named.erase(at, unnamed.size());
  std::string bare;
  int depth = 0;
  for (const char c : named) {
    if (c == '(' && depth == 0 && !bare.empty() && !bare.ends_with("operator")) break;
    if (c == '<') ++depth;
    if (depth == 0) bare += c;
    if (c == '>') --depth;
  }
  const std::string_view name = trim(bare);
  const auto blank = name.rfind(' ');
  return std::string{blank == std::string_view::npos || name.find("operator") < blank ? name : name.substr(blank + 1)};
}

bool is_foreign_frame(const StackFrame& frame) {
  if (!frame.file.empty()) {
    return is_foreign_path(frame.file) || (contains(frame.file, ".so") && frame.function.empty());
  }
  constexpr std::array<std::string_view, 3> libraries{"std::", "__", "testing::"};
  constexpr std::array<std::string_view, 4> runtime{"raise", "abort", "_start", "main"};
  const std::string_view function = frame.function;
  return function.empty() || std::find(runtime.begin(), runtime.end(), function) != runtime.end() ||
         std::any_of(libraries.begin(), libraries.end(), [&](auto prefix) { return function.starts_with(prefix); });
}

const StackFrame* innermost_own_frame(const std::vector<StackFrame>& stack, bool innermost_last) {
  const auto own = [](const StackFrame& frame) { return !is_foreign_frame(frame); };
  if (innermost_last) {
    const auto found = std::find_if(stack.rbegin(), stack.rend(), own);
    return found == stack.rend() ? nullptr : &*found;
  }
  const auto found = std::find_if(stack.begin(), stack.end(), own);
  return found == stack.end() ? nullptr : &*found;
}

}  // namespace ndr
