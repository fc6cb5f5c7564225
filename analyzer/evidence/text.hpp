#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

std::string_view trim(std::string_view text);
std::string_view trim_end(std::string_view text);
bool contains(std::string_view text, std::string_view part);
/// ASCII letters only; other bytes stay.
std::string to_lower(std::string_view text);
/// Every run of white space becomes one blank; none at the ends.
std::string fold_spaces(std::string_view text);
std::vector<std::string_view> split(std::string_view text, char separator);
template <std::same_as<std::string> Text>
std::vector<std::string_view> split(Text&&, char) = delete;  // of a temporary: the parts are views of it
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_word(char c) {  // letter, digit or _
  const char lower = static_cast<char>(c | 0x20);
  return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '_';
}

/// The whole text as a number; nothing for "", "12x" or what does not fit.
std::optional<std::uint64_t> to_number(std::string_view digits);
std::optional<double> to_decimal(std::string_view text);
/// The shortest of at most six decimals: "5", "2.248".
std::string decimal_text(double value);
/// What a shell can set: a letter or `_`, then letters, digits and `_`.
bool is_variable_name(std::string_view name);
bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words);
/// The number that `text` starts with.
std::optional<std::uint64_t> leading_number(std::string_view text);
std::optional<double> leading_decimal(std::string_view text);
/// What follows the first `marker`; nothing where it does not occur.
std::optional<std::string_view> after(std::string_view text, std::string_view marker);
std::uint64_t count_newlines(std::string_view text);
std::string_view before(std::string_view text, std::string_view marker);  // all of it where there is no marker

/// The line without terminal escape sequences (ECMA-48: CSI, OSC, two-byte ESC); `buffer` holds the result only
/// where something had to go.
std::string_view strip_ansi(std::string_view line, std::string& buffer);

/// A raw GitHub Actions line: "2025-02-20T20:37:44.6266323Z text", also in the form of `gh run view --log`
/// ("job<TAB>step<TAB>stamp text"). `stamp` is empty where the line has none.
struct StampedText {
  std::string_view stamp;
  std::string_view text;
  std::string_view job;  // of `gh run view --log`: its first column
};
StampedText split_stamp(std::string_view line);

/// Seconds from one such stamp to another (same calendar as the log: proleptic Gregorian, UTC); 0 where one is empty.
double seconds_between(std::string_view from_stamp, std::string_view to_stamp);

/// The mark that a launcher puts before the lines of one of several processes: Open MPI "[1,2]<stderr>:", torchrun
/// "[rank2]: ", vLLM and Ray "(EngineCore_DP0 pid=268) " with the logging header that follows it.
struct PrefixedText {
  std::string_view prefix;
  std::string_view text;
};
PrefixedText split_process_prefix(std::string_view text);
/// "rank 2" or "EngineCore_DP0 pid=268"; empty for an empty prefix.
std::string process_name(std::string_view prefix);

/// A path relative to the source root: without "./", the root (if known), CI's checkout folders or anything before a
/// folder `tt-metal/`. Other absolute paths stay.
std::string source_path(std::string_view path, std::string_view root = {});
/// Interpreter, package or test-framework code: never the place that an engineer would look at first.
bool is_foreign_path(std::string_view path);
/// The same file in two checkouts: all, or at least two, last components agree.
bool same_source_file(std::string_view a, std::string_view b);
std::string_view file_name(std::string_view path);

/// "path:12" or "path:12:5"; the path ends in a known source extension.
struct SourcePlace {
  std::string_view file;
  std::uint64_t line = 0;
};
std::optional<SourcePlace> source_place(std::string_view text);

/// Cuts pushed bytes into lines: ended by LF or CR LF; a lone CR (progress bars) ends a piece that keeps its line's
/// number and offset. Independent of the chunks' sizes. Keeps at most 64 KiB of a piece and drops the rest.
class LineSplitter {
public:
  static constexpr std::size_t longest = std::size_t{64} * 1024;
  using Sink = std::function<void(std::string_view bytes, std::uint64_t number, std::uint64_t offset)>;

  void feed(std::string_view chunk, const Sink& sink);
  void finish(const Sink& sink);
  /// Goes over `lines`, which are whole ones, without cutting them; only between two lines.
  void skip(std::string_view lines);
  /// Goes over bytes that hold nothing: what stands before them is a line of its own, and so is what comes after.
  void skip_hole(std::uint64_t bytes, const Sink& sink);
  bool between_lines() const { return !has_partial_; }
  std::uint64_t number() const { return number_; }  // of the current line

private:
  void take(std::string_view piece);
  void take_with_returns(std::string_view piece, const Sink& sink);
  void emit(const Sink& sink);
  void end_line();

  std::string partial_;
  bool has_partial_ = false;
  bool pending_return_ = false;
  std::uint64_t number_ = 1;
  std::uint64_t offset_ = 0;    // of the current line
  std::uint64_t consumed_ = 0;  // bytes of all chunks before the current position
};

}  // namespace ndr
