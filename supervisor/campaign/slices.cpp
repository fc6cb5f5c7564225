#include "supervisor/campaign/slices.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "analyzer/statistics/gamma_poisson.hpp"
#include "analyzer/statistics/random.hpp"
#include "supervisor/campaign/ladder.hpp"
#include "supervisor/campaign/slice_iterations.hpp"

namespace ndr {
namespace {

constexpr std::int64_t longest_sliced_ms = 20000;  // of a plain run
constexpr double control_share = 0.10;
constexpr double least_share = 0.05;
constexpr double patience_s = 20;  // a weight is halved by so many seconds without a match
constexpr int proven_matches = 2;
constexpr std::int64_t patient_limit_ms = 10000;
constexpr int compared_runs = 40;
constexpr int most_alone = 2;
constexpr std::int64_t shortest_recipe_ms = 10000;
constexpr std::int64_t reduce_limit_ms = 10000;  // of one weaker arm

constexpr std::array levels{1.0, 3.0, 1.0 / 3};  // below 1 an arm is weaker, above stronger

double draw_share(const Policy& policy, const Progress& now, std::uint64_t purpose) {
  return static_cast<double>(draw(policy.seed ^ purpose, static_cast<std::uint64_t>(now.attempts)) >> 11) * 0x1p-53;
}

std::int64_t run_us(const Progress& now) {
  return now.run_us > 0 ? now.run_us : std::max<std::int64_t>(1, now.shortest_ms) * 1000;
}

/// Delays of half the length of a run, from 0.2 to 20 ms (measured: amplifying falls off on both sides).
int scaled_us(const Progress& now, double level) {
  const double us = std::clamp(static_cast<double>(run_us(now)) * 0.5, 300.0, 5000.0) * level;
  return static_cast<int>(std::clamp(us, 200.0, 20000.0));
}

/// Some four delays a run, however often the test calls what is delayed.
double scaled_chance(const Progress& now, double level) {
  return now.points == 0 ? 0.1 : std::clamp(4 * std::sqrt(level) / static_cast<double>(now.points), 1e-4, 0.5);
}

int fitting_copies(int copies, const Progress& now) { return run_us(now) > 2000000 ? std::min(copies, 4) : copies; }

const Axis* axis_named(const Policy& policy, const std::string& name) {
  const auto found =
      std::find_if(policy.axes.begin(), policy.axes.end(), [&name](const Axis& axis) { return axis.name == name; });
  return found == policy.axes.end() ? nullptr : &*found;
}

double seconds(const ArmRecord& record) { return static_cast<double>(record.exposure_ms) / 1000; }

double seconds_of(const Progress& now, const std::string& name) {
  double sum = 0;
  for (const ArmRecord& record : now.slices)
    if (record.arm.name == name) sum += seconds(record);
  return sum;
}

double hint_for(const Progress& now, const std::string& name) {  // counts as no match
  const bool came_near = std::any_of(now.slices.begin(), now.slices.end(), [&name](const ArmRecord& record) {
    return record.arm.name == name && record.near_misses > 0;
  });
  return came_near ? 2 : 1;
}

int slices_of(const Progress& now, const std::string& name) {
  int count = 0;
  for (const ArmRecord& record : now.slices)
    if (record.arm.name == name) count += record.slices;
  return count;
}

bool is_dropped(const Progress& now, const std::string& name) {
  return std::any_of(now.dropped.begin(), now.dropped.end(), [&name](const auto& arm) { return arm.name == name; });
}

std::vector<ArmWeight> open_arms(const Policy& policy, const Progress& now) {
  std::vector<ArmWeight> open;
  for (const ArmWeight& arm : policy.arms)
    if (!is_dropped(now, arm.name)) open.push_back(arm);
  return open;
}

RunAttempt sliced(const Policy& policy, const Progress& now, AttemptPhase phase, Arm arm, int enough_matches) {
  RunAttempt step;
  step.phase = phase;
  SlicePlan plan = slice_plan(policy, now, arm);
  plan.enough_matches = enough_matches;
  step.arm = std::move(arm);
  step.seed = draw(policy.seed, static_cast<std::uint64_t>(now.attempts)) >> 33;
  // Runs that are in progress when the slice's time is over go on to their own limits.
  step.deadline_ms = std::min(next_deadline_ms(policy, now), plan.duration_ms + plan.run_limit_ms * 10 + 10000);
  plan.duration_ms = std::min(plan.duration_ms, step.deadline_ms);
  step.slice = plan;
  return step;
}

/// The arm that has had least of the time that it is owed; nothing where all have had theirs.
std::optional<std::string> starving_arm(const std::vector<ArmWeight>& open, const Progress& now, double all_s) {
  std::optional<std::string> name;
  double least = least_share * all_s;
  for (const ArmWeight& arm : open) {
    const double had = seconds_of(now, arm.name);
    if (had >= least) continue;
    least = had;
    name = arm.name;
  }
  return name;
}

std::string drawn_arm(const std::vector<ArmWeight>& open, const Policy& policy, const Progress& now) {
  std::vector<double> weights;
  double sum = 0;
  for (const ArmWeight& arm : open) {
    weights.push_back(arm.weight * hint_for(now, arm.name) / (1 + seconds_of(now, arm.name) / patience_s));
    sum += weights.back();
  }
  double at = draw_share(policy, now, 0xa43u) * sum;
  for (std::size_t i = 0; i < open.size(); ++i) {
    at -= weights[i];
    if (at < 0) return open[i].name;
  }
  return open.back().name;
}

/// The weaker ones of the menu, weakest first: what a hit may be stepped down to.
std::vector<Arm> weaker_arms(const Policy& policy, const Progress& now, const Arm& hit) {
  std::vector<Arm> weaker;
  const auto add = [&](Arm arm) {
    arm.iterations = hit.iterations;
    if (strength_of(arm) < strength_of(hit)) weaker.push_back(std::move(arm));
  };
  const auto with_copies = [](Arm arm, int copies) {
    arm.copies = copies;
    arm.shared_copies = copies / 2;
    return arm;
  };
  Arm plain = plain_arm(policy);
  add(plain);
  for (const int copies : {2, 4, 16}) {
    Arm parallel = plain;
    parallel.name = "copies";
    add(with_copies(parallel, copies));
  }
  for (const ArmWeight& listed : policy.arms) {
    // Besides its own kind only what anybody can do by hand, and the library.
    const bool is_common = listed.name == "yield" || listed.name == "noise";
    if ((!is_common && listed.name != hit.name) || is_dropped(now, listed.name)) continue;
    // Of another kind only what is weaker as a kind; of the same kind fewer copies and smaller delays too.
    const Arm full = listed.name == hit.name ? hit : slice_arm(listed.name, 0, policy, now);
    for (const int copies : {1, 2, 4}) {
      if (copies > full.copies) continue;
      Arm half = with_copies(full, copies);
      half.noise_chance /= half.noise_us > 0 ? 2 : 1;
      half.breakpoints /= 2;
      half.call_chance /= 2;
      if (half.noise_chance > 0 || half.breakpoints > 0 || half.call_chance > 0) add(half);
      add(with_copies(full, copies));
    }
  }
  std::stable_sort(weaker.begin(), weaker.end(),
                   [](const Arm& a, const Arm& b) { return strength_of(a) < strength_of(b); });
  weaker.erase(std::unique(weaker.begin(), weaker.end()), weaker.end());
  return weaker;
}

const ArmRecord* record_of(const Progress& now, const Arm& arm) {
  const auto found =
      std::find_if(now.slices.begin(), now.slices.end(), [&arm](const ArmRecord& record) { return record.arm == arm; });
  return found == now.slices.end() ? nullptr : &*found;
}

double matches_per_second(const ArmRecord& record) {
  return static_cast<double>(record.matched) / std::max(0.05, seconds(record));
}

double best_rate(const Progress& now) {
  double best = 0;
  for (const ArmRecord& record : now.slices)
    best = std::max(best, matches_per_second(record));
  return best;
}

/// A weaker arm has so long to show a match: five times as long as the best needs for one, and no more than a recipe's
/// patience.
std::int64_t trial_ms(const Progress& now) {
  const double rate = best_rate(now);
  return rate <= 0 ? reduce_limit_ms : std::clamp<std::int64_t>(std::llround(5000 / rate), 1000, reduce_limit_ms);
}

std::int64_t compare_limit_ms(const Policy& policy) { return policy.budget_ms / 10; }  // of telling where it races

}  // namespace

double strength_of(const Arm& arm) {
  double kind = 0;
  if (arm.keeps_folder || arm.predecessors > 0) kind = 50;
  if (!arm.environment.empty() || !arm.limits.empty()) kind = 100;
  if (arm.noise_chance > 0 || arm.priority_points > 0) kind = arm.noise_us > 0 ? 300 : 200;
  if (arm.one_cpu) kind = 150;
  if (arm.breakpoints > 0) kind = 400;
  if (arm.call_chance > 0) kind = 350;
  if (arm.preempts) kind = 500;
  if (arm.redrawn) kind = 900;
  // More than one copy is a change of its own, but a smaller one than any delay.
  const double copies = std::log2(static_cast<double>(std::max(1, arm.copies))) * 10;
  const double amount = arm.noise_chance * 4 + arm.call_chance * 4 + arm.breakpoints * 0.1 + arm.predecessors * 0.1;
  return kind + copies + std::min(amount, 9.0);
}

Arm slice_arm(const std::string& name, int round, const Policy& policy, const Progress& now) {
  const double level = levels[static_cast<std::size_t>(round) % levels.size()];
  Arm arm;
  arm.name = name;
  arm.iterations = slice_iterations(policy, now, run_us(now), round);
  arm.copies = 4;
  if (name == "copies") {
    arm.copies = level > 1 ? 4 : level < 1 ? 2 : 16;
  } else if (name == "noise") {
    arm.noise_chance = scaled_chance(now, level);
    arm.noise_us = scaled_us(now, level);
  } else if (name == "yield") {
    arm.copies = 2;
    arm.noise_chance = level > 1 ? 0.9 : level < 1 ? 0.2 : 0.5;
  } else if (name == "hold" || name == "directed") {
    arm.breakpoints = level > 1 ? 24 : 8;
    arm.hold_us = scaled_us(now, level);
    if (name == "directed") arm.near = policy.near;
  } else if (name == "back_to_back") {
    arm.copies = level > 1 ? 4 : 1;
    arm.keeps_folder = true;
  } else if (name == "calls") {
    arm.call_chance = level > 1 ? 0.5 : level < 1 ? 0.15 : 0.3;
    arm.hold_us = std::max(1000, scaled_us(now, level));
  } else if (name == "predecessors") {
    arm.copies = 1;
    arm.predecessors = level > 1 ? policy.predecessors : level < 1 ? 1 : std::min(4, policy.predecessors);
  } else if (name == "preempt") {
    arm.preempts = true;
  } else if (name == "affinity") {
    arm.one_cpu = true;
  } else if (name == "pct") {
    arm.copies = 1;
    arm.priority_points = static_cast<int>(std::clamp<std::uint64_t>(now.points, 2, 100000));
  } else if (name == "chaos") {
    arm.copies = level > 1 ? 16 : 4;
    arm.redrawn = true;
    arm.noise_chance = scaled_chance(now, 1);
    arm.noise_us = scaled_us(now, level);
    arm.preempts = std::any_of(policy.arms.begin(), policy.arms.end(),
                               [](const ArmWeight& other) { return other.name == "preempt"; });
  } else if (name == "count") {
    arm.copies = 1;
    arm.iterations = policy.plain_iterations;
    arm.counts_points = true;
  } else {
    const Axis* axis = axis_named(policy, name);
    arm.copies = axis != nullptr && level > 1 ? 4 : 1;
    arm.iterations = policy.plain_iterations;
    if (axis != nullptr) arm.environment = axis->environment;
    if (axis != nullptr) arm.limits = axis->limits;
  }
  arm.copies = fitting_copies(arm.copies, now);
  arm.shared_copies = arm.copies / 2;
  return arm;
}

bool uses_slices(const Policy& policy, const Progress& now) {
  return policy.slices && now.plain_worked && (now.shortest_ms > 0 || now.run_us > 0 || now.screen_matched > 0) &&
         run_us(now) <= longest_sliced_ms * 1000;
}

SlicePlan slice_plan(const Policy& policy, const Progress& now, const Arm& arm) {
  SlicePlan plan;
  // The first slices are short, so that every arm is tried soon; the later ones are worth their own cost.
  const int round = slices_of(now, arm.name);
  plan.duration_ms = run_us(now) > 300000 ? 2000 : round == 0 ? 300 : 1000;
  if (policy.mode == CampaignMode::soak && round > 10) plan.duration_ms *= 5;
  const double crowd = std::max(1.0, static_cast<double>(arm.copies) / 4);
  const bool loops = policy.plain_iterations > 0 && arm.iterations > policy.plain_iterations;
  const std::int64_t usual_ms = (run_us(now) + (loops ? arm.iterations * now.iteration_us : 0)) / 1000;
  plan.run_limit_ms =
      std::max<std::int64_t>(1000, std::llround(10 * static_cast<double>(usual_ms) * crowd)) + added_delay_ms(arm);
  // A test that stands still may have a watchdog of its own, which says later what CI's log shows.
  const auto failed = [](const ArmRecord& record) { return record.different > 0; };
  if (now.matched == 0 && std::any_of(now.slices.begin(), now.slices.end(), failed))
    plan.run_limit_ms = std::max(plan.run_limit_ms, patient_limit_ms);
  if (arm.counts_points) plan.runs = 3;
  return plan;
}

RunAttempt search_slice(const Policy& policy, const Progress& now) {
  const auto with = [&](const std::string& name) {
    return sliced(policy, now, AttemptPhase::search, slice_arm(name, slices_of(now, name), policy, now), 1);
  };
  if (!policy.noise_library.empty() && slices_of(now, "count") == 0) return with("count");
  const std::vector<ArmWeight> open = open_arms(policy, now);
  double all_s = seconds_of(now, "plain");
  for (const ArmWeight& arm : open)
    all_s += seconds_of(now, arm.name);
  if (open.empty() || slices_of(now, "plain") == 0 || seconds_of(now, "plain") < control_share * all_s)
    return with("plain");
  if (const auto starving = starving_arm(open, now, all_s)) return with(*starving);
  return with(drawn_arm(open, policy, now));
}

RunAttempt confirm_slice(const Policy& policy, const Progress& now) {
  const int missing = std::max(1, policy.confirmations - now.matched);
  if (now.confirm_slices % 10 == 4)
    return sliced(policy, now, AttemptPhase::confirm, slice_arm("plain", 0, policy, now), missing);
  const ArmRecord* best = nullptr;
  double most = -1;
  std::uint64_t step = 0;
  for (const ArmRecord& record : now.slices) {
    ++step;
    if (record.matched == 0 || is_dropped(now, record.arm.name)) continue;
    RandomStream random{draw(policy.seed ^ 0x7405u, static_cast<std::uint64_t>(now.attempts) * 1000 + step)};
    // As unknown as possible before the first match, and no less than a run's own time.
    const FailureBelief belief{static_cast<double>(record.matched) + 0.5, seconds(record) + 0.05};
    const double rate = draw_rate(belief, random);
    if (rate <= most) continue;
    most = rate;
    best = &record;
  }
  // It matched in a plain run of the screen.
  if (best == nullptr) return sliced(policy, now, AttemptPhase::confirm, slice_arm("plain", 0, policy, now), missing);
  return sliced(policy, now, AttemptPhase::confirm, best->arm, missing);
}

std::optional<Arm> recipe_arm(const Policy& policy, const Progress& now) {
  const ArmRecord* weakest = nullptr;
  const ArmRecord* best = nullptr;
  for (const ArmRecord& record : now.slices) {
    if (record.matched == 0 || is_dropped(now, record.arm.name)) continue;
    if (best == nullptr || matches_per_second(record) > matches_per_second(*best)) best = &record;
    // One match may be luck, and one that comes once in half a minute makes no recipe.
    if (record.matched < proven_matches || matches_per_second(record) < 1.0 / 30) continue;
    if (weakest == nullptr || strength_of(record.arm) < strength_of(weakest->arm)) weakest = &record;
  }
  // What was the weakest has missed when the script ran alone.
  if (weakest == nullptr || now.alone > now.alone_matched) weakest = best;
  if (weakest != nullptr) return weakest->arm;
  return now.screen_matched > 0 ? std::optional{plain_arm(policy)} : std::nullopt;
}

std::optional<RunAttempt> compare_slice(const Policy& policy, const Progress& now) {
  const bool is_enough =
      now.compared_matched >= compared_runs && now.compared_passed >= 10 * std::int64_t{compared_runs};
  if (is_enough || now.compare_ms >= compare_limit_ms(policy)) return std::nullopt;
  const ArmRecord* best = nullptr;
  for (const ArmRecord& record : now.slices) {
    const Arm& arm = record.arm;
    const bool notes_places = arm.noise_chance > 0 || arm.breakpoints > 0 || arm.call_chance > 0;
    if (record.matched == 0 || !notes_places || arm.redrawn || is_dropped(now, arm.name)) continue;
    if (best == nullptr || matches_per_second(record) > matches_per_second(*best)) best = &record;
  }
  if (best == nullptr) return std::nullopt;
  Arm arm = best->arm;
  arm.noise_chance /= 4;
  arm.call_chance /= 4;
  if (arm.breakpoints > 0) arm.breakpoints = std::max(1, arm.breakpoints / 4);
  RunAttempt step = sliced(policy, now, AttemptPhase::confirm, std::move(arm), 0);
  step.slice->duration_ms = std::clamp<std::int64_t>(compare_limit_ms(policy) - now.compare_ms, 500, 5000);
  return step;
}

std::optional<RunAttempt> recipe_run(const Policy& policy, const Progress& now) {
  std::optional<Arm> recipe = recipe_arm(policy, now);
  const std::int64_t left_ms = policy.budget_ms - now.spent_ms;
  if (!policy.holds_recipe || now.alone_matched > 0 || now.alone >= most_alone) return std::nullopt;
  if (!recipe || left_ms < shortest_recipe_ms) return std::nullopt;
  RunAttempt step;
  step.phase = AttemptPhase::reduce;
  step.arm = std::move(*recipe);
  step.arm.name = recipe_name;
  step.seed = draw(policy.seed, static_cast<std::uint64_t>(now.attempts)) >> 33;
  // Half of what is left: should it miss, there is a second try with the strongest.
  step.deadline_ms = std::min(next_deadline_ms(policy, now), std::max(shortest_recipe_ms, left_ms / 2));
  return step;
}

std::optional<RunAttempt> reduce_slice(const Policy& policy, const Progress& now) {
  const std::optional<Arm> recipe = recipe_arm(policy, now);
  if (!recipe || now.alone > 0 || now.reduce_ms >= policy.budget_ms * 15 / 100) return std::nullopt;
  for (const Arm& arm : weaker_arms(policy, now, *recipe)) {
    const ArmRecord* record = record_of(now, arm);
    const std::int64_t tried_ms = record == nullptr ? 0 : record->exposure_ms;
    const bool is_proven = record != nullptr && record->matched >= proven_matches;
    if (is_proven || tried_ms >= trial_ms(now)) continue;
    return sliced(policy, now, AttemptPhase::reduce, arm, 1);
  }
  return std::nullopt;
}

}  // namespace ndr
