#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// What may lie behind a failure that comes and goes.
enum class RootCause { race, contention, synchronisation, hardware, slow_operation, state_corruption };

std::string_view to_text(RootCause cause);
std::optional<RootCause> root_cause_from(std::string_view text);

/// One possible cause, how much speaks for it, and the lines that do. Weights of all hypotheses of one failure add up
/// to 1; they are priors for the choice of arms, no probabilities that anybody measured.
struct Hypothesis {
  RootCause cause = RootCause::race;
  double weight = 0;
  std::vector<Sourced<std::string>> reasons;  // a sentence, and the line that it rests on
  bool operator==(const Hypothesis&) const = default;
};

/// The likely causes, the likeliest first; those below a twentieth are left out. Empty where nothing failed.
std::vector<Hypothesis> hypotheses_of(const Evidence& evidence);

}  // namespace ndr
