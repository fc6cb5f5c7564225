// Runs attempts of one case folder with the real shim and a database of their own, without daemon or API:
//   one_attempt SHIM CASE STATE_FOLDER [NAME=VALUE...]
// Prints the outcome of each attempt as one line of JSON (the row, and board_suspect). The wanted failure is that of
// the case's CI logs. Names: attempts, deadline_ms, start_up_ms, mid_run_ms, shut_down_ms, triage_ms, let_end_ms,
// interrupt_ms, terminate_ms, cancel_after_ms, workers, uses_board, resume (take up attempt 1 of an earlier call).
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iostream>
#include <map>

#include "analyzer/evidence/extract.hpp"
#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "storage/record_json.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/run/attempt_runner.hpp"

namespace asio = boost::asio;
using namespace ndr;

namespace {

using Options = std::map<std::string, std::int64_t>;

std::int64_t value_of(const Options& options, const char* name, std::int64_t otherwise) {
  const auto found = options.find(name);
  return found == options.end() ? otherwise : found->second;
}

Settings settings_of(const Options& options) {
  Settings settings;
  StallSettings& stalls = settings.stalls;
  stalls.start_up_ms = value_of(options, "start_up_ms", stalls.start_up_ms);
  stalls.mid_run_ms = value_of(options, "mid_run_ms", stalls.mid_run_ms);
  stalls.shut_down_ms = value_of(options, "shut_down_ms", stalls.shut_down_ms);
  stalls.triage_ms = value_of(options, "triage_ms", stalls.triage_ms);
  stalls.let_end_ms = value_of(options, "let_end_ms", stalls.let_end_ms);
  for (StopLadder* ladder : {&settings.stop.device_error, &settings.stop.hang, &settings.stop.other}) {
    ladder->interrupt_ms = value_of(options, "interrupt_ms", ladder->interrupt_ms);
    ladder->terminate_ms = value_of(options, "terminate_ms", ladder->terminate_ms);
  }
  return settings;
}

Signature wanted_of(const CaseFolder& folder) {
  EvidenceExtractor extractor;
  const auto logs = ci_logs(folder);
  if (logs.has_error()) throw std::runtime_error{to_text(logs.error())};
  for (const auto& log : *logs) {
    extractor.begin_file(log.string());
    extractor.feed(read_file(folder.root() / log));
  }
  return extractor.finish().signature;
}

CampaignId campaign_of(Store& store, const CaseFolder& folder) {
  const std::string name = folder.root().filename();
  const auto known = store.cases.find(name);
  CaseRow row;
  row.name = name;
  row.folder = folder.root();
  row.owner = "uid:0";
  row.created_at_ms = wall_ms();
  CampaignRow campaign;
  campaign.case_id = known ? known->id : store.cases.insert(row);
  campaign.host_id = store.campaigns.host("here", "{}");
  campaign.boards = R"(["host"])";
  campaign.signature_json = campaign.policy_json = "{}";
  campaign.requested_by = "one_attempt";
  campaign.created_at_ms = wall_ms();
  return store.campaigns.insert(campaign);
}

struct Session {
  Options options;
  CaseFolder folder;
  Store& store;
  StoreAccess& access;
  RealAttemptRunner& runner;
};

AttemptOrder order_of(const Session& session, bool resumed) {
  AttemptOrder order;
  order.case_name = session.folder.root().filename();
  order.folder = session.folder;
  order.wanted = wanted_of(session.folder);
  order.deadline_ms = value_of(session.options, "deadline_ms", 60000);
  order.uses_board = value_of(session.options, "uses_board", 0) != 0;
  order.arm.workers = static_cast<int>(value_of(session.options, "workers", 1));
  if (resumed) {
    order.row = session.store.attempts.unfinished().at(0);
    return order;
  }
  order.row.campaign_id = campaign_of(session.store, session.folder);
  order.row.host_id = HostId{1};
  order.row.number = last_attempt_number(session.folder) + 1;
  order.row.arm = order.arm.name;
  order.row.parameters = parameters_of(order.arm);
  order.row.seed = 1;
  order.row.created_at_ms = wall_ms();
  order.row = *session.store.attempts.find(session.store.attempts.begin(order.row));
  return order;
}

asio::awaitable<void> cancel_later(RealAttemptRunner& runner, AttemptId id, std::int64_t after_ms) {
  asio::steady_timer timer{co_await asio::this_coro::executor, std::chrono::milliseconds{after_ms}};
  co_await timer.async_wait(asio::use_awaitable);
  runner.cancel(id);
}

asio::awaitable<void> make_attempts(const Session& session) {
  const bool resumed = value_of(session.options, "resume", 0) != 0;
  for (std::int64_t left = value_of(session.options, "attempts", 1); left > 0; --left) {
    AttemptOrder order = order_of(session, resumed);
    const std::int64_t cancel_ms = value_of(session.options, "cancel_after_ms", -1);
    const auto ignore = [](std::exception_ptr) {};
    if (cancel_ms >= 0)
      asio::co_spawn(co_await asio::this_coro::executor, cancel_later(session.runner, order.row.id, cancel_ms), ignore);
    AttemptResult result;
    if (resumed)
      result = co_await session.runner.resume(std::move(order));
    else
      result = co_await session.runner.run(std::move(order));
    const auto finish = [&result](Store& store) { store.attempts.finish(result.row); };
    co_await session.access.write(finish);
    std::string text = to_json_text(*session.store.attempts.find(result.row.id));
    text.pop_back();
    std::cout << text << ",\"board_suspect\":" << (result.board_suspect ? "true" : "false") << "}" << std::endl;
  }
}

int run(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 3; i < arguments.size(); ++i) {
    const std::size_t sign = arguments[i].find('=');
    if (sign == std::string::npos) throw std::runtime_error{arguments[i] + " is not NAME=VALUE"};
    options[arguments[i].substr(0, sign)] = std::stoll(arguments[i].substr(sign + 1));
  }
  asio::io_context io{1};
  Store store{std::filesystem::path{arguments[2]} / "ndreprod.sqlite"};
  ChangeFeed changes{io.get_executor()};
  StoreAccess access{store, changes};
  Launcher launcher{io.get_executor(), arguments[0]};
  const Settings settings = settings_of(options);
  auto rules = SignalRuleSet::compile(builtin_signal_rules());
  RealAttemptRunner runner{io.get_executor(), settings, access, launcher, *rules};
  const Session session{options, CaseFolder{arguments[1]}, store, access, runner};
  std::exception_ptr failure;
  asio::co_spawn(io, make_attempts(session), [&](std::exception_ptr error) {
    failure = error;
    launcher.release();
  });
  io.run();
  if (failure) std::rethrow_exception(failure);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  spdlog::set_default_logger(spdlog::stderr_logger_st("one_attempt"));
  if (argc < 4) throw std::runtime_error{"usage: one_attempt SHIM CASE STATE_FOLDER [NAME=VALUE...]"};
  return run({argv + 1, argv + argc});
} catch (const std::exception& error) {
  std::cerr << "one_attempt: " << error.what() << "\n";
  return 1;
}
