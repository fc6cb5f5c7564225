#pragma once
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <stdexcept>
#include <utility>

#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "storage/slice_log.hpp"
#include "supervisor/campaign/queue.hpp"
#include "supervisor/clock.hpp"
#include "tests/support/run_coroutine.hpp"
#include "tests/support/temp_folder.hpp"

namespace ndr {

/// Attempts that end as the test says, at once or when the test lets them.
class FakeRunner : public AttemptRunner {
public:
  explicit FakeRunner(boost::asio::io_context& io) : gate_(io) {}

  /// Fills the verdict (and what else the test wants) of a row that says "one run, 10 s".
  std::function<void(const AttemptOrder&, AttemptResult&)> ends = [](const AttemptOrder&, AttemptResult&) {};
  bool holds = false;  // attempts wait for release() or cancel()
  std::vector<AttemptOrder> ran;
  std::vector<AttemptOrder> resumed;
  std::vector<AttemptId> cancelled;

  void release() {
    holds = false;
    gate_.cancel();
  }

  boost::asio::awaitable<AttemptResult> run(AttemptOrder order) override {
    ran.push_back(order);
    co_return co_await finish(std::move(order));
  }
  boost::asio::awaitable<AttemptResult> resume(AttemptOrder order) override {
    resumed.push_back(order);
    co_return co_await finish(std::move(order));
  }
  void cancel(AttemptId id) override {
    cancelled.push_back(id);
    gate_.cancel();
  }

private:
  boost::asio::awaitable<AttemptResult> finish(AttemptOrder order) {
    while (holds && std::find(cancelled.begin(), cancelled.end(), order.row.id) == cancelled.end()) {
      gate_.expires_after(std::chrono::hours{1});
      boost::system::error_code woken;
      co_await gate_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, woken));
      const auto state = co_await boost::asio::this_coro::cancellation_state;
      if (state.cancelled() != boost::asio::cancellation_type::none) throw std::runtime_error{"abandoned"};
    }
    AttemptResult result;
    result.row = order.row;
    result.row.verdict = Verdict::passed;
    result.row.ended_at_ms = wall_ms();
    result.row.runs = 1;
    result.row.exposure_ms = 10000;
    if (order.slice)
      result.row.slice_json = progress_json({.runs = 1, .passed = 1, .over = true, .median_us = 10000000});
    if (std::find(cancelled.begin(), cancelled.end(), order.row.id) != cancelled.end())
      result.row.verdict = Verdict::cancelled;
    else
      ends(order, result);
    result.row.matched = result.row.verdict == Verdict::reproduced ? 1 : 0;
    result.row.different = result.row.verdict == Verdict::different_failure ? 1 : 0;
    co_return result;
  }

  boost::asio::steady_timer gate_;
};

/// Boards whose resets end as the test says; rows are stored as by the real one.
class FakeBoards : public BoardControl {
public:
  explicit FakeBoards(StoreAccess& store) : store_(store) {}
  ResetResult result = ResetResult::verified;
  std::vector<std::string> resets;

  boost::asio::awaitable<ResetRow> reset(std::string board, std::optional<CampaignId> campaign,
                                         std::string requested_by) override {
    resets.push_back(board);
    ResetRow row;
    row.board = board;
    row.campaign_id = campaign;
    row.command = row.devices_before = row.devices_after = "[]";
    row.requested_by = requested_by;
    row.created_at_ms = wall_ms();
    const auto work = [&](Store& store) {
      row.id = store.boards.begin_reset(row);
      row.ended_at_ms = wall_ms();
      row.result = result;
      row.reason = result == ResetResult::verified ? "" : "device 0 is gone";
      store.boards.finish_reset(row);
      BoardRow state = store.boards.find(board).value();
      state.state = result == ResetResult::verified ? BoardState::clean : BoardState::quarantined;
      store.boards.save(state);
    };
    co_await store_.write(work);
    co_return row;
  }
  boost::asio::awaitable<std::optional<Refusal>> why_not_reset(std::string, bool) override { co_return std::nullopt; }

private:
  StoreAccess& store_;
};

/// Writes as the shim would, without a process.
class FakeWriter : public CaseWriter {
public:
  std::string refuses;  // why nothing can be written
  std::function<void()> before_a_write = [] {};
  int writes = 0;

  boost::asio::awaitable<Checked<void>> write(CaseFolder folder, std::string file, std::string text,
                                              std::optional<std::string> expected_hash) override {
    ++writes;
    before_a_write();
    const std::filesystem::path path = folder.root() / file;
    const std::string hash = std::filesystem::exists(path) ? content_hash(read_file(path)) : "";
    if (!refuses.empty()) co_return Refusal{path.string(), refuses, ""};
    if (expected_hash && *expected_hash != hash) co_return Refusal{path.string(), "is not as expected", ""};
    write_file_atomically(path, text);
    co_return Checked<void>{};
  }
  boost::asio::awaitable<Checked<void>> check_writable(CaseFolder) override { co_return Checked<void>{}; }
};

/// A daemon's inside without processes: store, queue, fakes, and one case `ledger`.
struct CampaignWorld {
  TempFolder folder;
  boost::asio::io_context io;
  Settings settings;
  Store store{folder / "state.db"};
  ChangeFeed changes{io.get_executor()};
  StoreAccess access{store, changes};
  FakeRunner runner{io};
  FakeBoards boards{access};
  FakeWriter writer;
  std::unique_ptr<CampaignQueue> queue;
  CaseRow of_case;

  CampaignWorld() {
    spdlog::set_level(spdlog::level::off);
    settings.case_roots = {folder / "cases"};
    settings.state_folder = folder / "state";
    settings.boards.nodes = folder / "dev";
    settings.shim = folder / "shim" / "ndreprod-shim";  // never started here
    settings.retry_pauses_ms = {0, 0, 0};
    std::filesystem::create_directories(folder / "dev");
    of_case = add_case("ledger");
    start_queue();
  }

  void start_queue() {
    queue = std::make_unique<CampaignQueue>(io.get_executor(), settings, access, runner, boards, writer);
  }

  CaseFolder case_folder(const std::string& name = "ledger") const { return CaseFolder{folder / "cases" / name}; }

  CaseRow add_case(const std::string& name) {
    const CaseFolder made = case_folder(name);
    std::filesystem::create_directories(made.logs());
    write_file_atomically(made.run_script(), "#!/bin/bash\npytest tests \"$@\"\n", 0755);
    CaseRow row;
    row.name = name;
    row.folder = made.root();
    row.owner = "uid:0";
    store.transaction([&] {
      row.id = store.cases.insert(row);
      store.cases.save_analysis(row.id, "", to_json_text(signature()), 1);
    });
    return store.cases.find(row.id).value();
  }

  static Signature signature(FailureType type = FailureType::exception) {
    Signature wanted;
    wanted.failure_type = type;
    wanted.exception = "RuntimeError";
    wanted.message_template = "ledger differs";
    return wanted;
  }

  void add_board(const std::string& name, BoardState state = BoardState::unknown, const std::string& reason = "") {
    write_file_atomically(settings.boards.nodes / name, "");
    BoardRow row;
    row.name = name;
    row.state = state;
    row.reason = reason;
    store.transaction([&] { store.boards.save(row); });
  }

  CampaignRequest request(std::vector<std::string> wanted_boards = {}) const {
    CampaignRequest made;
    made.case_name = "ledger";
    made.seed = 7;
    made.boards = std::move(wanted_boards);
    made.requested_by = "uid:1000";
    return made;
  }

  CampaignId submit(CampaignRequest wanted) {
    const Checked<CampaignId> id = run_coroutine(io, queue->submit(std::move(wanted)));
    return id.value();
  }

  CampaignRow row(CampaignId id) { return store.campaigns.find(id).value(); }

  /// Lets everything go on until this holds; throws where nothing is left to do before it does.
  void run_until(const std::function<bool()>& holds) {
    io.restart();
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!holds())
      if (io.run_one_until(limit) == 0) throw std::runtime_error{"it never happens"};
  }
  CampaignRow finished(CampaignId id) {
    run_until([&] { return row(id).state == CampaignState::finished; });
    return row(id);
  }
  std::vector<std::string> events(const std::string& type) {
    std::vector<std::string> bodies;
    for (const EventRow& event : store.events.after(EventId{0}, 100000))
      if (event.type == type) bodies.push_back(event.body);
    return bodies;
  }
};

}  // namespace ndr
