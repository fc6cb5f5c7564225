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

/// Keeps a board in the set of those being reset; wakes whoever waits when it is over.
class Resetting {
public:
  Resetting(Api& api, std::string board) : api_(&api), board_(std::move(board)) { api.resetting.insert(board_); }
  Resetting(Resetting&& other) noexcept : api_(std::exchange(other.api_, nullptr)), board_(std::move(other.board_)) {}
  Resetting& operator=(Resetting&&) = delete;
  ~Resetting() {
    if (api_ == nullptr) return;
    api_->resetting.erase(board_);
    api_->services.changes.bump();
  }

private:
  Api* api_;
  std::string board_;
};

asio::awaitable<void> reset_and_forget(BoardControl& boards, std::string board, std::string identity, Resetting) {
  co_await boards.reset(std::move(board), std::nullopt, std::move(identity));
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

asio::awaitable<std::optional<Problem>> why_not_now(Api& api, const BoardRow& row, bool force) {
  if (row.name == "host")
    co_return problem_of({"board", "host is no board: it stands for runs that use none", "name one of GET /v1/boards"});
  if (row.leased_by)
    co_return busy(row.name, "is leased by campaign " + std::to_string(row.leased_by->value),
                   "cancel that campaign first; it resets the board itself when it has to");
  if (row.state == BoardState::resetting || api.resetting.contains(row.name))
    co_return busy(row.name, "is being reset", "GET /v1/boards/" + row.name + "/resets shows how far it is");
  if (force) co_return std::nullopt;
  std::vector<std::string> boards{row.name};
  const std::vector<std::string> holders = co_await api.services.boards.holders(std::move(boards));
  if (holders.empty()) co_return std::nullopt;
  co_return busy(row.name, "is held by " + holders.front(), "end that process, or send {\"force\":true}");
}

asio::awaitable<ResetRow> begin_reset(Api& api, std::string board, std::string identity) {
  const ListResets last_one{board, 1};
  const std::vector<ResetRow> newest = co_await api.services.store.read(last_one);
  const NewReset work{board, newest.empty() ? ResetId{} : newest.front().id};
  api.tasks.spawn("reset of board " + board,
                  reset_and_forget(api.services.boards, board, std::move(identity), Resetting{api, board}));
  for (;;) {
    const std::uint64_t seen = api.services.changes.generation();
    std::optional<ResetRow> row = co_await api.services.store.read(work);
    if (row) co_return std::move(*row);
    if (!api.resetting.contains(board)) throw std::runtime_error{"the reset of board " + board + " left no row"};
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
  // Others may have asked while the holders were looked for.
  if (api.resetting.contains(board->name)) co_return busy(board->name, "is being reset", "");
  const ResetRow row = co_await begin_reset(api, board->name, request.identity);
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
