#pragma once
#include <cstdint>

namespace ndr {

/// Draws from one seed. SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), and on it methods that are written out here:
/// what the standard's distributions make of the same bits differs between libraries. Integers and fractions are the
/// same on each machine, normal and gamma draws up to the last digits of its logarithm. The noise library has a
/// generator of its own, since it is loaded into foreign programs and statistics stands alone.
class RandomStream {
public:
  explicit constexpr RandomStream(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }

  /// In (0, 1), never an end: middles of 2^52 equal steps.
  constexpr double fraction() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52; }

  /// Mean 0, deviation 1, by the polar method (Marsaglia and Bray, SIAM Review 6, 1964). The second of its two values
  /// is thrown away, so that the seed and the number of calls are all that a draw depends on.
  double normal();

  /// Gamma with this shape > 0 and scale 1 (Marsaglia and Tsang, ACM Trans. Math. Softw. 26, 2000; shapes below 1 by
  /// their power of a uniform). Tiny shapes may give 0.
  double gamma(double shape);

  /// Beta(a, b), a and b > 0, as a share of two gamma draws.
  double beta(double a, double b);

private:
  std::uint64_t state_;
};

}  // namespace ndr
