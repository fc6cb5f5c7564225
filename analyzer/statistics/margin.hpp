#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "analyzer/statistics/interval.hpp"

namespace ndr {

/// A run fails where its value is below the threshold ("19646 < 19649"), or above it ("took 5.1 of 5 s").
enum class FailingSide { below, above };

/// How often values like those recorded miss a threshold.
struct MarginFit {
  double mean = 0;
  double deviation = 0;  // of the sample, n - 1 below
  double chance = 0;     // Phi((threshold - mean) / deviation), or 1 - that
  Interval chance_interval;
};

/// The probability of the failing side of `threshold` under a normal law, deviation > 0.
double margin_chance(double mean, double deviation, double threshold, FailingSide side);

/// Normal law fitted to values of runs that were recorded, failed ones among them. The interval is exact where they are
/// normal: sqrt(n) (mean - threshold) / deviation has a noncentral t distribution (Owen, Technometrics 10, 1968;
/// Johnson and Welch, Biometrika 31, 1940). A measured value with a floor or a long tail, as times have, is not quite:
/// take its logarithm and the threshold's. Nothing for fewer than 3 values, or for equal ones.
std::optional<MarginFit> fit_margin(std::span<const double> values, double threshold, FailingSide side,
                                    double confidence = 0.95);

}  // namespace ndr
