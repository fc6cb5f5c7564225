#include "analyzer/statistics/interval.hpp"

#include <cmath>

#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

/// P(X <= k) of a binomial distribution, by its terms: nothing shared with the code under test.
double at_most(int k, int n, double p) {
  double sum = 0;
  for (int i = 0; i <= k; ++i)
    sum += std::exp(std::lgamma(n + 1.0) - std::lgamma(i + 1.0) - std::lgamma(n - i + 1.0) + i * std::log(p) +
                    (n - i) * std::log1p(-p));
  return sum;
}

}  // namespace

TEST_CASE("Clopper-Pearson gives the published values") {
  struct Known {
    int hits, runs;
    double low, high;
  };
  for (const Known& known : {Known{3, 10, 0.067, 0.652}, Known{7, 10, 0.348, 0.933}, Known{10, 10, 0.692, 1.0},
                             Known{0, 50, 0.0, 0.071}, Known{3, 50, 0.013, 0.165}}) {
    const Interval interval = clopper_pearson(known.hits, known.runs, 0.95);
    INFO(known.hits << "/" << known.runs);
    CHECK(interval.low == Approx(known.low).margin(0.0005));
    CHECK(interval.high == Approx(known.high).margin(0.0005));
  }
}

TEST_CASE("at the ends of a Clopper-Pearson interval the data are just as unlikely as promised") {
  for (int n = 1; n <= 60; n += 7)
    for (int k = 0; k <= n; ++k) {
      const Interval interval = clopper_pearson(k, n, 0.95);
      INFO(k << "/" << n);
      if (k < n) REQUIRE(at_most(k, n, interval.high) == Approx(0.025).margin(1e-9));
      if (k > 0) REQUIRE(1 - at_most(k - 1, n, interval.low) == Approx(0.025).margin(1e-9));
    }
}

TEST_CASE("nothing seen in n runs leaves about 3/n open") {
  CHECK(upper_bound_without_hits(10, 0.95) == Approx(0.259).margin(0.0005));
  CHECK(upper_bound_without_hits(50, 0.95) == Approx(0.058).margin(0.0005));
  CHECK(upper_bound_without_hits(299, 0.95) == Approx(0.01).margin(0.0001));
  CHECK(upper_bound_without_hits(59, 0.95) < 0.05);
}

TEST_CASE("six hits of six leave rates above 60 percent open") {
  CHECK(lower_bound_with_only_hits(6, 0.95) == Approx(0.607).margin(0.0005));
}

TEST_CASE("sampling until the third hit at run ten estimates two in nine") { CHECK(haldane(3, 10) == Approx(2.0 / 9)); }
