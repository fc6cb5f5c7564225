// How long a run goes on after it has printed an error line: react_bench ATTEMPTS. Real attempts with the real shim and
// a database; prints JSON: p50_ms and p99_ms from just before the line is written to the death by SIGINT as the parent
// sees it, and attempt_ms, the median from intent to verdict of an attempt of `true`.
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <fstream>
#include <iostream>

#include "storage/atomic_file.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/run/attempt_runner.hpp"
#include "tests/support/temp_folder.hpp"

namespace asio = boost::asio;
using namespace ndr;
using Clock = std::chrono::steady_clock;

namespace {

struct World {
  TempFolder folder;
  asio::io_context io{1};
  Store store{folder / "state" / "ndreprod.sqlite"};
  ChangeFeed changes{io.get_executor()};
  StoreAccess access{store, changes};
  Launcher launcher{io.get_executor(), std::string{NDREPRO_BIN_DIR} + "/ndreprod-shim"};
  Settings settings{};
  RealAttemptRunner runner{io.get_executor(), settings, access, launcher,
                           *SignalRuleSet::compile(builtin_signal_rules())};
  CampaignId campaign{};

  World() {
    CaseRow of_case;
    of_case.name = "bench";
    of_case.folder = folder / "bench";
    of_case.owner = "uid:0";
    CampaignRow row;
    row.case_id = store.cases.insert(of_case);
    row.host_id = store.campaigns.host("here", "{}");
    row.boards = "[]";
    row.signature_json = row.policy_json = "{}";
    campaign = store.campaigns.insert(row);
  }

  CaseFolder new_case(const std::string& name) const {
    std::filesystem::create_directories(folder / name / "logs");
    return CaseFolder{folder / name};
  }
};

/// What a campaign does for each attempt: the intent, the run, the outcome.
asio::awaitable<AttemptRow> make_attempt(World& world, CaseFolder folder, int number) {
  AttemptOrder order;
  order.folder = folder;
  order.case_name = folder.root().filename();
  order.row.campaign_id = world.campaign;
  order.row.host_id = HostId{1};
  order.row.number = number;
  order.row.arm = "plain";
  order.row.parameters = "{}";
  const auto begin = [&order](Store& store) { return store.attempts.begin(order.row); };
  order.row.id = co_await world.access.write(begin);
  order.deadline_ms = 30000;
  AttemptResult result = co_await world.runner.run(std::move(order));
  const auto finish = [&result](Store& store) { store.attempts.finish(result.row); };
  co_await world.access.write(finish);
  co_return result.row;
}

asio::awaitable<std::vector<double>> measure_reaction(World& world, int attempts) {
  const CaseFolder folder = world.new_case("react");
  std::filesystem::copy_file(REACT_CHILD, folder.run_script());
  std::vector<double> delays;
  for (int number = 1; number <= attempts; ++number) {
    const AttemptRow row = co_await make_attempt(world, folder, number);
    if (row.verdict != Verdict::contention || row.exit_code != 1)
      throw std::runtime_error{"no reaction: " + row.explanation + ", exit status " +
                               std::to_string(row.exit_code.value_or(-1))};
    std::ifstream times{folder.root() / "react.times"};
    std::int64_t written = 0, delivered = 0;
    times >> written >> delivered;
    delays.push_back(static_cast<double>(delivered - written) / 1e6);
  }
  co_return delays;
}

asio::awaitable<std::vector<double>> measure_overhead(World& world, int attempts) {
  const CaseFolder folder = world.new_case("true");
  write_file_atomically(folder.run_script(), "#!/bin/sh\n# ndrepro-contract: 1\nexec true\n", 0755);
  std::vector<double> lengths;
  for (int number = 1; number <= attempts; ++number) {
    const Clock::time_point begin = Clock::now();
    const AttemptRow row = co_await make_attempt(world, folder, 100000 + number);
    if (row.verdict != Verdict::passed) throw std::runtime_error{"true fails: " + row.explanation};
    lengths.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  co_return lengths;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto place = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values[std::min(values.size() - 1, place)];
}

asio::awaitable<void> measure(World& world, int attempts) {
  const std::vector<double> delays = co_await measure_reaction(world, attempts);
  const std::vector<double> lengths = co_await measure_overhead(world, attempts);
  std::cout << "{\"attempts\":" << attempts << ",\"p50_ms\":" << percentile(delays, 0.5)
            << ",\"p99_ms\":" << percentile(delays, 0.99) << ",\"max_ms\":" << percentile(delays, 1)
            << ",\"attempt_ms\":" << percentile(lengths, 0.5) << ",\"attempt_p99_ms\":" << percentile(lengths, 0.99)
            << "}" << std::endl;
}

}  // namespace

int main(int argc, char** argv) try {
  spdlog::set_default_logger(spdlog::null_logger_st("react_bench"));
  const int attempts = argc == 2 ? std::stoi(argv[1]) : 0;
  if (attempts < 1) throw std::runtime_error{"usage: react_bench ATTEMPTS"};
  World world;
  std::exception_ptr failure;
  asio::co_spawn(world.io, measure(world, attempts), [&](std::exception_ptr error) {
    failure = error;
    world.launcher.release();
  });
  world.io.run();
  if (failure) std::rethrow_exception(failure);
  return 0;
} catch (const std::exception& error) {
  std::cerr << "react_bench: " << error.what() << "\n";
  return 1;
}
