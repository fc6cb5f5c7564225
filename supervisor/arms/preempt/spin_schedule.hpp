#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

namespace ndr {

/// How a preempter disturbs: on each CPU it pauses exp(mean_pause_us) and then spins log-uniform between the two
/// lengths (all in microseconds).
struct PreemptSettings {
  double mean_pause_us = 200;
  double shortest_us = 10;
  double longest_us = 500;
  std::uint64_t seed = 0;
  bool operator==(const PreemptSettings&) const = default;
};

/// The settings as they are used: spins of 1 us to 10 ms, a mean pause of 10 us to 1 s. No word of a foreign file
/// shall stop a CPU for longer.
inline PreemptSettings bounded(PreemptSettings settings) {
  const auto within = [](double value, double least, double most) {
    return value >= least ? std::min(value, most) : least;  // NaN: the least
  };
  settings.mean_pause_us = within(settings.mean_pause_us, 10, 1e6);
  settings.shortest_us = within(settings.shortest_us, 1, 1e4);
  settings.longest_us = within(settings.longest_us, settings.shortest_us, 1e4);
  return settings;
}

/// Pauses and spins in turn, the same for the same seed and CPU. Over any stretch from the start, spins are at most
/// 60 % of the time and 10 ms: a pause is prolonged where they would be more, so that the machine stays alive.
class SpinSchedule {
public:
  SpinSchedule(const PreemptSettings& settings, int cpu)
      : settings_(bounded(settings)), random_(settings.seed * 8191 + static_cast<std::uint64_t>(cpu)) {}

  struct Turn {
    std::int64_t pause_ns = 0;
    std::int64_t spin_ns = 0;
  };

  Turn next() {
    std::exponential_distribution<double> pause{1 / settings_.mean_pause_us};
    std::uniform_real_distribution<double> length{std::log(settings_.shortest_us), std::log(settings_.longest_us)};
    double pause_us = std::min(pause(random_), 10 * settings_.mean_pause_us);
    const double spin_us =
        settings_.longest_us > settings_.shortest_us ? std::exp(length(random_)) : settings_.shortest_us;
    const double least_us = (spun_us_ + spin_us - allowance_us) / most_share - spun_us_ - spin_us - paused_us_;
    pause_us = std::max(pause_us, least_us);
    spun_us_ += spin_us;
    paused_us_ += pause_us;
    return {static_cast<std::int64_t>(pause_us * 1000), static_cast<std::int64_t>(spin_us * 1000)};
  }

  static constexpr double most_share = 0.6;
  static constexpr double allowance_us = 10000;

private:
  PreemptSettings settings_;
  std::mt19937_64 random_;
  double spun_us_ = 0;
  double paused_us_ = 0;
};

}  // namespace ndr
