#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ndr {

/// Words of messages, of the runner's complaints and of heap checks, for the prefilter; the dialects own them.
std::span<const std::string_view> message_words();
std::span<const std::string_view> runner_words();
std::span<const std::string_view> heap_check_words();

/// What a line may mean, before any dialect looks at it.
enum class Interest { none, progress, full };

/// A word that makes some dialect act, where it stands so.
struct TriggerWord {
  enum class Place {
    anywhere,
    line_start,
    after_count,
    after_host,
    after_name
  };  // a count begins a line or follows ", "; of a name: three of A-Z, 0-9, _
  std::string text;
  Interest interest = Interest::full;
  Place place = Place::anywhere;
  bool any_case = false;  // `text` is in lower case then
};
const std::vector<TriggerWord>& trigger_words();

/// A line of a block may mean something: the one that holds byte `at`.
struct TriggerHit {
  std::size_t at = 0;
  Interest interest = Interest::full;
};

/// Looks for every trigger word at once (Vectorscan). A line without any of them means nothing outside of a block that
/// a dialect has opened; a line that holds one may mean nothing too. One object per thread.
class LineTrigger {
public:
  LineTrigger();
  ~LineTrigger();
  LineTrigger(LineTrigger&&) noexcept;
  LineTrigger& operator=(LineTrigger&&) noexcept;
  Interest interest(std::string_view line) const;
  /// Over whole raw lines, at most 2^31 bytes: time stamps, process marks and escape sequences may stand before and in
  /// the words. `hits` is replaced; positions ascend.
  void scan(std::string_view lines, std::vector<TriggerHit>& hits);

private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace ndr
