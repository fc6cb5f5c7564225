// Line splitting, colours and the matcher of log signals: the same whatever the chunks are, within the input's bounds.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/colourless_text.hpp"
#include "analyzer/evidence/signal_matcher.hpp"
#include "analyzer/evidence/text.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace {

using namespace ndr;

std::vector<std::string> lines_of(std::string_view input, std::size_t chunk) {
  std::vector<std::string> lines;
  const auto take = [&](std::string_view line, std::uint64_t number, std::uint64_t offset) {
    NDR_ASSERT(offset <= input.size() && number >= 1);
    std::string buffer;
    NDR_ASSERT(strip_ansi(split_process_prefix(split_stamp(line).text).text, buffer).size() <= line.size());
    lines.push_back(std::to_string(number) + ":" + std::to_string(offset) + ":" + std::string{line});
  };
  LineSplitter splitter;
  for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size())))
    splitter.feed(rest.substr(0, chunk), take);
  splitter.finish(take);
  return lines;
}

void match_signals(std::string_view input, std::size_t chunk) {
  static const auto rules = SignalRuleSet::compile(builtin_signal_rules()).value();
  SignalMatcher matcher{rules};
  std::vector<LogSignal> found;
  for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size())))
    matcher.feed(rest.substr(0, chunk), found);
  matcher.finish(found);
  NDR_ASSERT(matcher.offset() == input.size());
  for (const LogSignal& signal : found) {
    NDR_ASSERT(signal.offset <= input.size());
    rules->fields_of(signal);
  }
}

}  // namespace

// The first byte: how large chunks are.
void ndr::fuzz_one(std::string_view input) {
  if (input.empty()) return;
  const std::size_t chunk = std::size_t{1} + static_cast<unsigned char>(input[0]);
  input.remove_prefix(1);
  NDR_ASSERT(lines_of(input, chunk) == lines_of(input, input.size() + 1));
  ColourlessText plain;
  plain.assign(input);
  for (std::size_t at = 0; at < plain.text().size(); ++at)
    NDR_ASSERT(input[plain.raw(at)] == plain.text()[at]);
  match_signals(input, chunk);
}
