#include "supervisor/run/attempt_runner.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

#include "supervisor/run/attempt.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace std::chrono_literals;

namespace {

constexpr auto look_again = 40ms;
constexpr int most_looks = 50;  // so that a lock whose owner cannot be found counts as lost after 2 s

/// At the end of an attempt nobody can cancel it any more.
class Forgetting {
public:
  Forgetting(std::shared_ptr<LiveAttempts> live, AttemptId id) : live_(std::move(live)), id_(id) {}
  ~Forgetting() { live_->cancelled.erase(id_.value); }
  Forgetting(const Forgetting&) = delete;
  Forgetting& operator=(const Forgetting&) = delete;

private:
  std::shared_ptr<LiveAttempts> live_;
  AttemptId id_;
};

}  // namespace

struct RealAttemptRunner::State {
  State(asio::any_io_executor executor, const Settings& settings, StoreAccess& store, Launcher& launcher,
        std::shared_ptr<const SignalRuleSet> all_packs)
      : packs(std::move(all_packs)), rules(packs), tools{executor,
                                                         settings,
                                                         store,
                                                         launcher,
                                                         reader,
                                                         std::make_shared<LogWatch>(executor),
                                                         std::make_shared<LiveAttempts>()} {}

  /// Compiled once for each case, not for each attempt: that takes milliseconds.
  std::shared_ptr<const SignalRuleSet> rules_for(const Signature& wanted) {
    if (wanted.literals != literals) rules = case_rules(packs, wanted);
    literals = wanted.literals;
    return rules;
  }

  WorkPool pool;
  FailureReader reader{pool};
  std::shared_ptr<const SignalRuleSet> packs;
  std::shared_ptr<const SignalRuleSet> rules;  // of the last case
  std::vector<std::string> literals;           // that they were made of
  AttemptTools tools;
};

RealAttemptRunner::RealAttemptRunner(asio::any_io_executor executor, const Settings& settings, StoreAccess& store,
                                     Launcher& launcher, std::shared_ptr<const SignalRuleSet> rules)
    : state_(std::make_unique<State>(executor, settings, store, launcher, std::move(rules))) {}

RealAttemptRunner::~RealAttemptRunner() = default;

asio::awaitable<AttemptResult> RealAttemptRunner::run(AttemptOrder order) {
  const Forgetting forgetting{state_->tools.live, order.row.id};
  Attempt attempt{state_->tools, order, state_->rules_for(order.wanted)};
  std::optional<AttemptResult> result = co_await attempt.start();
  if (!result) result = co_await resume(std::move(order));  // a shim that an earlier daemon spawned came first
  co_return std::move(*result);
}

asio::awaitable<AttemptResult> RealAttemptRunner::resume(AttemptOrder order) {
  const Forgetting forgetting{state_->tools.live, order.row.id};
  Attempt attempt{state_->tools, order, state_->rules_for(order.wanted)};
  for (int look = 1;; ++look) {
    const ShimState state = shim_state(attempt.folder());
    if (state == ShimState::absent) co_return co_await run(std::move(order));
    if (state == ShimState::lost) co_await attempt.reap();
    if (state != ShimState::running) co_return co_await attempt.take_up(nullptr);
    std::optional<ShimProcess> shim = state_->tools.launcher.attach(attempt.folder());
    if (shim) co_return co_await attempt.take_up(&*shim);
    // Mostly it has ended between the two looks. Else its run has taken the lock, or spoilt what stands in it.
    if (look == most_looks) {
      co_await attempt.reap();
      co_return co_await attempt.take_up(nullptr);
    }
    asio::steady_timer pause{co_await asio::this_coro::executor, look_again};
    co_await pause.async_wait(asio::use_awaitable);
  }
}

void RealAttemptRunner::cancel(AttemptId id) {
  LiveAttempts& live = *state_->tools.live;
  live.cancelled.insert(id.value);
  const auto found = live.cancels.find(id.value);
  if (found != live.cancels.end()) found->second();
}

}  // namespace ndr
