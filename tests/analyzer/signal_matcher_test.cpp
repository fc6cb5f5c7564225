#include "analyzer/evidence/signal_matcher.hpp"

#include <malloc.h>
#include <re2/re2.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <random>
#include <set>

#include "analyzer/evidence/ansi.hpp"
#include "analyzer/utf8.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

std::size_t live_bytes = 0;  // this program is single-threaded

void* counted(void* block) noexcept {
  if (block != nullptr) live_bytes += malloc_usable_size(block);
  return block;
}

void release(void* block) {
  live_bytes -= malloc_usable_size(block);
  std::free(block);
}

}  // namespace

void* operator new(std::size_t size) {
  if (void* block = counted(std::malloc(size)); block != nullptr) return block;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return counted(std::malloc(size)); }
void operator delete(void* block) noexcept { release(block); }
void operator delete(void* block, std::size_t) noexcept { release(block); }

namespace {

using Rules = std::shared_ptr<const SignalRuleSet>;

SignalRule rule(std::string id, std::string pattern, Reaction reaction = Reaction::none,
                SignalClass signal_class = SignalClass::note) {
  SignalRule made;
  made.id = std::move(id);
  made.pattern = std::move(pattern);
  made.signal_class = signal_class;
  made.reaction = reaction;
  made.meaning = "For a test.";
  return made;
}

const Rules& shipped() {
  static const Rules rules = SignalRuleSet::compile(builtin_signal_rules()).value();
  return rules;
}

std::vector<LogSignal> scan(const Rules& rules, std::string_view text, std::size_t chunk = 1 << 20) {
  SignalMatcher matcher(rules);
  std::vector<LogSignal> found;
  for (; !text.empty(); text.remove_prefix(std::min(chunk, text.size())))
    matcher.feed(text.substr(0, chunk), found);
  matcher.finish(found);
  return found;
}

using Hit = std::pair<std::uint64_t, std::size_t>;  // offset of the line, rule

std::set<Hit> hits(const std::vector<LogSignal>& found) {
  std::set<Hit> all;
  for (const LogSignal& signal : found)
    CHECK(all.insert({signal.offset, signal.rule}).second);  // one per line
  return all;
}

// "offset rule" of what one of them has and the other has not.
std::string difference(const std::set<Hit>& got, const std::set<Hit>& wanted) {
  std::string text;
  const auto name = [](const Hit& hit) { return std::to_string(hit.first) + " " + shipped()->rules()[hit.second].id; };
  for (const Hit& hit : got)
    if (wanted.count(hit) == 0) text += "too much: " + name(hit) + "; ";
  for (const Hit& hit : wanted)
    if (got.count(hit) == 0) text += "missing: " + name(hit) + "; ";
  return text;
}

// The same by other means: RE2 on each line by itself.
class LineByLine {
public:
  explicit LineByLine(std::span<const SignalRule> rules) {
    re2::RE2::Options bytes(re2::RE2::Latin1);
    for (const SignalRule& one : rules) {
      const std::string pattern = one.literal ? re2::RE2::QuoteMeta(one.pattern) : one.pattern;
      patterns_.push_back(std::make_unique<re2::RE2>(pattern, bytes));
    }
  }

  std::set<Hit> hits(const std::string& raw) const {
    std::set<Hit> all;
    for (std::size_t begin = 0; begin < raw.size();) {
      const std::size_t end = std::min(raw.find_first_of("\r\n", begin), raw.size());
      const std::string line = without_colours(raw.substr(begin, end - begin));
      for (std::size_t i = 0; i < patterns_.size(); ++i)
        if (re2::RE2::PartialMatch(line, *patterns_[i])) all.insert({begin, i});
      begin = end + (raw.compare(end, 2, "\r\n") == 0 ? 2 : 1);
    }
    return all;
  }

private:
  static std::string without_colours(std::string line) {
    re2::RE2::GlobalReplace(&line, *re2_colours(), "");
    return line;
  }
  static const re2::RE2* re2_colours() {
    static const re2::RE2 colours("\x1b\\[[0-9;]*[mK]", re2::RE2::Latin1);
    return &colours;
  }
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

// Lines made of the rules' examples, words that are nearly matches, colours, and every kind of line end.
std::string random_log(std::mt19937_64& random, std::size_t pieces) {
  static const std::vector<std::string> glue{"\n",
                                             "\n",
                                             "\n",
                                             "\r\n",
                                             "\r",
                                             "\n\n",
                                             "\x1b[31m",
                                             "\x1b[0m",
                                             "\x1b[K",
                                             " ",
                                             "  ",
                                             "tests/a.py::test_a ",
                                             "PASSED",
                                             "FAILED",
                                             "E   ",
                                             "\x1b[1;32m",
                                             std::string("\0", 1),
                                             "\xff\xfe",
                                             "caf\xc3\xa9",
                                             "TIMEOUT: device ",
                                             "= ",
                                             "[  4%]",
                                             " in 0.10s"};
  const auto rules = shipped()->rules();
  std::string log;
  for (std::size_t i = 0; i < pieces; ++i) {
    const SignalRule& any = rules[random() % rules.size()];
    const std::string& example = any.example.empty() ? any.pattern : any.example;
    if (random() % 3 == 0) log += random() % 4 == 0 ? example.substr(0, random() % example.size()) : example;
    log += glue[random() % glue.size()];
  }
  return log;
}

}  // namespace

TEST_CASE("the hits are those of RE2 on each line, for the shipped rules and random logs") {
  const LineByLine reference(shipped()->rules());
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const std::string log = random_log(random, 400);
    CHECK(difference(hits(scan(shipped(), log)), reference.hits(log)) == "");
  }
}

TEST_CASE("chunks of any size give the same signals as the whole log") {
  for (std::uint64_t seed = 101; seed <= 115; ++seed) {
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const std::string log = random_log(random, 300);
    const auto whole = scan(shipped(), log);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}, 1 + random() % 300}) {
      auto parts = scan(shipped(), log, chunk);
      const auto order = [](const LogSignal& a, const LogSignal& b) {
        return std::pair{a.offset, a.rule} < std::pair{b.offset, b.rule};
      };
      auto expected = whole;
      std::sort(parts.begin(), parts.end(), order);
      std::sort(expected.begin(), expected.end(), order);
      REQUIRE(difference(hits(parts), hits(whole)) == "");
      for (std::size_t i = 0; i < parts.size(); ++i) {
        const SignalRule& its = shipped()->rules()[parts[i].rule];
        INFO(its.id << ": " << parts[i].line << " | " << expected[i].line);
        const bool at_once = its.reaction != Reaction::none || its.signal_class == SignalClass::test_begin ||
                             its.signal_class == SignalClass::triage || its.signal_class == SignalClass::run_ending;
        if (!at_once) {
          CHECK(parts[i].line == expected[i].line);
        }
      }
    }
  }
}

TEST_CASE("a match is found wherever the log is cut in two") {
  const std::string log =
      "\x1b[32mbefore\x1b[0m\r\n\x1b[31mE   RuntimeError: TT_TH\x1b[0mROW @ /a/b.cpp:1: tt\x1b[0m\nPASS "
      "iteration 12/50\r"
      "PASS iteration 13/50\r\nRead unexpected run_mailbox \x1b]0;title\x07value: 0x40";
  const auto whole = scan(shipped(), log);
  REQUIRE(whole.size() == 4);
  CHECK(whole[0].offset == log.find("\x1b[31m"));
  CHECK(whole[1].offset == log.find("PASS iteration 12"));
  CHECK(whole[2].offset == log.find("PASS iteration 13"));
  CHECK(whole[3].offset == log.find("Read"));
  for (std::size_t cut = 0; cut <= log.size(); ++cut) {
    INFO("cut at " << cut);
    SignalMatcher matcher(shipped());
    std::vector<LogSignal> found;
    matcher.feed(std::string_view{log}.substr(0, cut), found);
    matcher.feed(std::string_view{log}.substr(cut), found);
    matcher.finish(found);
    CHECK(hits(found) == hits(whole));
    CHECK(matcher.offset() == log.size());
  }
}

TEST_CASE("a signal that is acted on does not wait for the end of its line") {
  SignalMatcher matcher(shipped());
  std::vector<LogSignal> found;
  matcher.feed("[gw0] Read unexpected run_mailbox val", found);
  CHECK(found.empty());
  matcher.feed("ue", found);
  REQUIRE(found.size() == 1);
  CHECK(found[0].line == "[gw0] Read unexpected run_mailbox value");
  matcher.feed(" from core 1-1 Read unexpected run_mailbox value\n", found);
  CHECK(found.size() == 1);  // the line is reported
  matcher.feed("tests/a.py::test_a", found);
  REQUIRE(found.size() == 2);
  CHECK(shipped()->rules()[found[1].rule].signal_class == SignalClass::test_begin);
}

TEST_CASE("progress waits for the rest of its number") {
  SignalMatcher matcher(shipped());
  std::vector<LogSignal> found;
  matcher.feed("x\nPASS iteration 12/5", found);
  CHECK(found.empty());
  matcher.feed("00", found);
  CHECK(found.empty());
  SECTION("until the line ends") { matcher.feed("\n", found); }
  SECTION("until a carriage return ends the line") { matcher.feed("\r", found); }
  SECTION("until the output ends") { matcher.finish(found); }
  SECTION("until a kilobyte has followed") { matcher.feed(" " + std::string(1100, '.'), found); }
  REQUIRE(found.size() == 1);
  CHECK(shipped()->fields_of(found[0]).at("iterations") == "500");
  CHECK(found[0].offset == 2);
}

TEST_CASE("the offset counts the log's bytes, whatever ends a line") {
  SignalMatcher matcher(shipped());
  std::vector<LogSignal> found;
  matcher.feed("a\nb\r\nc\rd\r", found);
  matcher.feed("\ne\n\x1b[2", found);
  matcher.feed("Kf\n\n", found);
  CHECK(matcher.offset() == 19);
  CHECK(matcher.line_offset() == 19);
}

TEST_CASE("it begins at an offset and says where the unfinished line began") {
  SignalMatcher matcher(shipped(), 1000);
  std::vector<LogSignal> found;
  matcher.feed("half a line\r\n\x1b[1mPASS iteration 1/2\nrest", found);
  REQUIRE(found.size() == 1);
  CHECK(found[0].offset == 1013);
  CHECK(matcher.line_offset() == 1000 + 13 + 23);
  CHECK(matcher.offset() == matcher.line_offset() + 4);
}

TEST_CASE("a line of 100 MB is scanned in bounded memory and gives one signal per rule") {
  const auto rules =
      SignalRuleSet::compile({rule("a.stop", "lane \\d+ lost", Reaction::stop_now), rule("a.note", "x\\[\\d+\\]y")})
          .value();
  const std::string filler(1 << 20, 'x');
  SignalMatcher matcher(rules);
  std::vector<LogSignal> found;
  const std::size_t before = live_bytes;
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    if (i % 10 == 5) matcher.feed("lane 7 lost, x[" + std::to_string(i) + "]y\xff", found);
    matcher.feed(filler, found);
    most = std::max(most, live_bytes);
  }
  matcher.feed("\nlane 8 lost\n", found);
  REQUIRE(found.size() == 3);
  CHECK(shipped()->rules().size() > 2);
  CHECK(found[0].offset == 0);
  CHECK(found[1].offset == 0);
  CHECK(found[2].offset > (100u << 20));
  for (const LogSignal& signal : found) {
    CHECK(signal.line.size() <= 4096);
    CHECK(is_utf8(signal.line));
  }
  CHECK(found[0].line.find("lane 7 lost") != std::string::npos);
  CHECK(found[1].line.find("x[5]y") != std::string::npos);
  CHECK(most - before < 192 * 1024);
}

TEST_CASE("of a long line the part around the match is kept, cut between characters") {
  const auto rules = SignalRuleSet::compile({rule("a.note", "needle")}).value();
  std::string log;
  for (int i = 0; i < 5000; ++i)
    log += "\xe2\x82\xac";
  log += "needle";
  for (int i = 0; i < 5000; ++i)
    log += "\xe2\x82\xac";
  const auto found = scan(rules, log + "\n");
  REQUIRE(found.size() == 1);
  CHECK(found[0].line.size() <= 4096);
  CHECK(found[0].line.size() > 4000);
  CHECK(found[0].line.find("needle") != std::string::npos);
  CHECK(found[0].line.find("\xef\xbf\xbd") == std::string::npos);
}

TEST_CASE("NUL and invalid UTF-8 are matched as they are and shown replaced") {
  const auto rules = SignalRuleSet::compile({rule("a.bytes", "\\xff\\x00end")}).value();
  const auto found = scan(rules, std::string("\0begin \xff\0end\n", 13));
  REQUIRE(found.size() == 1);
  CHECK(found[0].line ==
        "\xef\xbf\xbd"
        "begin \xef\xbf\xbd\xef\xbf\xbd"
        "end");
}

TEST_CASE("a dollar matches at the end of the output too") {
  const auto rules = SignalRuleSet::compile({rule("a.end", "lost$", Reaction::stop_now)}).value();
  CHECK(scan(rules, "lane lost").size() == 1);
  CHECK(scan(rules, "lane lost\n").size() == 1);
  CHECK(scan(rules, "lane lost\r\nlost lane\n").size() == 1);
  CHECK(scan(rules, "lane lost\n", 1).size() == 1);
}

TEST_CASE("a literal rule means its characters, not a pattern") {
  SignalRule literal = rule("a.literal", "a.b*(c)\\");
  literal.literal = true;
  const auto rules = SignalRuleSet::compile({literal}).value();
  CHECK(scan(rules, "a.b*(c)\\\n").size() == 1);
  CHECK(scan(rules, "axbbc\n").empty());
}

TEST_CASE("rules of a case are added without touching the shipped ones") {
  const auto rules = shipped()->with({rule("case.signature", "lanes \\d+ differ", Reaction::let_end)}).value();
  REQUIRE(rules->rules().size() == shipped()->rules().size() + 1);
  const auto found = scan(rules, "PASS iteration 1/5\nAssertionError: lanes 3 differ\n");
  REQUIRE(found.size() == 2);
  CHECK(rules->rules()[found[0].rule].id == "ndrepro.iteration");
  CHECK(rules->rules()[found[1].rule].id == "case.signature");
  CHECK(scan(shipped(), "lanes 3 differ\n").empty());
}

TEST_CASE("two matchers of one rule set do not disturb each other") {
  SignalMatcher one(shipped());
  SignalMatcher two(shipped());
  std::vector<LogSignal> of_one;
  std::vector<LogSignal> of_two;
  one.feed("Read unexpected ", of_one);
  two.feed("run_mailbox value\n", of_two);
  one.feed("run_mailbox value\n", of_one);
  CHECK(of_one.size() == 1);
  CHECK(of_two.empty());
}

TEST_CASE("escape sequences are dropped, text is not") {
  CHECK(strip_ansi("a\x1b[1;31mb\x1b[0mc") == "abc");
  CHECK(strip_ansi("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\") == "link");
  CHECK(strip_ansi("\x1b]0;title\x07text") == "text");
  CHECK(strip_ansi("\x1b(Bx\x1b=y\x1b[?25hz") == "xyz");
  CHECK(strip_ansi("one\r\ntwo\rthree") == "one\ntwo\nthree");
  CHECK(strip_ansi("lost\x1b") == "lost");
  CHECK(strip_ansi("\x1bTIMEOUT") == "TIMEOUT");             // no sequence begins so
  CHECK(strip_ansi("\x1b[12\nTIMEOUT") == "\nTIMEOUT");      // broken off
  CHECK(strip_ansi("\x1b]hidden\nTIMEOUT") == "\nTIMEOUT");  // at most to the end of its line
  CHECK(strip_ansi("\x1b[3\x1b[0mx") == "x");
  CHECK(strip_ansi("\x1b]" + std::string(5000, 'y') + "TIMEOUT").find("TIMEOUT") != std::string::npos);
}

TEST_CASE("escape sequences may be cut anywhere, and thousands of them stay in order") {
  std::string log;
  for (int i = 0; i < 30000; ++i)
    log += "\x1b[3" + std::to_string(i % 8) + "mx\x1b[0m" + (i % 50 == 49 ? "\n" : "");
  log += "\x1b[31mPASS \x1b[0miteration 1/2\n";
  const auto found = scan(shipped(), log);
  REQUIRE(found.size() == 1);
  CHECK(found[0].offset == log.rfind("\x1b[31m"));
  CHECK(found[0].line == "PASS iteration 1/2");
  CHECK(hits(scan(shipped(), log, 3)) == hits(found));
}
