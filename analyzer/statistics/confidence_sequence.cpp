#include "analyzer/statistics/confidence_sequence.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <numbers>

#include "analyzer/assert.hpp"
#include "analyzer/statistics/bisection.hpp"

namespace ndr {

Interval confidence_sequence(std::int64_t hits, std::int64_t runs, double confidence) {
  NDR_ASSERT(runs >= 0 && hits >= 0 && hits <= runs && confidence > 0 && confidence < 1);
  if (runs == 0) return {};
  const auto k = static_cast<double>(hits);
  const auto n = static_cast<double>(runs);
  // ln B(k + 1/2, n - k + 1/2) - ln B(1/2, 1/2), and B(1/2, 1/2) is pi.
  const double mixture = boost::math::lgamma(k + 0.5) + boost::math::lgamma(n - k + 0.5) - boost::math::lgamma(n + 1) -
                         std::log(std::numbers::pi);
  const double least = mixture + std::log1p(-confidence);
  const auto is_left_open = [&](double rate) {
    const double of_hits = hits == 0 ? 0 : k * std::log(rate);
    const double of_others = hits == runs ? 0 : (n - k) * std::log1p(-rate);
    return of_hits + of_others > least;
  };
  const double observed = k / n;
  const double below = last_true(0, observed, [&](double distance) { return is_left_open(observed - distance); });
  const double above = last_true(observed, 1, is_left_open);
  return {hits == 0 ? 0 : observed - below, hits == runs ? 1 : above};
}

}  // namespace ndr
