#pragma once
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/server.hpp"
#include "storage/store.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "tests/api/http_client.hpp"
#include "tests/support/temp_folder.hpp"

namespace ndr {

/// Attempts that end when the test says so: resume() is never needed, run() waits for cancel().
class WaitingRunner : public AttemptRunner {
public:
  explicit WaitingRunner(ChangeFeed& changes) : changes_(changes) {}
  boost::asio::awaitable<AttemptResult> run(AttemptOrder order) override;
  boost::asio::awaitable<AttemptResult> resume(AttemptOrder order) override { return run(std::move(order)); }
  void cancel(AttemptId id) override;

private:
  ChangeFeed& changes_;
  std::vector<AttemptId> cancelled_;
};

/// Boards whose resets begin at once and end when the test says so.
class WaitingBoards : public BoardControl {
public:
  WaitingBoards(StoreAccess& store, ChangeFeed& changes) : store_(store), changes_(changes) {}
  boost::asio::awaitable<ResetRow> reset(std::string board, std::optional<CampaignId> campaign,
                                         std::string requested_by) override;
  boost::asio::awaitable<std::optional<Refusal>> why_not_reset(std::string board, bool by_hand) override;

  bool may_end = false;                  // of resets; bump the feed after setting it
  std::optional<Refusal> why_not;        // what why_not_reset() says
  std::function<void()> before_holders;  // may throw

private:
  StoreAccess& store_;
  ChangeFeed& changes_;
};

/// A real server with a real store, on a thread of its own. All that is not a client call goes through on_io().
class ApiUnderTest {
public:
  explicit ApiUnderTest(ServerLimits limits = {});
  ~ApiUnderTest();
  ApiUnderTest(const ApiUnderTest&) = delete;
  ApiUnderTest& operator=(const ApiUnderTest&) = delete;

  HttpClient connect() const { return HttpClient{folder / "api.sock"}; }
  HttpClient connect_tcp() const { return HttpClient{port}; }
  /// One request on a connection of its own.
  WireReply get(const std::string& target, const std::string& header_lines = "") const {
    return connect().get(target, header_lines);
  }
  WireReply post(const std::string& target, const std::string& body = "", const std::string& header_lines = "") const {
    return connect().request("POST", target, body, header_lines);
  }
  /// The body of a GET that must be 200.
  nlohmann::json json(const std::string& target) const;

  /// Does `work` on the I/O thread and returns what it returns.
  template <class Work>
  auto on_io(Work work) {
    // Behind a pointer: Asio would take a bare packaged_task for a completion token of its own.
    const auto task = std::make_shared<std::packaged_task<decltype(work())()>>(std::move(work));
    auto result = task->get_future();
    boost::asio::post(io, [task] { (*task)(); });
    return result.get();
  }
  /// In one transaction, then rings the bell.
  template <class Work>
  auto change(Work work) {
    return on_io([this, work = std::move(work)]() mutable {
      if constexpr (std::is_void_v<decltype(work(*store))>) {
        store->transaction([&] { work(*store); });
        changes.bump();
      } else {
        std::optional<decltype(work(*store))> result;
        store->transaction([&] { result.emplace(work(*store)); });
        changes.bump();
        return std::move(*result);
      }
    });
  }

  /// A case folder with a CI log and a sound run_test.sh, not added yet.
  std::filesystem::path make_case(const std::string& name) const;

  // What most tests need of the store.
  CaseId add_case(const std::string& name);
  CampaignId add_campaign(CaseId id);
  AttemptRow add_attempt(CampaignId id, int number);
  EventId add_event(const std::string& type, std::optional<CampaignId> campaign = std::nullopt);
  void finish_campaign(CampaignId id);
  void finish_attempt(AttemptRow row);
  std::filesystem::path log_of(const std::string& case_name, int number) const;
  void stop();  // the server; the destructor does it else

  TempFolder folder;
  Settings settings;
  boost::asio::io_context io{1};
  std::unique_ptr<Store> store;
  ChangeFeed changes{io.get_executor()};
  std::unique_ptr<StoreAccess> access;
  std::unique_ptr<WaitingRunner> runner;
  std::unique_ptr<WaitingBoards> boards;
  std::unique_ptr<Launcher> launcher;
  std::unique_ptr<CaseRegistry> cases;
  std::unique_ptr<ShimCaseWriter> writer;
  std::unique_ptr<CampaignQueue> campaigns;
  std::unique_ptr<ArmMenu> arms;
  std::unique_ptr<Server> server;
  std::string token;
  std::uint16_t port = 0;

private:
  void start(ServerLimits limits);
  std::thread thread_;
};

/// Of a problem reply.
std::string code_of(const WireReply& reply);

}  // namespace ndr
