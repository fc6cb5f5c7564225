#include "analyzer/evidence/signal_matcher.hpp"

#include <hs/hs.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/ansi.hpp"
#include "analyzer/evidence/signal_rule_set.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {
namespace {

constexpr std::size_t kBlock = 16 << 10;   // scanned at once: stays in the first cache levels
constexpr std::size_t kHead = 16 << 10;    // kept of an unfinished line
constexpr std::size_t kOverlap = 4 << 10;  // of that, scanned again together with what follows
constexpr std::size_t kBefore = 12 << 10;  // of that, given to a signal before the end of its match
constexpr std::size_t kAfter = 1 << 10;    // waited for behind a match on an unfinished line
constexpr std::size_t kLine = 4 << 10;     // of a signal's line

std::size_t last_newline(std::string_view text) {  // string_view::rfind looks at every byte
  const void* found = text.empty() ? nullptr : ::memrchr(text.data(), '\n', text.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// `text` cut somewhere at its end: without the character that the cut went through.
std::string_view without_half_character(std::string_view text) {
  std::size_t lead = text.size();
  while (lead > 0 && text.size() - lead < 3 && continues_character(text[lead - 1]))
    --lead;
  if (lead == 0 || static_cast<unsigned char>(text[lead - 1]) < 0xc0) return text;
  const auto first = static_cast<unsigned char>(text[lead - 1]);
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  return text.size() - (lead - 1) < length ? text.substr(0, lead - 1) : text;
}

// At most kLine bytes of valid UTF-8 around `match_end`.
std::string excerpt(std::string_view text, std::size_t match_end) {
  if (text.size() > kLine) {
    const std::size_t begin = match_end + kAfter > kLine ? match_end + kAfter - kLine : 0;
    text = without_half_character(text.substr(begin, kLine));
    if (begin > 0)
      for (int i = 0; i < 3 && !text.empty() && continues_character(text.front()); ++i)
        text.remove_prefix(1);
  }
  std::string line = to_utf8(text);
  if (line.size() > kLine) {
    std::size_t end = kLine;
    while (continues_character(line[end]))
      --end;
    line.resize(end);
  }
  return line;
}

}  // namespace

// Lines are joined here and scanned in Vectorscan's block mode. Its own streaming mode is not used:
// version 5.4.9 loses matches that span several short writes, not even the same ones each time. Positions
// called `end` and `begin` count bytes of stripped text since the start; `raw` and `offset` count bytes of
// the log. A piece is new text that is scanned at once: whole lines and perhaps the start of one more, or
// what goes on with the unfinished line.
struct SignalMatcher::State {
  struct Mark {
    std::uint64_t end;
    std::uint32_t rule;
  };
  struct Line {
    std::uint64_t begin;
    std::uint64_t end;  // without its newline; what there is of an unfinished one
    std::uint64_t offset;
    bool finished;
  };
  struct LastMark {
    std::uint64_t scan = 0;
    std::size_t end = 0;  // in that scan's text
  };

  std::shared_ptr<const SignalRuleSet> rules;
  AnsiStripper stripper;
  std::uint64_t raw = 0;
  bool finished = false;
  std::string text;           // of a block that had to be stripped
  std::vector<TextCut> cuts;  // of that block; empty: text and raw bytes agree
  std::string_view block;     // raw bytes
  std::string_view piece;
  std::size_t piece_at = 0;  // in the block's text
  std::uint64_t piece_begin = 0;
  std::uint64_t line_begin = 0;  // of the line unfinished when the piece began
  std::uint64_t line_offset = 0;
  std::string head;  // its text, the last kHead bytes or more
  std::string joined;
  std::string_view scanned;  // the piece, or a joined text
  std::uint64_t scans = 0;
  std::vector<LastMark> last_mark;       // per rule
  std::vector<Mark> marks;               // of the scan; `end` still counts in its text
  std::vector<Mark> waiting;             // on the unfinished line, for its end
  std::vector<std::uint64_t> last_line;  // per rule: 1 + begin of the last line reported

  State(std::shared_ptr<const SignalRuleSet> rule_set, std::uint64_t from_offset)
      : rules(std::move(rule_set)),
        raw(from_offset),
        line_offset(from_offset),
        last_mark(rules->rules().size()),
        last_line(rules->rules().size()) {}

  static int on_match(unsigned rule, unsigned long long, unsigned long long end, unsigned, void* context) {
    static_cast<State*>(context)->mark(rule, static_cast<std::size_t>(end));
    return 0;
  }

  // A pattern may match at many ends of one line; only the first is kept, so that marks stay few.
  void mark(std::uint32_t rule, std::size_t end) {
    const bool cut = end == scanned.size() && !finished && !scanned.ends_with('\n');
    if (cut && rules->compiled_->looks_ahead[rule]) return;  // the next byte decides; the line is scanned again
    LastMark& last = last_mark[rule];
    if (last.scan == scans && last.end <= end &&
        scanned.substr(last.end - 1, end - last.end).find('\n') == std::string_view::npos)
      return;
    last = {scans, end};
    marks.push_back({end, rule});
  }

  // The text of `bytes`, or of as many of them as one block can hold; `block` is set to those.
  std::string_view take(std::string_view bytes) {
    cuts.clear();
    block = bytes;
    if (stripper.idle() && bytes.find('\x1b') == std::string_view::npos && bytes.find('\r') == std::string_view::npos)
      return bytes;
    text.clear();
    block = bytes.substr(0, stripper.strip(bytes, text, &cuts));
    return text;
  }

  // The text of a block, in one piece, or in two where it begins inside a line.
  void scan(std::string_view whole, std::vector<LogSignal>& found) {
    piece_at = 0;
    if (line_begin != piece_begin && !whole.empty()) {
      const std::size_t newline = whole.find('\n');
      piece = whole.substr(0, newline == std::string_view::npos ? newline : newline + 1);
      scan_joined(found);
      advance();
      piece_at = piece.size();
    }
    if (piece_at == whole.size()) return;
    piece = whole.substr(piece_at);
    scan_text(piece, piece_begin);
    report(found);
    advance();
  }

  void scan_joined(std::vector<LogSignal>& found) {
    const std::size_t overlap = std::min(head.size(), kOverlap);
    const bool inside = piece_begin - overlap > line_begin;
    joined.assign(inside ? 1 : 0, '\0');  // so that `^` does not match in the middle of a line
    joined.append(head, head.size() - overlap).append(piece);
    scan_text(joined, piece_begin - overlap - (inside ? 1 : 0));
    report(found);
  }

  void scan_text(std::string_view all, std::uint64_t begin) {
    ++scans;
    scanned = all;
    for (const auto& database : rules->compiled_->databases) {
      const hs_error_t result = hs_scan(database->patterns, all.data(), static_cast<unsigned>(all.size()), 0,
                                        database->scratch, &State::on_match, this);
      NDR_ASSERT(result == HS_SUCCESS);
    }
    for (Mark& mark : marks)
      mark.end += begin;
  }

  std::uint64_t raw_after_newline(std::size_t newline_of_piece) const {
    const std::size_t newline = piece_at + newline_of_piece;
    auto cut = std::upper_bound(cuts.begin(), cuts.end(), newline,
                                [](std::size_t at, const TextCut& c) { return at < c.text; });
    const std::size_t at = cut == cuts.begin() ? newline : newline - (cut - 1)->text + (cut - 1)->raw;
    const bool two_bytes = block[at] == '\r' && at + 1 < block.size() && block[at + 1] == '\n';
    return raw + at + (two_bytes ? 2 : 1);
  }

  Line line_of(std::uint64_t match_end) const {
    Line line{line_begin, piece_begin + piece.size(), line_offset, finished};
    std::size_t from = 0;  // the match's last byte, or the start of the piece
    if (match_end > piece_begin) {
      from = match_end - 1 - piece_begin;
      if (const std::size_t before = last_newline(piece.substr(0, from)); before != std::string_view::npos) {
        line.begin = piece_begin + before + 1;
        line.offset = raw_after_newline(before);
      }
    }
    if (const std::size_t newline = piece.find('\n', from); newline != std::string_view::npos) {
      line.end = piece_begin + newline;
      line.finished = true;
    }
    return line;
  }

  void report(std::vector<LogSignal>& found) {
    std::sort(marks.begin(), marks.end(),
              [](const Mark& a, const Mark& b) { return a.end != b.end ? a.end < b.end : a.rule < b.rule; });
    std::vector<Mark> still_waiting;
    const auto settle = [&](const Mark& mark, const Line& line) {
      const bool enough =
          line.finished || line.end - std::min(mark.end, line.end) >= kAfter || rules->compiled_->at_once[mark.rule];
      if (enough)
        found.push_back(signal_of(mark, line));
      else
        still_waiting.push_back(mark);
    };
    for (const Mark& mark : waiting)
      settle(mark, line_of(mark.end));
    for (const Mark& mark : marks) {
      const Line line = line_of(mark.end);
      if (last_line[mark.rule] == line.begin + 1) continue;
      last_line[mark.rule] = line.begin + 1;
      settle(mark, line);
    }
    waiting = std::move(still_waiting);
    marks.clear();
  }

  LogSignal signal_of(const Mark& mark, const Line& line) const {
    const std::uint64_t head_begin = piece_begin - head.size();
    std::uint64_t begin = std::max(line.begin, mark.end - std::min<std::uint64_t>(mark.end, kBefore));
    begin = std::max(begin, std::min(head_begin, line.end));
    const std::uint64_t end = std::min(line.end, std::max(mark.end + kAfter, line.begin + kLine));
    std::string joined_parts;
    std::string_view whole;
    if (begin >= piece_begin) {
      whole = piece.substr(begin - piece_begin, end - begin);
    } else {
      joined_parts = head.substr(begin - head_begin, end - begin);
      if (end > piece_begin) joined_parts += piece.substr(0, end - piece_begin);
      whole = joined_parts;
    }
    LogSignal signal;
    signal.rule = mark.rule;
    signal.offset = line.offset;
    signal.line = excerpt(whole, static_cast<std::size_t>(std::min(mark.end, end) - begin));
    return signal;
  }

  void advance() {
    const std::size_t newline = last_newline(piece);
    if (newline != std::string_view::npos) {
      line_begin = piece_begin + newline + 1;
      line_offset = raw_after_newline(newline);
      head.clear();
    }
    const std::string_view rest = newline == std::string_view::npos ? piece : piece.substr(newline + 1);
    head.append(rest.substr(rest.size() - std::min(rest.size(), kHead)));
    if (head.size() > 2 * kHead) head.erase(0, head.size() - kHead);
    piece_begin += piece.size();
  }
};

SignalMatcher::SignalMatcher(std::shared_ptr<const SignalRuleSet> rules, std::uint64_t from_offset)
    : state_(std::make_unique<State>(std::move(rules), from_offset)) {}
SignalMatcher::~SignalMatcher() = default;
SignalMatcher::SignalMatcher(SignalMatcher&&) noexcept = default;
SignalMatcher& SignalMatcher::operator=(SignalMatcher&&) noexcept = default;

void SignalMatcher::feed(std::string_view bytes, std::vector<LogSignal>& found) {
  State& state = *state_;
  NDR_ASSERT(!state.finished);
  while (!bytes.empty()) {
    if (state.stripper.after_carriage_return()) {
      state.stripper.forget_carriage_return();
      if (bytes.front() == '\n') {  // of a CR LF cut in two: its line has ended already
        ++state.line_offset;
        ++state.raw;
        bytes.remove_prefix(1);
        continue;
      }
    }
    std::string_view next = bytes.substr(0, kBlock);
    // Only the last block may end inside a line, which costs a second scan of that line.
    if (const std::size_t newline = next.size() < bytes.size() ? last_newline(next) : std::string_view::npos;
        newline != std::string_view::npos)
      next = next.substr(0, newline + 1);
    state.scan(state.take(next), found);
    state.raw += state.block.size();
    bytes.remove_prefix(state.block.size());
  }
}

void SignalMatcher::finish(std::vector<LogSignal>& found) {
  State& state = *state_;
  NDR_ASSERT(!state.finished);
  state.finished = true;
  state.piece = {};
  if (state.line_begin != state.piece_begin) state.scan_joined(found);
}

std::uint64_t SignalMatcher::offset() const { return state_->raw; }
std::uint64_t SignalMatcher::line_offset() const { return state_->line_offset; }

}  // namespace ndr
