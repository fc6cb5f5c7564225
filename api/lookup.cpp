#include "api/lookup.hpp"

#include "api/query.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

struct FindAttempt {
  AttemptId id;
  std::optional<AttemptRow> operator()(Store& store) const { return store.attempts.find(id); }
};
struct FindNumberedAttempt {
  CaseId case_id;
  int number;
  std::optional<AttemptRow> operator()(Store& store) const { return store.attempts.find(case_id, number); }
};
struct FindBoard {
  std::string name;
  std::optional<BoardRow> operator()(Store& store) const { return store.boards.find(name); }
};

Problem missing(std::string code, const std::string& what, std::string list) {
  return Problem{std::move(code), "there is no " + what, "GET " + std::move(list) + " has those there are", {}, {}};
}

}  // namespace

asio::awaitable<Answer<CaseRow>> case_of(Api& api, const Request& request) {
  const std::string& name = request.parameter("case");
  const FindCase work{name};
  auto row = co_await api.services.store.read(work);
  if (!row) co_return missing("no_such_case", "case " + name, "/v1/cases");
  co_return std::move(*row);
}

asio::awaitable<Answer<CampaignRow>> campaign_of(Api& api, const Request& request) {
  const std::string& text = request.parameter("campaign");
  const FindCampaign work{{row_id_from(text).value_or(0)}};
  auto row = co_await api.services.store.read(work);
  if (!row) co_return missing("no_such_campaign", "campaign " + text, "/v1/campaigns");
  co_return std::move(*row);
}

asio::awaitable<Answer<AttemptRow>> attempt_of(Api& api, const Request& request) {
  const bool by_number = request.has_parameter("number");
  const std::string& text = request.parameter(by_number ? "number" : "attempt");
  const auto number = row_id_from(text);
  std::optional<AttemptRow> row;
  if (by_number) {
    const auto found = co_await case_of(api, request);
    if (!found) co_return found.error();
    const FindNumberedAttempt work{found->id, static_cast<int>(std::min<std::int64_t>(number.value_or(0), INT32_MAX))};
    row = co_await api.services.store.read(work);
  } else {
    const FindAttempt work{{number.value_or(0)}};
    row = co_await api.services.store.read(work);
  }
  if (!row) co_return missing("no_such_attempt", "attempt " + text, "/v1/campaigns/{campaign}/attempts");
  co_return std::move(*row);
}

asio::awaitable<Answer<BoardRow>> board_of(Api& api, const Request& request) {
  const std::string& name = request.parameter("board");
  const FindBoard work{name};
  auto row = co_await api.services.store.read(work);
  if (!row) co_return missing("no_such_board", "board " + name, "/v1/boards");
  co_return std::move(*row);
}

asio::awaitable<Answer<ResetRow>> reset_of(Api& api, const Request& request) {
  const std::string& text = request.parameter("reset");
  const FindReset work{{row_id_from(text).value_or(0)}};
  auto row = co_await api.services.store.read(work);
  if (!row) co_return missing("no_such_reset", "reset " + text, "/v1/boards/{board}/resets");
  co_return std::move(*row);
}

}  // namespace ndr
