#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// The normalised form of a failure: what must be seen again for a run to count as *reproduced*. Numbers, addresses,
/// pids, paths' prefixes and line drift are masked. All members are valid UTF-8; empty means unknown.
struct Signature {
  FailureType failure_type = FailureType::none;
  std::string exception;         // last component: RuntimeError, SIGSEGV
  std::string message_template;  // error line with values masked: "expected <n> but got <n>"
  std::string site_file;         // throw site: path without the checkout's prefix, no line
  std::string site_function;     // throw site's function, where a stack names it
  bool raised_in_test = false;   // the site is the test's own file: a stress test has another, so the statement decides
  std::string statement;         // the failing statement, white space folded
  std::vector<std::string> frames;    // up to 5 innermost own frames, "file:function"
  std::string test_name;              // test function or gtest Suite.Test without parameters
  std::vector<std::string> literals;  // plain strings (no masked parts), any of which a matching output contains
  bool operator==(const Signature&) const = default;
};

/// How alike two failures are. The first two count as *reproduced*.
enum class MatchGrade { exact, same_site, same_class, other };

std::string_view to_text(MatchGrade grade);
std::optional<MatchGrade> match_grade_from(std::string_view text);

struct Match {
  MatchGrade grade = MatchGrade::other;
  std::vector<std::string> reasons;  // one per field that a side knows: "exception: RuntimeError = RuntimeError"
  bool counts() const { return grade == MatchGrade::exact || grade == MatchGrade::same_site; }
};

/// The signature of a failure; failure_type none where the evidence shows no failure.
Signature signature_of(const Evidence& evidence);

/// What stands in a template for words that differ between the logs of one failure.
inline constexpr std::string_view any_mark = "<any>";

/// What several signatures of one failure share: a field on which they differ is unknown, words of the message on which
/// they differ become `<any>`, frames are cut where they part. Of at least one.
Signature common_signature(const std::vector<Signature>& signatures);

/// Whether a message template is what the wanted one says, where `<any>` stands for anything.
bool fits_template(std::string_view wanted, std::string_view seen);

/// Compares a run's failure (`seen`) with the case's (`wanted`).
/// exact: type, exception, message template and throw site agree · same_site: type agrees and the throw site or the
/// innermost own frame or the failing statement does, other message · same_class: only the type agrees · other.
/// What one side does not know neither agrees nor differs, but a grade needs a site, statement or message that agrees.
/// Raised in the test body on both sides: the site agrees where the statements do; where a statement is unknown, or
/// differs while the message has words enough to be its own, the message template decides.
Match match(const Signature& wanted, const Signature& seen);

/// Masks what varies between two runs of one failure (hex, decimals, uuids, paths' prefixes, quoted values' digits).
std::string mask_values(std::string_view message);

}  // namespace ndr
