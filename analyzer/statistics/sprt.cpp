#include "analyzer/statistics/sprt.hpp"

#include <algorithm>
#include <cmath>

#include "analyzer/assert.hpp"

namespace ndr {
namespace {

constexpr double fixed_share = 0.1;  // of the broken rate, p0 / p1

}  // namespace

Sprt::Sprt(double broken_rate, double risk, std::int64_t least_clean)
    : broken_rate_(broken_rate),
      clean_step_(std::log1p(-fixed_share * broken_rate) - std::log1p(-broken_rate)),
      match_step_(-std::log(fixed_share)),
      bound_(std::log((1 - risk) / risk)),
      least_clean_(least_clean) {
  NDR_ASSERT(broken_rate > 0 && broken_rate < 1 && risk > 0 && risk < 0.5 && least_clean >= 0);
}

void Sprt::add(std::int64_t clean, std::int64_t matched) {
  NDR_ASSERT(clean >= 0 && matched >= 0);
  clean_ += clean;
  matched_ += matched;
  if (state_ != FixState::undecided) return;
  if (is_failing_at(clean_, matched_))
    state_ = FixState::still_failing;
  else if (clean_ >= clean_runs_to_fixed(matched_))
    state_ = FixState::fixed;
}

std::int64_t Sprt::clean_runs_to_go() const {
  return state_ == FixState::undecided ? clean_runs_to_fixed(matched_) - clean_ : 0;
}

std::int64_t Sprt::clean_runs_to_fixed(std::int64_t matched) const {
  const double runs = std::ceil((static_cast<double>(matched) * match_step_ + bound_) / clean_step_);
  return std::max(least_clean_, static_cast<std::int64_t>(runs));
}

bool Sprt::is_failing_at(std::int64_t clean, std::int64_t matched) const {
  return static_cast<double>(matched) * match_step_ - static_cast<double>(clean) * clean_step_ >= bound_;
}

}  // namespace ndr
