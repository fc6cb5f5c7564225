#include "supervisor/arms/hold/draw.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ndr::hold {
namespace {

using KindCounts = std::array<std::uint64_t, access_kinds>;
using KindWeights = std::array<double, access_kinds>;

// Of each kind as a whole. Libraries bring many accesses with them: all of them together get at most their share.
KindWeights whole_weights(const KindCounts& counts) {
  KindWeights weights{};
  for (std::size_t kind = 0; kind < access_kinds; ++kind)
    weights[kind] = static_cast<double>(counts[kind]) * access_weights[kind];
  const double library = std::exchange(weights.back(), 0.0);
  const double others = std::accumulate(weights.begin(), weights.end(), 0.0);
  weights.back() = others > 0 ? std::min(library, others * largest_library_share) : library;
  return weights;
}

std::size_t draw_one(const KindCounts& counts, const KindWeights& weights, Random& random) {
  double left = random.fraction() * std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t begin = 0;
  for (std::size_t kind = 0; kind < access_kinds; ++kind) {
    const auto count = static_cast<std::size_t>(counts[kind]);
    if (count > 0 && left < weights[kind])
      return begin + std::min(count - 1, static_cast<std::size_t>(left / weights[kind] * static_cast<double>(count)));
    left -= weights[kind];
    begin += count;
  }
  return begin - 1;  // rounding, at the very end
}

}  // namespace

std::vector<std::size_t> draw_accesses(const std::array<std::uint64_t, access_kinds>& counts,
                                       std::span<const AccessHistory> histories, std::size_t wanted, Random& random) {
  const std::uint64_t all = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  std::vector<std::size_t> drawn;
  if (all <= wanted) {
    drawn.resize(static_cast<std::size_t>(all));
    std::iota(drawn.begin(), drawn.end(), std::size_t{0});
    return drawn;
  }
  const KindWeights weights = whole_weights(counts);
  // Bounded: where hardly anything is worth it, fewer are as good.
  for (std::size_t tries = 0; drawn.size() < wanted && tries < 64 * wanted; ++tries) {
    const std::size_t number = draw_one(counts, weights, random);
    if (number < histories.size() && random.fraction() >= worth(histories[number])) continue;
    if (std::find(drawn.begin(), drawn.end(), number) == drawn.end()) drawn.push_back(number);
  }
  return drawn;
}

}  // namespace ndr::hold
