#include "supervisor/campaign/arm_menu.hpp"

#include <algorithm>

#include "supervisor/campaign/arm_words.hpp"
#include "supervisor/clock.hpp"

namespace ndr {
namespace {

constexpr std::int64_t holds_ms = 60000;

/// `needs`: the capability by which it stands or falls; nullptr: it always works.
struct KnownArm {
  const char* name;
  const char* needs;
  const char* does;
};

constexpr KnownArm known_arms[] = {
    {"plain", nullptr, "the test as in CI, nothing amplified"},
    {"workers", nullptr, "several workers at once; a hand-written script needs pytest-xdist"},
    {"iterations", nullptr, "many iterations in one process"},
    {"watchdog", nullptr, "another operation timeout, where a device timeout is wanted"},
    {"copies", nullptr, "several runs at once, half of them with one TMPDIR"},
    {"noise", "noise", "naps at locks, conditions, files, sockets and starts"},
    {"yield", "yield", "yields there instead of naps"},
    {"chaos", "noise", "naps or yields drawn anew for each run, with CPUs taken away where that is allowed"},
    {"hold", "hold", "threads held at instructions of the program, once each"},
    {"calls", "hold", "threads held at system calls"},
    {"preempt", "preempt", "CPUs taken away now and then"},
    {"directed", "hold", "threads held in the functions alone that CI's stack names, and in those of their classes"},
    {"affinity", "affinity", "all runs on one CPU"},
    {"pct", "pct", "strict priorities of threads, changed now and then"},
    {"back_to_back", nullptr, "runs in one folder, which nobody empties between them"},
    {"predecessors", nullptr, "after tests that came before it in CI, in its process; of generated scripts"},
    {"fresh_board", nullptr, "the boards reset before, where a campaign has boards"}};

}  // namespace

std::vector<ArmOffer> arm_offers(const std::vector<Capability>& seen, const std::vector<Axis>& axes) {
  std::vector<ArmOffer> offers;
  for (const KnownArm& arm : known_arms) {
    ArmOffer& offer = offers.emplace_back(ArmOffer{arm.name, arm.does, arm.needs == nullptr, ""});
    if (arm.needs == nullptr) continue;
    const auto found =
        std::find_if(seen.begin(), seen.end(), [&arm](const Capability& one) { return one.arm == arm.needs; });
    if (found == seen.end()) continue;
    offer.available = found->available;
    offer.why = found->why;
  }
  for (const Axis& axis : axes)
    offers.push_back({axis.name, arm_words(arm_of(axis), 0), true, ""});
  return offers;
}

boost::asio::awaitable<ArmMenu::Seen> ArmMenu::now() {
  if (seen_steady_ms_ != 0 && steady_ms() - seen_steady_ms_ < holds_ms) co_return seen_;
  auto work = [paths = ArmPaths{settings_.noise_library(), settings_.hold_program()}] {
    return capabilities_here(paths);
  };
  const std::vector<Capability> found = co_await pool_.run(std::move(work));
  seen_ = Seen{arm_offers(found, settings_.axes), wall_ms()};
  seen_steady_ms_ = steady_ms();
  co_return seen_;
}

}  // namespace ndr
