#pragma once

namespace ndr {

/// The border between where `holds` is true, from `low` on, and where it is not, up to `high`: to the last bit, but in
/// no more than so many halvings. Gives the last point found true, or `high` where it is true there too.
template <typename Predicate>
double last_true(double low, double high, Predicate holds, int most_halvings = 200) {
  if (holds(high)) return high;
  for (int halvings = 0; halvings < most_halvings; ++halvings) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace ndr
