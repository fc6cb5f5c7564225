#include "supervisor/campaign/ladder.hpp"

#include <set>

#include "tests/supervisor/campaign/attempt_samples.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

/// The names and sizes of the arms of `count` search attempts which all pass after `iterations`.
std::vector<Arm> searched(Play& play, int count, std::int64_t iterations = 50) {
  std::vector<Arm> arms;
  for (int i = 0; i < count; ++i)
    arms.push_back(play.ends(Played{.verdict = Verdict::passed, .iterations = iterations, .exposure_ms = 1000}).arm);
  return arms;
}

Play screened(Policy policy = {}) {
  Play play{.policy = policy};
  while (play.attempt().phase == AttemptPhase::screen)
    play.ends(Played{.verdict = Verdict::passed, .iterations = 50, .exposure_ms = 1000});
  return play;
}

}  // namespace

TEST_CASE("a round of the search takes every rung of the ladder and one plain control") {
  Play play = screened();
  for (int round = 0; round < 4; ++round) {
    std::vector<Arm> arms = searched(play, 5);
    const auto control = std::find(arms.begin(), arms.end(), Arm{});
    REQUIRE(control != arms.end());
    arms.erase(control);
    CHECK(arms == std::vector<Arm>{amplified(0, 2, 0), amplified(0, 4, 0), amplified(200, 1, 0), amplified(200, 2, 0)});
  }
}

TEST_CASE("where there is a noise library, its arms come first, and a hit of theirs is confirmed with it") {
  Play play = screened(Policy{.noise_library = "/lib/noise.so"});
  std::vector<Arm> arms = searched(play, 7);
  const auto control = std::find(arms.begin(), arms.end(), Arm{});
  REQUIRE(control != arms.end());
  arms.erase(control);
  CHECK(arms[0] == noise_arm(0));
  CHECK(arms[1] == yield_arm(0));
  Progress now;
  now.hit_arm = noise_arm(0);
  CHECK(confirm_arm(play.policy, now) == noise_arm(0));
  Arm twice = noise_arm(0);
  twice.workers = 2;
  now.hit_arm = twice;
  CHECK(confirm_arm(play.policy, now) == noise_arm(0));  // one worker, as long as that hits
  CHECK(is_calm_variant(twice, noise_arm(0)));
  CHECK_FALSE(is_calm_variant(twice, Arm{}));
}

TEST_CASE("the control's place in the round is drawn by the seed and the round") {
  std::set<std::size_t> places;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Play play = screened(Policy{.seed = seed});
    const auto arms = searched(play, 5);
    places.insert(static_cast<std::size_t>(std::find(arms.begin(), arms.end(), Arm{}) - arms.begin()));
  }
  CHECK(places == std::set<std::size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("workers are capped by the number of leased boards") {
  Play one = screened(Policy{.boards = 1});
  for (const Arm& arm : searched(one, 20))
    CHECK(arm.workers == 1);
  Play two = screened(Policy{.boards = 2});
  std::set<int> workers;
  for (const Arm& arm : searched(two, 20))
    workers.insert(arm.workers);
  CHECK(workers == std::set<int>{1, 2});
}

TEST_CASE("at least every tenth search attempt is a plain control, whatever the ladder") {
  for (const int boards : {0, 1, 2, 4}) {
    Play play = screened(Policy{.boards = boards});
    const auto arms = searched(play, 100);
    CHECK(std::count(arms.begin(), arms.end(), Arm{}) >= 10);
  }
}

TEST_CASE("more iterations are no more than fit into a slice of the search") {
  Play play = screened();          // 50 iterations a second: 200 fit
  play.now.iteration_us = 400000;  // 100 of them fit into 40 s of a 300 s budget
  std::set<int> iterations;
  for (const Arm& arm : {search_arm(play.policy, play.now, 240000)})
    iterations.insert(arm.iterations);
  for (int i = 0; i < 10; ++i) {
    ++play.now.searched;
    iterations.insert(search_arm(play.policy, play.now, 240000).iterations);
  }
  CHECK(iterations == std::set<int>{0, 100});
}

TEST_CASE("a script that is too slow for more iterations is only given workers") {
  Play play = screened();
  play.now.iteration_us = 2000000;  // 20 fit, its own default is 50
  for (int i = 0; i < 10; ++i) {
    ++play.now.searched;
    CHECK(search_arm(play.policy, play.now, 240000).iterations == 0);
  }
}

TEST_CASE("a script whose plain run is one iteration is amplified by explicit numbers that fit") {
  Play play = screened(Policy{.plain_iterations = 1});
  play.now.iteration_us = 2000000;
  play.now.default_iterations = 0;
  std::set<std::pair<int, int>> arms;
  for (int i = 0; i < 10; ++i) {
    ++play.now.searched;
    const Arm arm = search_arm(play.policy, play.now, 240000);
    arms.emplace(arm.iterations, arm.workers);
  }
  CHECK(arms == std::set<std::pair<int, int>>{{1, 1}, {20, 2}, {20, 4}});
}

TEST_CASE("contention steps the workers down and leaves one worker alone") {
  Play play = screened();
  while (play.attempt().arm.workers != 4)
    play.ends(Verdict::passed);
  play.ends(Verdict::contention);
  for (const Arm& arm : searched(play, 20))
    CHECK(arm.workers <= 2);
  while (play.attempt().arm.workers != 2)
    play.ends(Verdict::passed);
  play.ends(Verdict::contention);
  for (const Arm& arm : searched(play, 20))
    CHECK(arm.workers == 1);
}

TEST_CASE("draws depend on seed and step alone") {
  CHECK(draw(1, 0) == draw(1, 0));
  CHECK(draw(1, 0) != draw(1, 1));
  CHECK(draw(1, 0) != draw(2, 0));
  // SplitMix64 from state 0: the first output of the published reference code.
  CHECK(draw(0, 0) == 0xe220a8397b1dcdafu);
}
