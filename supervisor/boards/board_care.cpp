#include "supervisor/boards/board_care.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
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

ResetRow refused(const std::string& board, std::optional<CampaignId> campaign, const std::string& reason) {
  ResetRow row;
  row.board = board;
  row.campaign_id = campaign;
  row.created_at_ms = wall_ms();
  row.ended_at_ms = row.created_at_ms;
  row.result = ResetResult::failed;
  row.reason = reason;
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

asio::awaitable<std::vector<std::string>> BoardCare::holders(std::vector<std::string> boards) {
  std::erase(boards, "host");
  std::vector<std::string> texts;
  if (boards.empty()) co_return texts;
  json request = probe_request(settings_.boards);
  request["boards"] = boards;
  LaunchSpec spec{ShimMode::probe, {}, json_text(request)};
  const std::string text = co_await launcher_.call(std::move(spec), probe_limit);
  const json answer = json_from(text);
  for (const json& holder : answer.at("holders"))
    texts.push_back(holder_text(holder));
  co_return texts;
}

asio::awaitable<std::optional<std::string>> BoardCare::why_not(std::string board) {
  const auto row = co_await store_.read([&board](Store& store) { return store.boards.find(board); });
  if (row && row->state == BoardState::quarantined) {
    co_return "the board is quarantined: " + row->reason + "; once it is healthy: ndreproctl board reset " + board;
  }
  const int bad = co_await store_.read(
      [&board](Store& store) { return store.boards.bad_resets_since(board, wall_ms() - hour_ms); });
  if (bad >= settings_.boards.bad_resets_per_hour) {
    co_return std::to_string(bad) + " resets of this board failed or could not be verified within the hour";
  }
  std::vector<std::string> one{board};
  const std::vector<std::string> held = co_await holders(std::move(one));
  if (!held.empty()) co_return "the board is held by " + held.front() + ": never reset over somebody";
  co_return std::nullopt;
}

asio::awaitable<ResetRow> BoardCare::reset(std::string board, std::optional<CampaignId> campaign,
                                           std::string requested_by) {
  if (campaign) {
    const auto reason = co_await why_not(board);
    if (reason) co_return refused(board, campaign, *reason);
  }
  // Noted once: what a first try has lost must not be missing from the second one's measure.
  const std::vector<std::string> before = co_await devices();
  ResetRow row = co_await reset_once(board, before, campaign, requested_by);
  if (row.result == ResetResult::verified) co_return row;
  co_await pause(settings_.boards.retry_after_ms);
  ResetRow again = co_await reset_once(board, before, campaign, requested_by);
  if (again.result == ResetResult::verified) co_return again;
  log_warning("board {} is quarantined: {}", board, again.reason);
  const SaveBoard work{board, BoardState::quarantined, again.reason};
  co_await store_.write(work);
  co_return again;
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
    seen = observe_end(folder);
    if (shim.has_error() && seen.start_error.empty()) seen.start_error = to_text(shim.error());
  }
  row.duration_ms = steady_ms() - started;
  seen.devices_before = before;
  co_return co_await conclude(std::move(row), std::move(seen));
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

asio::awaitable<void> BoardCare::restore() {
  const std::vector<std::string> seen = co_await devices();
  co_await store_.write([&seen](Store& store) {
    for (const std::string& name : seen)
      if (!store.boards.find(name)) SaveBoard{name, BoardState::unknown, "not used yet"}(store);
  });
  const std::vector<ResetRow> open =
      co_await store_.read([](Store& store) { return store.boards.unfinished_resets(); });
  for (ResetRow row : open) {
    const AttemptFolder folder = folder_of(row);
    auto shim = launcher_.attach(folder);
    if (shim) co_await watch(*shim, row);
    ResetObservation end = observe_end(folder);
    end.devices_before = json_from(row.devices_before).get<std::vector<std::string>>();
    row.duration_ms = wall_ms() - row.created_at_ms;
    co_await conclude(std::move(row), std::move(end));
  }
}

}  // namespace ndr
