#include "analyzer/statistics/gamma_poisson.hpp"

#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "analyzer/assert.hpp"

namespace ndr {

FailureBelief belief_around(double mean_per_second, double shape) {
  NDR_ASSERT(mean_per_second > 0 && shape > 0);
  return {shape, shape / mean_per_second};
}

double draw_rate(const FailureBelief& belief, RandomStream& random) {
  NDR_ASSERT(belief.shape > 0 && belief.seconds > 0);
  return random.gamma(belief.shape) / belief.seconds;
}

double credible_bound(const FailureBelief& belief, double confidence) {
  NDR_ASSERT(belief.shape > 0 && belief.seconds > 0 && confidence > 0 && confidence < 1);
  return boost::math::gamma_p_inv(belief.shape, confidence) / belief.seconds;
}

double chance_of_match(const FailureBelief& belief, double exposure_s) {
  NDR_ASSERT(belief.shape > 0 && belief.seconds > 0 && exposure_s >= 0);
  return -std::expm1(-belief.shape * std::log1p(exposure_s / belief.seconds));
}

double chance_of_match(double rate_per_second, double exposure_s) {
  NDR_ASSERT(rate_per_second >= 0 && exposure_s >= 0);
  return -std::expm1(-rate_per_second * exposure_s);
}

double smallest_rate_per_second_seen(double exposure_s, double chance) {
  return rate_bound_without_matches(exposure_s, chance);
}

double rate_bound_without_matches(double exposure_s, double confidence) {
  NDR_ASSERT(exposure_s > 0 && confidence > 0 && confidence < 1);
  return -std::log1p(-confidence) / exposure_s;
}

RatePerSecond garwood(std::int64_t matched, double exposure_s, double confidence) {
  NDR_ASSERT(matched >= 0 && exposure_s > 0 && confidence > 0 && confidence < 1);
  const double tail = (1 - confidence) / 2;
  const auto k = static_cast<double>(matched);
  return {matched == 0 ? 0.0 : boost::math::gamma_p_inv(k, tail) / exposure_s,
          boost::math::gamma_q_inv(k + 1, tail) / exposure_s};
}

RatePerSecond garwood_until(std::int64_t matched, double exposure_s, double confidence) {
  NDR_ASSERT(matched >= 1);
  RatePerSecond rate = garwood(matched, exposure_s, confidence);
  rate.high = boost::math::gamma_q_inv(static_cast<double>(matched), (1 - confidence) / 2) / exposure_s;
  return rate;
}

}  // namespace ndr
