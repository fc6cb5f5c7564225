#pragma once
#include <memory>
#include <span>
#include <string_view>

namespace ndr {

/// Words of messages, of the runner's complaints and of heap checks, for the prefilter; the dialects own them.
std::span<const std::string_view> message_words();
std::span<const std::string_view> runner_words();
std::span<const std::string_view> heap_check_words();

/// What a line may mean, before any dialect looks at it.
enum class Interest { none, progress, full };

/// Looks for every word that makes any dialect act, in one pass (Vectorscan). A line without any of them means nothing
/// outside of a block that a dialect has opened. One object per thread.
class LineTrigger {
public:
  LineTrigger();
  ~LineTrigger();
  LineTrigger(LineTrigger&&) noexcept;
  LineTrigger& operator=(LineTrigger&&) noexcept;
  Interest interest(std::string_view text) const;

private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace ndr
