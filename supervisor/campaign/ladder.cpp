#include "supervisor/campaign/ladder.hpp"

#include <algorithm>

namespace ndr {
namespace {

constexpr int assumed_iterations = 50;  // what a stress script loops at least, until it was counted
constexpr int more_iterations = 4;
constexpr int slices = 6;  // rungs that should fit into the search
constexpr std::int64_t shortest_slice_ms = 10000;

int worker_cap(const Policy& policy, const Progress& now) {
  return policy.boards > 0 ? std::min(policy.boards, now.worker_cap) : now.worker_cap;
}

/// How many iterations fit into one slice of the search, by the best time seen; start-up is part of that time, so the
/// guess is on the safe side and grows as longer attempts are measured.
int fitting_iterations(const Policy& policy, const Progress& now, std::int64_t left_ms) {
  if (now.iteration_us == 0) return 1 << 30;
  const std::int64_t share = std::max(shortest_slice_ms, policy.budget_ms / slices);
  const std::int64_t slice_ms = std::min({share, policy.attempt_ms, left_ms}) * 4 / 5;
  return static_cast<int>(std::clamp<std::int64_t>(slice_ms * 1000 / now.iteration_us, 1, 1 << 30));
}

std::vector<Arm> rungs(const Policy& policy, const Progress& now, std::int64_t left_ms) {
  const int usual = now.default_iterations > 0 ? now.default_iterations : assumed_iterations;
  const int fitting = fitting_iterations(policy, now, left_ms);
  const int same = policy.plain_iterations == 0 ? 0 : std::min(usual, fitting);
  const int more = std::min(usual * more_iterations, fitting);
  const int cap = worker_cap(policy, now);
  const Arm plain = plain_arm(policy);
  std::vector<Arm> found;
  const auto add = [&](int iterations, int workers) {
    const Arm arm = amplified(iterations, std::min(workers, cap), plain.iterations);
    if (arm != plain && std::find(found.begin(), found.end(), arm) == found.end()) found.push_back(arm);
  };
  if (!policy.noise_library.empty()) {
    found.push_back(noise_arm(same));
    found.push_back(yield_arm(same));
  }
  add(same, 2);
  add(same, 4);
  if (more > std::max(same, plain.iterations == 0 ? now.default_iterations : plain.iterations)) {
    add(more, 1);
    add(more, 2);
  }
  for (const int count : {1, policy.predecessors}) {
    if (policy.predecessors < count || policy.predecessors == 0) continue;
    Arm after = plain;
    after.name = "predecessors";
    after.iterations = same;
    after.predecessors = count;
    if (std::find(found.begin(), found.end(), after) == found.end()) found.push_back(std::move(after));
  }
  if (policy.boards > 0) {
    Arm fresh = plain;
    fresh.name = "fresh_board";
    fresh.iterations = same;
    fresh.fresh_board = true;
    found.push_back(std::move(fresh));
  }
  for (const Axis& axis : policy.axes) {
    Arm arm = arm_of(axis);
    arm.iterations = same;
    found.push_back(std::move(arm));
  }
  return found;
}

}  // namespace

std::uint64_t draw(std::uint64_t seed, std::uint64_t step) {
  std::uint64_t z = seed + (step + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

Arm plain_arm(const Policy& policy) {
  Arm arm;
  arm.iterations = policy.plain_iterations;
  return arm;
}

Arm raised_arm(const Policy& policy, const Progress& now) {
  Arm arm;
  arm.name = "watchdog";
  // As far as the plain runs came and one more: that is the iteration which must pass now.
  arm.iterations = static_cast<int>(std::clamp<std::int64_t>(now.screen_iterations + 1, 1, 1 << 20));
  arm.watchdog_scale = now.raised == 0 ? 4 : 0;
  arm.operation_timeout_s = policy.operation_timeout_s;
  return arm;
}

Arm search_arm(const Policy& policy, const Progress& now, std::int64_t left_ms) {
  const std::vector<Arm> ladder = rungs(policy, now, left_ms);
  const std::size_t round = ladder.size() + 1;
  const auto searched = static_cast<std::size_t>(now.searched);
  const std::size_t place = searched % round;
  const std::size_t control = draw(policy.seed ^ 0xc0117201u, searched / round) % round;
  if (place == control) return plain_arm(policy);
  return ladder[place - (place > control ? 1 : 0)];
}

Arm confirm_arm(const Policy& policy, const Progress& now) {
  if (!now.hit_arm || now.hit_arm->name == "watchdog") return plain_arm(policy);
  Arm arm = *now.hit_arm;
  const int workers = now.calm_misses < 2 ? 1 : std::min(arm.workers, worker_cap(policy, now));
  if (workers == arm.workers) return arm;
  if (arm.noise_chance > 0) {
    arm.workers = workers;
    return arm;
  }
  return amplified(arm.iterations, workers, policy.plain_iterations);
}

bool is_calm_variant(const Arm& hit, const Arm& arm) {
  return hit.workers > 1 && arm.workers == 1 && arm.iterations == hit.iterations &&
         arm.noise_chance == hit.noise_chance;
}

}  // namespace ndr
