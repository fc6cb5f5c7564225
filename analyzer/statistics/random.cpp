#include "analyzer/statistics/random.hpp"

#include <cmath>

#include "analyzer/assert.hpp"

namespace ndr {

double RandomStream::normal() {
  for (;;) {
    const double x = 2 * fraction() - 1;
    const double y = 2 * fraction() - 1;
    const double square = x * x + y * y;
    if (square < 1 && square > 0) return x * std::sqrt(-2 * std::log(square) / square);
  }
}

double RandomStream::gamma(double shape) {
  NDR_ASSERT(shape > 0 && std::isfinite(shape));
  if (shape < 1) {
    const double larger = gamma(shape + 1);
    return larger * std::pow(fraction(), 1 / shape);
  }
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  for (;;) {
    const double x = normal();
    const double root = 1 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    if (std::log(fraction()) < 0.5 * x * x + d - d * v + d * std::log(v)) return d * v;
  }
}

double RandomStream::beta(double a, double b) {
  for (;;) {
    const double x = gamma(a);
    const double sum = x + gamma(b);
    if (sum > 0) return x / sum;
  }
}

}  // namespace ndr
