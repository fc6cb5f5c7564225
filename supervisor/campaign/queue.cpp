#include "supervisor/campaign/queue.hpp"

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "supervisor/boards/lease.hpp"
#include "supervisor/campaign/campaign_end.hpp"
#include "supervisor/campaign/driver.hpp"
#include "supervisor/campaign/order.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr std::chrono::seconds stop_limit{2};

std::string text_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  } catch (...) {
    return "an unknown exception";
  }
}

/// Begins in a turn of its own: whoever starts it is in the middle of its lists.
asio::awaitable<void> run_driver(CampaignDriver* driver) {
  co_await asio::post(asio::use_awaitable);
  co_await driver->drive();
}

/// Mean length of the case's last plain runs; 0: there are none.
std::int64_t usual_length_ms(Store& store, CaseId of_case) {
  CampaignRepository::Filter filter;
  filter.case_id = of_case;
  filter.limit = 3;
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (const CampaignRow& campaign : store.campaigns.list(filter))
    for (const AttemptRow& row : store.attempts.of_campaign(campaign.id)) {
      const bool whole = row.verdict == Verdict::passed || row.verdict == Verdict::reproduced;
      if (row.arm != "plain" || !whole) continue;
      sum += row.exposure_ms;
      ++count;
    }
  return count == 0 ? 0 : sum / count;
}

/// Empty where the case has not been analysed.
std::string wanted_type(const CaseRow& of_case) {
  if (!of_case.signature_json) return {};
  const Checked<Signature> wanted = signature_from_json(*of_case.signature_json);
  return wanted.has_value() ? std::string{to_text(wanted->failure_type)} : std::string{};
}

void finish_unbegun(Store& store, CampaignRow row, CampaignOutcome outcome, const std::string& reason) {
  row.state = CampaignState::finished;
  row.outcome = outcome;
  row.reason = reason;
  row.ended_at_ms = wall_ms();
  store.campaigns.finish(row.id, outcome, reason, "", *row.ended_at_ms);
  store.events.append(campaign_state_event(row, *row.ended_at_ms));
  release_boards(store, row, *row.ended_at_ms);
}

}  // namespace

struct CampaignQueue::State : std::enable_shared_from_this<State> {
  struct Waiting {
    CampaignId id;
    std::vector<std::string> boards;
  };
  struct Running {
    Running(const asio::any_io_executor& on, Lease of) : lease(std::move(of)), pause(on) {}
    std::unique_ptr<CampaignDriver> driver;
    Lease lease;
    asio::cancellation_signal stop;
    asio::steady_timer pause;  // before it is tried again; cancelled to go on at once
    std::size_t failures = 0;
  };

  State(asio::any_io_executor on, const Settings& with, CampaignTools by)
      : executor(std::move(on)), settings(with), tools(by), still(executor) {}

  void run_next();
  void start(const Waiting& campaign, Lease lease);
  void launch(CampaignId id, Running& running);
  void ended(CampaignId id, std::exception_ptr thrown);
  void after_pause(CampaignId id, std::size_t failures, std::function<void()> act);
  void give_up(CampaignId id, std::string reason);
  void drop(CampaignId id);
  asio::awaitable<void> stop();
  asio::awaitable<CampaignId> enqueue(CampaignRow row);

  asio::any_io_executor executor;
  const Settings& settings;
  CampaignTools tools;
  BoardLeases leases;
  std::deque<Waiting> waiting;  // in the order they came
  std::map<CampaignId, std::shared_ptr<Running>> running;
  bool stopping = false;
  asio::steady_timer still;  // cancelled when nothing runs any more
};

void CampaignQueue::State::run_next() {
  if (stopping) return;
  std::set<std::string> claimed;  // by somebody who came before
  for (auto one = waiting.begin(); one != waiting.end();) {
    bool blocked = false;
    for (const std::string& board : one->boards)
      blocked = blocked || claimed.contains(board);
    std::optional<Lease> lease;
    if (!blocked) lease = leases.try_lease(one->boards, one->id);
    if (!lease) {
      claimed.insert(one->boards.begin(), one->boards.end());
      ++one;
      continue;
    }
    const Waiting next = *one;
    one = waiting.erase(one);
    start(next, std::move(*lease));
  }
}

void CampaignQueue::State::start(const Waiting& campaign, Lease lease) {
  auto one = std::make_shared<Running>(executor, std::move(lease));
  running.emplace(campaign.id, one);
  launch(campaign.id, *one);
}

void CampaignQueue::State::launch(CampaignId id, Running& one) {
  one.driver = std::make_unique<CampaignDriver>(tools, id);
  auto done = [state = shared_from_this(), id](std::exception_ptr thrown) { state->ended(id, std::move(thrown)); };
  asio::co_spawn(executor, run_driver(one.driver.get()),
                 asio::bind_cancellation_slot(one.stop.slot(), std::move(done)));
}

void CampaignQueue::State::ended(CampaignId id, std::exception_ptr thrown) {
  if (!thrown || stopping) return drop(id);
  Running& one = *running.at(id);
  const std::string reason = text_of(thrown);
  log_error("campaign {}: {}", id.value, reason);
  const std::size_t failures = one.failures++;
  if (failures >= settings.retry_pauses_ms.size())
    return give_up(id, "failed " + std::to_string(one.failures) + " times: " + reason);
  // Its rows say where it stands; what failed may have been of the moment.
  after_pause(id, failures, [this, id] { launch(id, *running.at(id)); });
}

/// The campaign keeps its boards meanwhile: a run of it may be alive on them.
void CampaignQueue::State::after_pause(CampaignId id, std::size_t failures, std::function<void()> act) {
  const auto& pauses = settings.retry_pauses_ms;
  const std::int64_t ms = pauses.empty() ? 0 : pauses[std::min(failures, pauses.size() - 1)];
  asio::steady_timer& pause = running.at(id)->pause;
  pause.expires_after(std::chrono::milliseconds{ms});
  pause.async_wait([state = shared_from_this(), id, act = std::move(act)](const boost::system::error_code&) {
    if (state->stopping) return state->drop(id);
    act();
  });
}

void CampaignQueue::State::give_up(CampaignId id, std::string reason) {
  const auto finish = [id, reason](Store& store) {
    const auto row = store.campaigns.find(id);
    if (row && row->state != CampaignState::finished)
      finish_unbegun(store, *row, CampaignOutcome::setup_error, "the daemon could not go on: " + reason);
  };
  auto done = [state = shared_from_this(), id, reason](std::exception_ptr thrown) {
    if (!thrown || state->stopping) return state->drop(id);
    log_error("campaign {} cannot be ended yet: {}", id.value, text_of(thrown));
    state->after_pause(id, state->running.at(id)->failures,
                       [on = state.get(), id, reason] { on->give_up(id, reason); });
  };
  asio::co_spawn(executor, tools.store.write(finish), std::move(done));
}

void CampaignQueue::State::drop(CampaignId id) {
  // The coroutine that has just ended may still touch the signal that could have stopped it.
  asio::post(executor, [one = running.at(id)] {});
  running.erase(id);
  if (running.empty()) still.cancel();
}

asio::awaitable<void> CampaignQueue::State::stop() {
  stopping = true;
  std::vector<std::shared_ptr<Running>> all;
  for (const auto& [id, one] : running)
    all.push_back(one);
  for (const auto& one : all) {
    one->driver->abandon();
    one->stop.emit(asio::cancellation_type::terminal);
    one->pause.cancel();
  }
  const auto until = std::chrono::steady_clock::now() + stop_limit;
  while (!running.empty() && std::chrono::steady_clock::now() < until) {
    still.expires_at(until);
    boost::system::error_code woken;
    co_await still.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

asio::awaitable<CampaignId> CampaignQueue::State::enqueue(CampaignRow row) {
  const HostRow host = this_host();
  const auto insert = [&row, &host](Store& store) {
    const std::int64_t usual_ms =
        row.mode == CampaignMode::verify || row.mode == CampaignMode::replay ? 0 : usual_length_ms(store, row.case_id);
    row = with_expected_length(std::move(row), usual_ms);
    row.host_id = store.campaigns.host(host.name, host.fingerprint);
    row.id = store.campaigns.insert(row);
    store.events.append(campaign_state_event(row, row.created_at_ms));
  };
  co_await tools.store.write(insert);
  waiting.push_back({row.id, texts_from(row.boards)});
  run_next();
  co_return row.id;
}

CampaignQueue::CampaignQueue(asio::any_io_executor executor, const Settings& settings, StoreAccess& store,
                             AttemptRunner& runner, BoardControl& boards, CaseWriter& writer)
    : state_(std::make_shared<State>(std::move(executor), settings,
                                     CampaignTools{settings, store, runner, boards, writer})) {
  state_->leases = BoardLeases{[weak = std::weak_ptr<State>{state_}] {
    const std::shared_ptr<State> state = weak.lock();
    // In a turn of its own: whoever releases a board is in the middle of something.
    if (state && !state->stopping) asio::post(state->executor, [state] { state->run_next(); });
  }};
}

BoardLeases& CampaignQueue::leases() { return state_->leases; }

CampaignQueue::~CampaignQueue() {
  state_->stopping = true;
  for (const auto& [id, one] : state_->running) {
    one->driver->abandon();
    one->pause.cancel();
  }
}

asio::awaitable<Checked<CampaignId>> CampaignQueue::submit(CampaignRequest request) {
  const std::shared_ptr<State> state = state_;
  const auto find = [&request](Store& store) { return store.cases.find(request.case_name); };
  const std::optional<CaseRow> of_case = co_await state->tools.store.read(find);
  if (!of_case || of_case->archived)
    co_return Refusal{"case", "there is no case " + request.case_name, "ndreproctl case list shows those there are"};
  const std::string wanted = wanted_type(*of_case);
  const auto recall = [&](Store& store) { return store.attempts.arm_history(of_case->id, wanted); };
  const std::vector<ArmHistory> history = co_await state->tools.store.read(recall);
  Checked<CampaignRow> order = order_of(request, *of_case, state->settings, history);
  if (order.has_error()) co_return order.error();
  co_return co_await state->enqueue(std::move(*order));
}

asio::awaitable<Checked<CampaignId>> CampaignQueue::submit(VerifyRequest request) {
  const std::shared_ptr<State> state = state_;
  const auto find = [&request](Store& store) { return store.cases.find(request.case_name); };
  const std::optional<CaseRow> of_case = co_await state->tools.store.read(find);
  if (!of_case || of_case->archived)
    co_return Refusal{"case", "there is no case " + request.case_name, "ndreproctl case list shows those there are"};
  const auto look = [&request, &of_case](Store& store) { return basis_of(store, *of_case, request.against); };
  const Checked<VerifyBasis> basis = co_await state->tools.store.read(look);
  if (basis.has_error()) co_return basis.error();
  Checked<CampaignRow> order = verify_order(request, *of_case, *basis, state->settings);
  if (order.has_error()) co_return order.error();
  co_return co_await state->enqueue(std::move(*order));
}

asio::awaitable<Checked<CampaignId>> CampaignQueue::submit(ReplayRequest request) {
  const std::shared_ptr<State> state = state_;
  struct Found {
    std::optional<AttemptRow> attempt;
    std::optional<CampaignRow> campaign;
    std::optional<CaseRow> of_case;
  };
  const auto find = [&request](Store& store) {
    Found found;
    found.attempt = store.attempts.find(request.attempt);
    if (found.attempt) found.campaign = store.campaigns.find(found.attempt->campaign_id);
    if (found.attempt) found.of_case = store.cases.find(found.attempt->case_id);
    return found;
  };
  const Found found = co_await state->tools.store.read(find);
  if (!found.attempt || !found.campaign || !found.of_case)
    co_return Refusal{"attempt", "there is no such attempt", "ndreproctl status shows those there are"};
  Checked<CampaignRow> order = replay_order(request, *found.attempt, *found.campaign, *found.of_case, state->settings);
  if (order.has_error()) co_return order.error();
  co_return co_await state->enqueue(std::move(*order));
}

asio::awaitable<Checked<CampaignId>> CampaignQueue::cancel(CampaignId id) {
  const std::shared_ptr<State> state = state_;
  const auto find = [id](Store& store) { return store.campaigns.find(id); };
  const std::optional<CampaignRow> row = co_await state->tools.store.read(find);
  if (!row) co_return Refusal{"campaign", "there is no campaign " + std::to_string(id.value), ""};
  if (row->state == CampaignState::finished)
    co_return Refusal{"campaign", "campaign " + std::to_string(id.value) + " has finished", ""};
  const auto erased = std::erase_if(state->waiting, [id](const State::Waiting& one) { return one.id == id; });
  if (erased > 0 && row->state == CampaignState::queued) {
    const auto finish = [&row](Store& store) {
      store.campaigns.request_cancel(row->id);
      finish_unbegun(store, *row, CampaignOutcome::cancelled, "cancelled before it began");
    };
    co_await state->tools.store.write(finish);
    state->run_next();  // what waited behind it may go
    co_return id;
  }
  const auto request = [id](Store& store) { store.campaigns.request_cancel(id); };
  co_await state->tools.store.write(request);
  // One that was running before a restart may wait for its boards: it is begun, and ends at once.
  if (erased > 0) state->waiting.push_back({id, texts_from(row->boards)});
  const auto found = state->running.find(id);
  if (found != state->running.end()) {
    found->second->driver->cancel();
    found->second->pause.cancel();
  }
  state->run_next();
  co_return id;
}

asio::awaitable<void> CampaignQueue::restore() {
  const std::shared_ptr<State> state = state_;
  const auto read = [](Store& store) { return store.campaigns.unfinished(); };
  std::vector<CampaignRow> rows = co_await state->tools.store.read(read);
  // What was running held its boards; what was queued comes after it.
  std::stable_partition(rows.begin(), rows.end(),
                        [](const CampaignRow& row) { return row.state == CampaignState::running; });
  for (const CampaignRow& row : rows)
    state->waiting.push_back({row.id, texts_from(row.boards)});
  state->run_next();
}

asio::awaitable<void> CampaignQueue::stop() {
  const std::shared_ptr<State> state = state_;
  co_await state->stop();
}

}  // namespace ndr
