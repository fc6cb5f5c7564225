#include "supervisor/campaign/driver.hpp"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>
#include <stdexcept>

#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "supervisor/campaign/campaign_end.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/campaign/order.hpp"
#include "supervisor/campaign/recipe.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/campaign/verify.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/failpoint.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr std::uint64_t largest_script = 1u << 20;
constexpr const char* no_board_note =
    "CI's failure was one of a device, but no board is leased and so none is reset: if the test uses one, give it "
    "with --board N, or as boards: in case.yaml";

/// Everything stored of one campaign.
struct Rows {
  CampaignRow campaign;
  CaseRow of_case;
  std::vector<AttemptRow> attempts;
  std::vector<ResetRow> resets;
  std::vector<BoardRow> boards;
};

Rows rows_of(Store& store, CampaignId id) {
  Rows rows;
  const auto campaign = store.campaigns.find(id);
  if (!campaign) throw std::runtime_error{"campaign " + std::to_string(id.value) + " is not in the database"};
  rows.campaign = *campaign;
  const auto of_case = store.cases.find(campaign->case_id);
  if (!of_case) throw std::runtime_error{"the case of campaign " + std::to_string(id.value) + " is gone"};
  rows.of_case = *of_case;
  rows.attempts = store.attempts.of_campaign(id);
  rows.resets = resets_of(store, *campaign);
  for (const std::string& board : texts_from(campaign->boards))
    if (const auto row = store.boards.find(board)) rows.boards.push_back(*row);
  return rows;
}

std::string why_quarantined(const std::vector<BoardRow>& boards) {
  for (const BoardRow& row : boards)
    if (row.state == BoardState::quarantined) return "board " + row.name + " is quarantined: " + row.reason;
  return {};
}

/// The longest that a run with this deadline may last.
std::int64_t longest_run_ms(const StopSettings& stop, std::int64_t deadline_ms) {
  const auto sum = [](const StopLadder& ladder) { return ladder.interrupt_ms + ladder.terminate_ms; };
  return deadline_ms + std::max({sum(stop.device_error), sum(stop.hang), sum(stop.other)});
}

asio::awaitable<void> wait_ms(std::int64_t ms) {
  asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{ms}};
  co_await timer.async_wait(asio::use_awaitable);
}

bool lacks_board(const CampaignRow& campaign) {
  const Checked<Signature> wanted = signature_from_json(campaign.signature_json);
  return wanted.has_value() && needs_board(wanted->failure_type);
}

BoardRow board_row(Store& store, const std::string& name) {
  BoardRow fresh;
  fresh.name = name;
  return store.boards.find(name).value_or(fresh);
}

void save_board(Store& store, const std::string& name, BoardState state, const std::string& reason) {
  BoardRow row = board_row(store, name);
  row.state = state;
  row.reason = reason;
  row.changed_at_ms = wall_ms();
  store.boards.save(row);
}

bool is_dirty(const BoardRow& row) { return row.state == BoardState::dirty || row.state == BoardState::resetting; }

/// Clean is only what a whole passing run has shown; a plain failure proves neither.
BoardState state_after(const AttemptEnded& ended) {
  if (ended.board_suspect) return BoardState::dirty;
  return ended.row.verdict == Verdict::passed ? BoardState::clean : BoardState::unknown;
}

AttemptResult lost_to(const std::string& what, const AttemptOrder& order) {
  AttemptResult result;
  result.row = order.row;
  result.row.verdict = Verdict::lost;
  result.row.reason = "exception";
  result.row.explanation = what;
  result.row.ended_at_ms = wall_ms();
  result.row.infrastructure = 1;
  result.board_suspect = order.uses_board;
  return result;
}

AttemptResult never_begun(const AttemptOrder& order) {
  AttemptResult result;
  result.row = order.row;
  result.row.verdict = Verdict::cancelled;
  result.row.explanation = "cancelled before it began";
  result.row.ended_at_ms = wall_ms();
  return result;
}

}  // namespace

CampaignDriver::CampaignDriver(CampaignTools tools, CampaignId id) : tools_(tools), id_(id) {}

bool CampaignDriver::uses_board() const { return boards_ != std::vector<std::string>{"host"}; }

void CampaignDriver::cancel() {
  cancelled_ = true;
  if (current_) tools_.runner.cancel(*current_);
}

asio::awaitable<void> CampaignDriver::drive() {
  co_await load();
  if (campaign_.state == CampaignState::finished) co_return;
  if (campaign_.state == CampaignState::queued) co_await begin();
  if (open_) {
    AttemptRow left = *open_;
    open_.reset();
    // What it was decided on was the same progress, so the decision is the same again.
    const Step step = next_step(policy_, progress_);
    const auto* again = std::get_if<RunAttempt>(&step);
    slice_ = again != nullptr && again->arm == arm_of(left) ? again->slice : std::nullopt;
    co_await conclude(std::move(left), next_deadline_ms(policy_, progress_), true);
  }
  while (!abandoned_) {
    if (cancelled_ && !progress_.cancelled) progress_ = after(policy_, progress_, CancelRequested{});
    Step step = next_step(policy_, progress_);
    const bool last = std::holds_alternative<Finish>(step);
    co_await std::visit([this](auto& act) { return perform(std::move(act)); }, step);
    if (last) co_return;
  }
}

asio::awaitable<void> CampaignDriver::load() {
  const auto read = [id = id_](Store& store) { return rows_of(store, id); };
  Rows rows = co_await tools_.store.read(read);
  campaign_ = rows.campaign;
  folder_ = CaseFolder{rows.of_case.folder};
  boards_ = texts_from(campaign_.boards);
  const auto policy = policy_from(campaign_.policy_json);
  if (!policy || boards_.empty()) throw std::runtime_error{"the campaign's own rows cannot be read"};
  policy_ = *policy;
  cancelled_ = campaign_.cancel_requested;
  const bool dirty = std::any_of(rows.boards.begin(), rows.boards.end(), is_dirty);
  progress_ =
      progress_from(policy_, rows.attempts, campaign_.spent_ms, uses_board() && dirty, why_quarantined(rows.boards));
  for (const AttemptRow& row : rows.attempts)
    if (!row.verdict) open_ = row;
  measured_ = progress_.shortest_ms > 0;
  Checked<CaseSettings> settings = read_case_settings(folder_);
  if (settings.has_error())
    progress_.setup_error = to_text(settings.error());
  else
    environment_ = settings->environment;
  if (last_attempt_number(folder_) == std::numeric_limits<int>::max())
    progress_.setup_error =
        "no number is left for the next attempt: rename " + folder_.run_log(std::numeric_limits<int>::max()).string();
}

asio::awaitable<void> CampaignDriver::begin() {
  campaign_.state = CampaignState::running;
  campaign_.started_at_ms = wall_ms();
  const auto work = [this](Store& store) {
    store.campaigns.begin(id_, campaign_.boards, *campaign_.started_at_ms);
    for (const std::string& board : boards_) {
      BoardRow row = board_row(store, board);
      row.leased_by = id_;
      row.changed_at_ms = *campaign_.started_at_ms;
      store.boards.save(row);
      store.events.append(board_state_event(row, id_, *campaign_.started_at_ms));
    }
    store.events.append(campaign_state_event(campaign_, *campaign_.started_at_ms));
    store.events.append(budget_event(campaign_, policy_, true, *campaign_.started_at_ms));
    if (!uses_board() && lacks_board(campaign_) && !policy_.verification)
      store.events.append(note_event(campaign_, no_board_note, *campaign_.started_at_ms));
  };
  co_await tools_.store.write(work);
  log_info("campaign {} of case {} begins", id_.value, campaign_.case_name);
}

asio::awaitable<void> CampaignDriver::perform(RunAttempt step) {
  if (step.arm.fresh_board && uses_board()) {
    const ResetBoards before;
    co_await perform(before);
    if (abandoned_ || progress_.board_suspect) co_return;
  }
  const std::int64_t deadline_ms = step.deadline_ms;
  slice_ = step.slice;
  if (step.arm.name == recipe_name) {
    Arm arm = step.arm;
    co_await write_recipe(std::move(arm), step.seed);
  }
  AttemptRow row = co_await begin_attempt(std::move(step));
  failpoint("attempt.after_intent");
  co_await conclude(std::move(row), deadline_ms, false);
}

asio::awaitable<void> CampaignDriver::write_recipe(Arm arm, std::uint64_t seed) {
  const Recipe recipe = recipe_of(policy_, progress_, arm, seed, campaign_.signature_json, tools_.settings);
  std::string problem;
  try {
    const std::string present = read_file(folder_.run_script(), largest_script);
    std::string text = with_recipe(present, recipe);
    std::optional<std::string> hash = content_hash(present);
    const Checked<void> written = co_await tools_.writer.write(folder_, folder_.run_script().filename().string(),
                                                               std::move(text), std::move(hash));
    if (written.has_error()) problem = to_text(written.error());
  } catch (const std::exception& error) {
    problem = error.what();
  }
  if (problem.empty()) co_return;
  const std::string note = "the recipe was not written into run_test.sh: " + problem;
  const auto tell = [&](Store& store) { store.events.append(note_event(campaign_, note, wall_ms())); };
  co_await tools_.store.write(tell);
}

asio::awaitable<AttemptRow> CampaignDriver::begin_attempt(RunAttempt step) {
  AttemptRow row;
  row.campaign_id = id_;
  row.case_id = campaign_.case_id;
  row.case_name = campaign_.case_name;
  row.host_id = campaign_.host_id;
  row.phase = step.phase;
  row.arm = step.arm.name;
  row.parameters = parameters_of(step.arm);
  row.seed = step.seed;
  row.subject = step.subject;
  row.created_at_ms = wall_ms();
  const int last_in_folder = last_attempt_number(folder_);
  const auto work = [this, &row, &step, last_in_folder](Store& store) {
    const int last = std::max(store.attempts.last_number(campaign_.case_id), last_in_folder);
    if (last == std::numeric_limits<int>::max()) throw std::runtime_error{"no number is left for the next attempt"};
    row.number = last + 1;
    row.id = store.attempts.begin(row);
    // Dirty until its end says otherwise: should we die now, nobody takes the board for clean.
    if (uses_board())
      for (const std::string& board : boards_)
        save_board(store, board, BoardState::dirty, "attempt " + row.case_name + "/" + std::to_string(row.number));
    store.events.append(step_event(campaign_, step, row.number, row.created_at_ms));
    store.events.append(attempt_state_event(row, row.created_at_ms));
  };
  co_await tools_.store.write(work);
  co_return row;
}

AttemptOrder CampaignDriver::order_of(const AttemptRow& row, std::int64_t deadline_ms) const {
  AttemptOrder order;
  order.row = row;
  order.case_name = campaign_.case_name;
  order.folder = folder_;
  if (Checked<Signature> wanted = signature_from_json(campaign_.signature_json)) order.wanted = std::move(*wanted);
  order.arm = arm_from(row.arm, row.parameters).value_or(Arm{});
  order.arm.operation_timeout_s = policy_.operation_timeout_s;
  order.deadline_ms = deadline_ms;
  order.environment = environment_;
  if (policy_.verification) add_checkout(*policy_.verification, row, order.environment);
  order.uses_board = uses_board();
  order.slice = slice_;
  order.alone = row.arm == recipe_name;
  return order;
}

asio::awaitable<AttemptResult> CampaignDriver::ask_runner(AttemptOrder order, bool resumed) {
  const std::vector<std::int64_t>& pauses = tools_.settings.retry_pauses_ms;
  std::string thrown;
  for (std::size_t take = 0; take <= pauses.size() && !abandoned_; ++take) {
    if (take > 0) co_await wait_ms(pauses[take - 1]);
    try {
      if (resumed || take > 0) co_return co_await tools_.runner.resume(order);
      co_return co_await tools_.runner.run(order);
    } catch (const std::exception& error) {
      thrown = error.what();
    }
    // Its run may be alive still, and nothing else may be started beside it: take it up again.
    if (!abandoned_) log_warning("attempt {}/{}: {}", order.case_name, order.row.number, thrown);
    if (shim_state(AttemptFolder{order.folder.attempt(order.row.number)}) == ShimState::absent) break;
  }
  co_return lost_to(thrown, order);
}

asio::awaitable<void> CampaignDriver::conclude(AttemptRow row, std::int64_t deadline_ms, bool resumed) {
  const std::int64_t began_ms = steady_ms();
  AttemptOrder order = order_of(row, deadline_ms);
  AttemptResult result;
  if (cancelled_ && !resumed) {
    result = never_begun(order);
  } else {
    current_ = row.id;
    // Asked for before a restart: the attempt that is taken up must hear of it too.
    if (cancelled_) tools_.runner.cancel(row.id);
    result = co_await ask_runner(std::move(order), resumed);
    current_.reset();
  }
  if (abandoned_) co_return;
  // Of a run whose end nobody saw the exposure is a guess by the wall clock, which ran on while no daemon did.
  const std::int64_t exposure_ms = std::min(result.row.exposure_ms, longest_run_ms(tools_.settings.stop, deadline_ms));
  const std::int64_t elapsed_ms = std::max(steady_ms() - began_ms, exposure_ms);
  AttemptEnded ended{std::move(result.row), result.board_suspect, elapsed_ms, std::move(result.failures)};
  co_await store_attempt(std::move(ended));
}

asio::awaitable<void> CampaignDriver::store_attempt(AttemptEnded ended) {
  progress_ = after(policy_, progress_, ended);
  const bool first_length = !measured_ && progress_.shortest_ms > 0;
  measured_ = progress_.shortest_ms > 0;
  const auto work = [this, &ended, first_length](Store& store) {
    const std::int64_t now = wall_ms();
    store.attempts.finish(ended.row);
    store.attempts.add_failures(ended.failures);
    if (policy_.verification) store.events.append(trial_event(campaign_, policy_, progress_, now));
    store.campaigns.spend(id_, progress_.spent_ms);
    if (uses_board())
      for (const std::string& board : boards_) {
        save_board(store, board, state_after(ended), ended.board_suspect ? ended.row.explanation : "");
        if (ended.board_suspect) store.events.append(board_state_event(board_row(store, board), id_, now));
      }
    store.events.append(attempt_state_event(ended.row, now));
    if (!first_length || policy_.verification) return;
    Policy measured = policy_;
    measured.expected_attempt_ms = progress_.shortest_ms;
    store.events.append(budget_event(campaign_, measured, false, now));
  };
  failpoint("attempt.before_end");
  co_await tools_.store.write(work);
  log_info("attempt {}/{} ({}): {} {}", campaign_.case_name, ended.row.number, ended.row.arm,
           to_text(*ended.row.verdict), ended.row.explanation);
}

asio::awaitable<void> CampaignDriver::perform(ResetBoards) {
  const std::int64_t began_ms = steady_ms();
  const auto announce = [this](Store& store) { store.events.append(step_event(campaign_, boards_, wall_ms())); };
  co_await tools_.store.write(announce);
  ResetRow row;
  for (const std::string& board : boards_) {
    std::string requested_by = "campaign " + std::to_string(id_.value);
    row = co_await tools_.boards.reset(board, id_, std::move(requested_by));
    if (row.result != ResetResult::verified) break;
  }
  if (abandoned_) co_return;
  progress_ = after(policy_, progress_, BoardsReset{std::move(row), steady_ms() - began_ms});
  const auto spend = [this](Store& store) { store.campaigns.spend(id_, progress_.spent_ms); };
  co_await tools_.store.write(spend);
}

asio::awaitable<void> CampaignDriver::perform(Finish step) {
  const auto read = [id = id_](Store& store) { return rows_of(store, id); };
  Rows rows = co_await tools_.store.read(read);
  CampaignEnd end;
  end.campaign = rows.campaign;
  end.policy = policy_;
  end.finish = step;
  end.different_before_match = progress_.different;
  end.dropped = progress_.dropped;
  end.attempts = std::move(rows.attempts);
  end.environment = environment_;
  end.resets = std::move(rows.resets);
  co_await end_campaign(tools_, folder_, std::move(end));
  log_info("campaign {} of case {} ends: {}, {}", id_.value, campaign_.case_name, to_text(step.outcome), step.reason);
}

}  // namespace ndr
