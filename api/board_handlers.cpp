#include <memory>

#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"
#include "api/requests.hpp"
#include "api/waiting.hpp"
#include "storage/record_json.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

struct ListBoards {
  std::vector<BoardRow> operator()(Store& store) const { return store.boards.list(); }
};

struct ListResets {
  std::string board;
  int limit;
  std::vector<ResetRow> operator()(Store& store) const { return store.boards.resets(board, limit); }
};

/// Keeps a board from everybody else while its reset by hand runs; wakes whoever waits when it is over.
class Resetting {
public:
  Resetting(ChangeFeed& changes, Lease lease) : changes_(changes), lease_(std::move(lease)) {}
  Resetting(const Resetting&) = delete;
  Resetting& operator=(const Resetting&) = delete;
  ~Resetting() { changes_.bump(); }
  const std::string& board() const { return lease_.boards().front(); }

private:
  ChangeFeed& changes_;
  Lease lease_;
};

asio::awaitable<void> reset_and_forget(BoardControl& boards, std::string identity, std::shared_ptr<Resetting> work) {
  co_await boards.reset(work->board(), std::nullopt, std::move(identity));
}

/// The newest reset that was asked for by hand, above `before`.
struct NewReset {
  std::string board;
  ResetId before;
  std::optional<ResetRow> operator()(Store& store) const {
    for (ResetRow& row : store.boards.resets(board, 10))
      if (row.id > before && !row.campaign_id) return std::move(row);
    return std::nullopt;
  }
};

Problem busy(const std::string& board, const std::string& why, std::string hint) {
  return Problem{"board_busy", "board " + board + " " + why, std::move(hint), {}, {}};
}

std::optional<Problem> why_taken(Api& api, const BoardRow& row) {
  const BoardLeases& leases = api.services.campaigns.leases();
  const std::optional<CampaignId> campaign = row.leased_by ? row.leased_by : leases.holder(row.name);
  if (campaign)
    return busy(row.name, "is leased by campaign " + std::to_string(campaign->value),
                "cancel that campaign first; it resets the board itself when it has to");
  if (leases.is_leased(row.name))
    return busy(row.name, "is being reset", "GET /v1/boards/" + row.name + "/resets shows how far it is");
  return std::nullopt;
}

asio::awaitable<std::optional<Problem>> why_not_now(Api& api, const BoardRow& row, bool force) {
  if (row.name == "host")
    co_return problem_of({"board", "host is no board: it stands for runs that use none", "name one of GET /v1/boards"});
  if (auto taken = why_taken(api, row)) co_return taken;
  if (force) co_return std::nullopt;
  const std::optional<Refusal> why = co_await api.services.boards.why_not_reset(row.name, true);
  if (!why) co_return std::nullopt;
  co_return busy(row.name, why->reason, why->remedy + ", or send {\"force\":true}");
}

asio::awaitable<ResetRow> begin_reset(Api& api, Lease lease, std::string identity) {
  const std::string board = lease.boards().front();
  const ListResets last_one{board, 1};
  const std::vector<ResetRow> newest = co_await api.services.store.read(last_one);
  const NewReset work{board, newest.empty() ? ResetId{} : newest.front().id};
  auto resetting = std::make_shared<Resetting>(api.services.changes, std::move(lease));
  const std::weak_ptr<Resetting> running = resetting;
  api.tasks.spawn("reset of board " + board,
                  reset_and_forget(api.services.boards, std::move(identity), std::move(resetting)));
  for (;;) {
    const std::uint64_t seen = api.services.changes.generation();
    std::optional<ResetRow> row = co_await api.services.store.read(work);
    if (row) co_return std::move(*row);
    if (running.expired()) throw std::runtime_error{"the reset of board " + board + " left no row"};
    co_await api.services.changes.newer_than(seen, std::chrono::minutes(1));
  }
}

}  // namespace

Answering list_boards(Api& api, const Request& request) {
  if (auto problem = check_query(request, {})) co_return *problem;
  const std::vector<BoardRow> rows = co_await api.services.store.read(ListBoards{});
  co_return list_reply(request, "boards", to_json_text(rows), std::nullopt);
}

Answering get_board(Api& api, const Request& request) {
  const auto row = co_await board_of(api, request);
  if (!row) co_return row.error();
  co_return json_reply(to_json_text(*row));
}

Answering list_resets(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"limit"})) co_return *problem;
  const auto limit = limit_from(request);
  if (!limit) co_return limit.error();
  const auto board = co_await board_of(api, request);
  if (!board) co_return board.error();
  const ListResets work{board->name, *limit};
  const std::vector<ResetRow> rows = co_await api.services.store.read(work);
  co_return list_reply(request, "resets", to_json_text(rows), std::nullopt);
}

Answering reset_board(Api& api, const Request& request) {
  const auto wanted = reset_request_from(request.body);
  if (!wanted) co_return wanted.error();
  const auto board = co_await board_of(api, request);
  if (!board) co_return board.error();
  auto problem = co_await why_not_now(api, *board, wanted->force);
  if (problem) co_return std::move(*problem);
  std::vector<std::string> boards{board->name};
  std::optional<Lease> lease = api.services.campaigns.leases().try_lease(std::move(boards), std::nullopt);
  // Others may have taken it while its holders were looked for.
  if (!lease) co_return why_taken(api, *board).value();
  const ResetRow row = co_await begin_reset(api, std::move(*lease), request.identity);
  co_return accepted(to_json_text(row), "/v1/resets/" + std::to_string(row.id.value));
}

Answering get_reset(Api& api, const Request& request) {
  const auto wait = wait_request_from(request);
  if (!wait) co_return wait.error();
  const auto row = co_await reset_of(api, request);
  if (!row) co_return row.error();
  const ResetRow now = co_await wait_for_reset(api, row->id, *wait);
  co_return json_reply(to_json_text(now));
}

}  // namespace ndr
