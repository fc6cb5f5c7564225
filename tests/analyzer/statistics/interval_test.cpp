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

TEST_CASE("the intervals for display give the published values") {
  const Interval score = wilson(3, 10, 0.95);
  CHECK(score.low == Approx(0.108).margin(0.0005));
  CHECK(score.high == Approx(0.603).margin(0.0005));
  const Interval posterior = jeffreys(3, 10, 0.95);
  CHECK(posterior.low == Approx(0.093).margin(0.0005));
  CHECK(posterior.high == Approx(0.606).margin(0.0005));
}

TEST_CASE("every interval holds the observed rate, has exact ends and widens with confidence") {
  for (const auto interval : {clopper_pearson, wilson, jeffreys}) {
    for (std::int64_t hits = 0; hits <= 40; ++hits) {
      const Interval narrow = interval(hits, 40, 0.9);
      const Interval wide = interval(hits, 40, 0.99);
      INFO(hits);
      CHECK(narrow.low <= static_cast<double>(hits) / 40);
      CHECK(narrow.high >= static_cast<double>(hits) / 40);
      CHECK(wide.low <= narrow.low);
      CHECK(wide.high >= narrow.high);
      CHECK((narrow.low == 0) == (hits == 0));
      CHECK((narrow.high == 1) == (hits == 40));
    }
  }
}

TEST_CASE("a budget says which rates it can see") {
  CHECK(smallest_rate_seen(45) == Approx(0.050).margin(0.0005));
  CHECK(smallest_rate_seen(360) == Approx(0.0064).margin(0.00005));
  CHECK(smallest_rate_seen(13) == Approx(0.16).margin(0.005));
  CHECK(chance_of_hit(0.01, 45) == Approx(0.36).margin(0.005));
  CHECK(chance_of_hit(0.05, 45) == Approx(0.90).margin(0.005));
  CHECK(chance_of_hit(0.01, 360) == Approx(0.97).margin(0.005));
  CHECK(chance_of_hit(0.05, 13) == Approx(0.49).margin(0.005));
  CHECK(chance_of_hit(0.20, 4) == Approx(0.59).margin(0.005));
  CHECK(chance_of_hit(1.0, 1) == 1.0);
  CHECK(chance_of_hit(1.0, 0) == 0.0);
  CHECK(chance_of_hit(smallest_rate_seen(77, 0.8), 77) == Approx(0.8));
  CHECK(upper_bound_without_hits(1000000, 0.95) == Approx(2.9957e-6).epsilon(0.0001));
}

TEST_CASE("a first hit alone says little") {
  const Interval tenth = first_hit_interval(10, 0.95);
  CHECK(tenth.low == Approx(0.0025).margin(0.00005));
  CHECK(tenth.high == Approx(0.336).margin(0.0005));
  const Interval first = first_hit_interval(1, 0.95);
  CHECK(first.low == Approx(0.025));
  CHECK(first.high == 1.0);
}
