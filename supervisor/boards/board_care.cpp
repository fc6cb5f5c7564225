#include "supervisor/boards/board_care.hpp"

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <nlohmann/json.hpp>

#include "storage/record_json.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/boards/reset_command.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace {

namespace asio = boost::asio;
using nlohmann::json;

constexpr std::chrono::milliseconds probe_limit{70000};
constexpr std::chrono::milliseconds remains_limit{15000};
constexpr std::int64_t probe_command_ms = 60000;
constexpr std::int64_t poll_ms = 500;
constexpr std::int64_t hour_ms = 3600000;

json probe_request(const BoardSettings& settings) {
  return {{"nodes", settings.nodes.string()}, {"proc", settings.proc.string()}};
}

std::string holder_text(const json& holder) {
  return "pid " + std::to_string(holder.at("pid").get<int>()) + " (" + holder.at("command").get<std::string>() +
         ") of uid " + std::to_string(holder.at("uid").get<std::int64_t>());
}

std::vector<std::string> devices_in(const std::string& stored) {
  return json_from(stored).get<std::vector<std::string>>();
}

std::string what_failed(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return error.what();
  }
}

EventRow reset_event(const ResetRow& row) {
  return {{}, wall_ms(), "reset.state", row.campaign_id, std::nullopt, row.board, to_json_text(row)};
}

/// One board's row and its event.
struct SaveBoard {
  std::string name;
  BoardState state;
  std::string reason;
  void operator()(Store& store) const {
    BoardRow row = store.boards.find(name).value_or(BoardRow{});
    row.name = name;
    row.state = state;
    row.reason = reason;
    row.changed_at_ms = wall_ms();
    store.boards.save(row);
    store.events.append({{}, row.changed_at_ms, "board.state", row.leased_by, std::nullopt, name, to_json_text(row)});
  }
};

struct BeginReset {
  ResetRow row;
  ResetRow operator()(Store& store) {
    SaveBoard{row.board, BoardState::resetting, "a reset runs"}(store);
    row.id = store.boards.begin_reset(row);
    store.events.append(reset_event(row));
    return row;
  }
};

struct EndReset {
  ResetRow row;
  BoardState state;
  void operator()(Store& store) const {
    store.boards.finish_reset(row);
    store.events.append(reset_event(row));
    SaveBoard{row.board, state, row.reason}(store);
  }
};

ResetRow refused(const std::string& board, std::optional<CampaignId> campaign, const Refusal& why) {
  ResetRow row;
  row.board = board;
  row.campaign_id = campaign;
  row.created_at_ms = wall_ms();
  row.ended_at_ms = row.created_at_ms;
  row.result = ResetResult::failed;
  row.reason = "the board " + why.reason + "; " + why.remedy;
  return row;
}

}  // namespace

BoardCare::BoardCare(asio::any_io_executor executor, const Settings& settings, StoreAccess& store, Launcher& launcher)
    : executor_(std::move(executor)), settings_(settings), store_(store), launcher_(launcher) {}

AttemptFolder BoardCare::folder_of(const ResetRow& row) const {
  return AttemptFolder{settings_.state_folder / "resets" / std::to_string(row.id.value)};
}

asio::awaitable<void> BoardCare::pause(std::int64_t ms) {
  asio::steady_timer timer{executor_, std::chrono::milliseconds{ms}};
  co_await timer.async_wait(asio::use_awaitable);
}

asio::awaitable<std::vector<std::string>> BoardCare::devices() {
  LaunchSpec spec{ShimMode::probe, {}, json_text(probe_request(settings_.boards))};
  const std::string answer = co_await launcher_.call(std::move(spec), probe_limit);
  co_return json_from(answer).at("devices").get<std::vector<std::string>>();
}

asio::awaitable<std::vector<std::string>> BoardCare::devices_again(std::vector<std::string> before) {
  const std::int64_t give_up = steady_ms() + settings_.boards.reappear_ms;
  for (;;) {
    std::vector<std::string> now = co_await devices();
    if (now == before || steady_ms() >= give_up) co_return now;
    co_await pause(poll_ms);
  }
}

asio::awaitable<std::optional<std::string>> BoardCare::unready() {
  if (settings_.boards.probe_command.empty()) co_return std::nullopt;
  std::vector<std::string> command = settings_.boards.probe_command;
  const std::string program = find_program(command.front());
  if (program.empty()) co_return "the program " + command.front() + " is not found; see boards.probe_command";
  command.front() = program;
  json request = probe_request(settings_.boards);
  request["command"] = command;
  request["limit_ms"] = probe_command_ms;
  LaunchSpec spec{ShimMode::probe, {}, json_text(request)};
  const std::string text = co_await launcher_.call(std::move(spec), probe_limit);
  const json answer = json_from(text).at("command");
  if (answer.contains("error")) co_return answer.at("error").get<std::string>();
  if (answer.at("timed_out").get<bool>()) co_return "it did not end within 60 s";
  if (answer.at("exit_code") == 0) co_return std::nullopt;
  co_return "it ended with " + json_text(answer.at("exit_code"));
}

asio::awaitable<std::optional<Refusal>> BoardCare::why_held(std::string board) {
  json request = probe_request(settings_.boards);
  request["boards"] = std::vector<std::string>{board};
  LaunchSpec spec{ShimMode::probe, {}, json_text(request)};
  const std::string text = co_await launcher_.call(std::move(spec), probe_limit);
  const json answer = json_from(text);
  const json& holders = answer.at("holders");
  if (!holders.empty())
    co_return Refusal{"board", "is held by " + holder_text(holders.front()) + ": never reset over somebody",
                      "end that process"};
  if (!answer.at("complete").get<bool>())
    co_return Refusal{"board", "may be held by a process whose open files this account cannot see",
                      "let ndreprod run as an account that sees them (CAP_SYS_PTRACE, or root), or with a driver that "
                      "lists its users in " +
                          (settings_.boards.proc / "driver/tenstorrent" / board / "pids").string()};
  co_return std::nullopt;
}

asio::awaitable<std::optional<Refusal>> BoardCare::why_too_often(std::string board) {
  const int bad = co_await store_.read(
      [&board](Store& store) { return store.boards.bad_resets_since(board, wall_ms() - hour_ms); });
  if (bad < settings_.boards.bad_resets_per_hour) co_return std::nullopt;
  co_return Refusal{"board", "had " + std::to_string(bad) + " resets that failed or could not be verified, in one hour",
                    "look at it: ndreproctl board list"};
}

asio::awaitable<std::optional<Refusal>> BoardCare::why_not_reset(std::string board, bool by_hand) {
  const auto row = co_await store_.read([&board](Store& store) { return store.boards.find(board); });
  if (row && row->state == BoardState::quarantined) {
    if (!by_hand)
      co_return Refusal{"board", "is quarantined: " + row->reason,
                        "once it is healthy: ndreproctl board reset " + board};
    const auto last = co_await store_.read([&board](Store& store) { return store.boards.resets(board, 1); });
    const std::int64_t failed_at_ms = last.empty() ? 0 : last.front().ended_at_ms.value_or(0);
    const std::int64_t left_ms = failed_at_ms + settings_.boards.cooldown_ms - wall_ms();
    if (left_ms > 0)
      co_return Refusal{"board", "did not come back from its last reset and cools down: " + row->reason,
                        "wait for " + seconds_text(left_ms)};
  }
  auto often = co_await why_too_often(board);
  if (often) co_return often;
  co_return co_await why_held(std::move(board));
}

asio::awaitable<ResetRow> BoardCare::reset(std::string board, std::optional<CampaignId> campaign,
                                           std::string requested_by) {
  co_await settle_open(board);
  if (campaign) {
    const auto why = co_await why_not_reset(board, false);
    if (why) co_return refused(board, campaign, *why);
  }
  // Noted once: what a first try has lost must not be missing from the second one's measure.
  const std::vector<std::string> before = co_await devices();
  ResetRow row = co_await reset_once(board, before, campaign, requested_by);
  if (row.result == ResetResult::verified) co_return row;
  const auto often = co_await why_too_often(board);
  if (!often) {
    co_await pause(settings_.boards.retry_after_ms);
    row = co_await reset_once(board, before, campaign, requested_by);
    if (row.result == ResetResult::verified) co_return row;
  }
  const std::string reason = often ? row.reason + "; not tried again: it " + often->reason : row.reason;
  log_warning("board {} is quarantined: {}", board, reason);
  const SaveBoard work{board, BoardState::quarantined, reason};
  co_await store_.write(work);
  co_return row;
}

asio::awaitable<ResetRow> BoardCare::reset_once(std::string board, std::vector<std::string> before,
                                                std::optional<CampaignId> campaign, std::string requested_by) {
  auto command = reset_command(settings_.boards, board);
  ResetRow row;
  row.board = board;
  row.campaign_id = campaign;
  row.command = json_text(json(command.has_value() ? *command : settings_.boards.reset_command));
  row.devices_before = json_text(json(before));
  row.requested_by = std::move(requested_by);
  row.created_at_ms = wall_ms();
  const BeginReset begin{row};
  row = co_await store_.write(begin);
  std::exception_ptr thrown;
  try {
    co_return co_await carry_out(row, std::move(command));
  } catch (const std::exception&) {
    thrown = std::current_exception();
  }
  co_return co_await conclude_failed(std::move(row), std::move(thrown));
}

asio::awaitable<ResetRow> BoardCare::carry_out(ResetRow row, Checked<std::vector<std::string>> command) {
  ResetObservation seen;
  const std::int64_t started = steady_ms();
  if (command.has_error()) {
    seen.start_error = to_text(command.error());
  } else {
    const AttemptFolder folder = folder_of(row);
    LaunchSpec spec{ShimMode::reset, folder.root(),
                    to_json_text(reset_spec(settings_.boards, folder, std::move(*command)))};
    auto shim = co_await launcher_.start(std::move(spec));
    if (shim.has_value()) co_await watch(*shim, row);
    seen = co_await end_of(row);
    if (shim.has_error() && seen.start_error.empty()) seen.start_error = to_text(shim.error());
  }
  row.duration_ms = steady_ms() - started;
  co_return co_await conclude(std::move(row), std::move(seen));
}

asio::awaitable<ResetObservation> BoardCare::end_of(ResetRow row) {
  const AttemptFolder folder = folder_of(row);
  ShimState state = shim_state(folder);
  for (; state == ShimState::running; state = shim_state(folder)) {
    auto shim = launcher_.attach(folder);
    if (shim)
      co_await watch(*shim, row);
    else
      co_await pause(poll_ms);
  }
  // Its command may be alive still, and a second one beside it would find the board in mid-reset.
  if (state == ShimState::lost) {
    LaunchSpec remains{ShimMode::reap, folder.root(), ""};
    co_await launcher_.call(std::move(remains), remains_limit);
  }
  co_return observe_end(folder);
}

asio::awaitable<ResetRow> BoardCare::conclude_failed(ResetRow row, std::exception_ptr thrown) {
  const auto state = co_await asio::this_coro::cancellation_state;
  // The daemon stops, the reset goes on: it is for the next daemon to settle.
  if (state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(thrown);
  row.reason = what_failed(thrown);
  log_warning("the reset of board {}: {}", row.board, row.reason);
  try {
    co_await end_of(row);
  } catch (const std::exception& error) {
    row.reason += std::string{"; "} + error.what();
  }
  row.ended_at_ms = wall_ms();
  row.result = ResetResult::unverified;
  co_await store_end(row);
  co_return row;
}

asio::awaitable<void> BoardCare::watch(ShimProcess& shim, const ResetRow& row) {
  // A reset that takes minutes is worth a word, but is never cut short: half a reset is worse than a slow one.
  asio::steady_timer slow{executor_, std::chrono::milliseconds{settings_.boards.reset_warn_ms}};
  slow.async_wait([board = row.board](const boost::system::error_code& error) {
    if (!error) log_warning("the reset of board {} takes long; it goes on until its limit", board);
  });
  co_await shim.ended();
}

asio::awaitable<ResetRow> BoardCare::conclude(ResetRow row, ResetObservation seen) {
  seen.board = row.board;
  seen.devices_before = devices_in(row.devices_before);
  seen.devices_after = co_await devices_again(seen.devices_before);
  ResetFinding finding = judge_reset(seen);
  if (finding.result == ResetResult::verified) {
    seen.unready = co_await unready();
    finding = judge_reset(seen);
  }
  if (finding.result == ResetResult::verified) co_await pause(settings_.boards.settle_ms);
  row.devices_after = json_text(json(seen.devices_after));
  row.ended_at_ms = wall_ms();
  row.result = finding.result;
  row.reason = finding.reason;
  row.output = seen.output;
  row.exit_code = seen.exit_code;
  co_await store_end(row);
  co_return row;
}

asio::awaitable<void> BoardCare::store_end(ResetRow row) {
  const EndReset work{row, row.result == ResetResult::verified ? BoardState::clean : BoardState::dirty};
  co_await store_.write(work);
}

asio::awaitable<void> BoardCare::settle_open(std::string board) {
  const std::vector<ResetRow> open =
      co_await store_.read([](Store& store) { return store.boards.unfinished_resets(); });
  for (const ResetRow& row : open) {
    if (row.board != board) continue;
    std::exception_ptr thrown;
    try {
      ResetObservation end = co_await end_of(row);
      ResetRow ended = row;
      ended.duration_ms = wall_ms() - row.created_at_ms;
      co_await conclude(std::move(ended), std::move(end));
    } catch (const std::exception&) {
      thrown = std::current_exception();
    }
    if (thrown) co_await conclude_failed(row, std::move(thrown));
  }
}

asio::awaitable<void> BoardCare::settle_leased(std::string board, [[maybe_unused]] Lease lease) {
  co_await settle_open(std::move(board));
}

asio::awaitable<void> BoardCare::restore(BoardLeases& leases) {
  const std::vector<std::string> seen = co_await devices();
  co_await store_.write([&seen](Store& store) {
    for (const std::string& name : seen)
      if (!store.boards.find(name)) SaveBoard{name, BoardState::unknown, "not used yet"}(store);
  });
  const std::vector<ResetRow> open =
      co_await store_.read([](Store& store) { return store.boards.unfinished_resets(); });
  for (const ResetRow& row : open) {
    const std::string board = row.board;
    std::vector<std::string> one{board};
    std::optional<Lease> lease = leases.try_lease(std::move(one), std::nullopt);
    if (!lease) continue;  // already being settled
    asio::co_spawn(executor_, settle_leased(board, std::move(*lease)), [board](std::exception_ptr thrown) {
      // It stays open: whoever resets this board next settles it first.
      if (thrown) log_error("the open reset of board {}: {}", board, what_failed(thrown));
    });
  }
}

}  // namespace ndr
