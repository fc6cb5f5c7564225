#include "supervisor/boards/board_care.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>

#include "storage/process_identity.hpp"
#include "supervisor/boards/reset_command.hpp"
#include "supervisor/clock.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

namespace asio = boost::asio;
namespace fs = std::filesystem;
using namespace ndr;

namespace {

const fs::path real_shim = fs::path{NDREPRO_BIN_DIR} / "ndreprod-shim";

/// The real shim behind a few lines of the test's own; `$real` is the shim.
fs::path shim_behind(const fs::path& file, const std::string& lines) {
  if (lines.empty()) return real_shim;
  std::ofstream{file} << "#!/bin/bash\nreal=" << real_shim.string() << "\n" << lines << "\nexec \"$real\" \"$@\"\n";
  fs::permissions(file, fs::perms::owner_all);
  return file;
}

/// A folder of nodes, a reset command of the test's own, the real shim and a real database.
struct Lab {
  TempFolder folder;
  Settings settings;
  asio::io_context io;
  Store store{folder / "state.sqlite"};
  ChangeFeed changes{io.get_executor()};
  StoreAccess access{store, changes};
  Launcher launcher;

  explicit Lab(const std::string& reset_script, const std::string& before_the_shim = "")
      : launcher(io.get_executor(), shim_behind(folder / "shim", before_the_shim)) {
    ::unsetenv("TT_SMI_RESET_COMMAND");
    fs::create_directories(nodes());
    add_node("0");
    add_node("1");
    const fs::path script = folder / "my-smi";
    std::ofstream{script} << "#!/bin/bash\nnodes=" << nodes().string() << "\n" << reset_script;
    fs::permissions(script, fs::perms::owner_all);
    settings.state_folder = folder.path();
    settings.boards.nodes = nodes();
    settings.boards.proc = folder / "proc";
    fs::create_directories(folder / "proc/driver/tenstorrent/0");
    std::ofstream{folder / "proc/driver/tenstorrent/0/pids"} << "";
    settings.boards.reset_command = {script.string(), "-r"};
    settings.boards.settle_ms = 1;
    settings.boards.retry_after_ms = 1;
    settings.boards.reappear_ms = 0;
  }

  fs::path nodes() const { return folder / "dev"; }
  void add_node(const std::string& name) { std::ofstream{nodes() / name} << ""; }

  template <class Result>
  Result run(asio::awaitable<Result> story) {
    std::optional<Result> result;
    std::exception_ptr failure;
    asio::co_spawn(io, std::move(story), [&](std::exception_ptr error, Result value) {
      failure = error;
      result.emplace(std::move(value));
      launcher.release();
    });
    io.restart();
    io.run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }

  ResetRow reset(BoardCare& care, std::optional<CampaignId> campaign = {}) {
    return run(care.reset("0", campaign, "uid:1000"));
  }
  BoardCare care() { return BoardCare{io.get_executor(), settings, access, launcher}; }
};

asio::awaitable<bool> released(const BoardLeases& leases) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  while (leases.is_leased("0")) {
    timer.expires_after(std::chrono::milliseconds{1});
    co_await timer.async_wait(asio::use_awaitable);
  }
  co_return true;
}

asio::awaitable<bool> restored(BoardCare& care, BoardLeases& leases) {
  co_await care.restore(leases);
  co_return co_await released(leases);
}

/// The restore alone; then what it left running goes on until the end.
asio::awaitable<bool> restored_then(BoardCare& care, BoardLeases& leases, std::function<void()> meanwhile) {
  co_await care.restore(leases);
  meanwhile();
  co_return co_await released(leases);
}

/// The intent of a daemon before us.
ResetRow open_reset(Lab& lab) {
  ResetRow open;
  open.board = "0";
  open.command = "[]";
  open.devices_before = "[\"0\",\"1\"]";
  open.requested_by = "uid:0";
  open.created_at_ms = wall_ms();
  lab.store.boards.save({.name = "0", .state = BoardState::resetting});
  open.id = lab.store.boards.begin_reset(open);
  return open;
}

/// ... and its command, which runs on. The shim is killed where the test says so.
asio::awaitable<bool> begun(Lab& lab, ResetRow row, bool loses_shim) {
  const AttemptFolder folder{lab.settings.state_folder / "resets" / std::to_string(row.id.value)};
  AttemptSpec spec = reset_spec(lab.settings.boards, folder, {(lab.folder / "my-smi").string(), "-r", "0"});
  LaunchSpec launch{ShimMode::reset, folder.root(), to_json_text(spec)};
  auto shim = co_await lab.launcher.start(std::move(launch));
  asio::steady_timer timer{co_await asio::this_coro::executor};
  std::error_code absent;
  while (fs::file_size(lab.folder / "pid", absent) == 0 || absent) {
    timer.expires_after(std::chrono::milliseconds{1});
    co_await timer.async_wait(asio::use_awaitable);
  }
  if (loses_shim) {
    shim->kill();
    co_await shim->ended();
  }
  co_return true;
}

CampaignId campaign_in(Store& store) {
  CaseRow row;
  row.name = "case";
  row.folder = "/case";
  row.owner = "uid:0";
  CampaignRow campaign;
  campaign.case_id = store.cases.insert(row);
  campaign.host_id = store.campaigns.host("here", "{}");
  campaign.boards = "[\"0\"]";
  campaign.signature_json = "{}";
  campaign.policy_json = "{}";
  campaign.requested_by = "uid:0";
  return store.campaigns.insert(campaign);
}

}  // namespace

TEST_CASE("a reset that works leaves a clean board and its story") {
  Lab lab{"[ \"$1 $2\" = \"-r $nodes/0\" ] || exit 9\necho ' Re-initializing boards after reset....'\n"};
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.reason.empty());
  CHECK(row.result == ResetResult::verified);
  CHECK(lab.store.boards.find("0")->state == BoardState::clean);
  CHECK(lab.store.boards.resets("0", 9).size() == 1);
  std::vector<std::string> types;
  for (const EventRow& event : lab.store.events.after(EventId{}, 99))
    types.push_back(event.type);
  CHECK(types == std::vector<std::string>{"board.state", "reset.state", "reset.state", "board.state"});
}

TEST_CASE("a reset that lies is tried once more, then the board is quarantined") {
  Lab lab{"echo 'error | UMD | Reset failed.'\n"};
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.result == ResetResult::failed);
  CHECK(lab.store.boards.resets("0", 9).size() == 2);
  CHECK(lab.store.boards.find("0")->state == BoardState::quarantined);
  CHECK(lab.store.boards.find("0")->reason == "the reset command printed \"Reset failed.\"");
  const CampaignId campaign = campaign_in(lab.store);
  const ResetRow refused = lab.reset(care, campaign);
  CHECK(refused.id == ResetId{});
  CHECK(refused.reason.find("quarantined") != std::string::npos);
}

TEST_CASE("a device that does not come back is noticed though the command ends with 0") {
  Lab lab{"rm \"$nodes/1\"\necho done\n"};
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.result != ResetResult::verified);
  CHECK(lab.store.boards.find("0")->state == BoardState::quarantined);
}

TEST_CASE("a second try that works makes up for the first") {
  Lab lab{"[ -e \"$nodes/../tried\" ] && exit 0\ntouch \"$nodes/../tried\"\nexit 1\n"};
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.result == ResetResult::verified);
  CHECK(lab.store.boards.find("0")->state == BoardState::clean);
}

TEST_CASE("a program that is not there is named with the remedy") {
  Lab lab{""};
  lab.settings.boards.reset_command = {"no-such-smi", "-r"};
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.result == ResetResult::failed);
  CHECK(row.reason.find("no-such-smi is not found") != std::string::npos);
  CHECK(row.reason.find("boards.reset_command") != std::string::npos);
}

TEST_CASE("a reset that runs out of its limit is a failed one") {
  Lab lab{"exec sleep 600\n"};
  lab.settings.boards.reset_limit_ms = 200;
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.result == ResetResult::failed);
  CHECK(row.reason == "the reset command did not end within its limit");
}

TEST_CASE("the readiness probe has the last word") {
  Lab lab{"exit 0\n"};
  lab.settings.boards.probe_command = {"/bin/false"};
  BoardCare care = lab.care();
  CHECK(lab.reset(care).result == ResetResult::unverified);
  lab.settings.boards.probe_command = {"/bin/true"};
  CHECK(lab.reset(care).result == ResetResult::verified);
}

TEST_CASE("a campaign never resets a board that somebody holds") {
  Lab lab{"exit 0\n"};
  const std::string pid = std::to_string(::getpid());
  std::ofstream{lab.folder / "proc/driver/tenstorrent/0/pids"} << pid << "\n";
  fs::create_directory_symlink("/proc/" + pid, lab.folder / ("proc/" + pid));
  BoardCare care = lab.care();
  const CampaignId campaign = campaign_in(lab.store);
  const ResetRow row = lab.reset(care, campaign);
  CHECK(row.id == ResetId{});
  CHECK(row.reason.find("pid " + std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("a reset whose daemon died is judged by what it left") {
  Lab lab{"exit 0\n"};
  BoardCare care = lab.care();
  BoardLeases leases;
  const ResetRow open = open_reset(lab);
  lab.run(restored(care, leases));
  CHECK(lab.store.boards.unfinished_resets().empty());
  CHECK(lab.store.boards.find_reset(open.id)->result == ResetResult::unverified);
  CHECK(lab.store.boards.find("0")->state == BoardState::dirty);
  CHECK(lab.store.boards.find("1")->state == BoardState::unknown);
}

TEST_CASE("a reset that still runs does not keep the daemon from starting, only its board from being used") {
  Lab lab{"echo $$ >\"$nodes/../pid\"\nwhile [ ! -e \"$nodes/../go\" ]; do sleep 0.01; done\n"};
  BoardCare care = lab.care();
  BoardLeases leases;
  const ResetRow open = open_reset(lab);
  lab.run(begun(lab, open, false));
  lab.run(restored_then(care, leases, [&] {
    CHECK(leases.is_leased("0"));
    CHECK_FALSE(leases.is_leased("1"));
    CHECK_FALSE(lab.store.boards.find_reset(open.id)->result);
    std::ofstream{lab.folder / "go"} << "";
  }));
  CHECK(lab.store.boards.find_reset(open.id)->result == ResetResult::verified);
  CHECK(lab.store.boards.find("0")->state == BoardState::clean);
}

TEST_CASE("the command of a lost reset is ended before the board is reset again") {
  Lab lab{"[ -e \"$nodes/../pid\" ] && exit 0\necho $$ >\"$nodes/../pid\"\nexec sleep 600\n"};
  BoardCare care = lab.care();
  const ResetRow open = open_reset(lab);
  lab.run(begun(lab, open, true));
  int pid = 0;
  std::ifstream{lab.folder / "pid"} >> pid;
  REQUIRE(process_stat(pid));
  CHECK(lab.reset(care).result == ResetResult::verified);
  const auto left = process_stat(pid);
  CHECK((!left || is_dead(*left)));
  CHECK(lab.store.boards.find_reset(open.id)->result == ResetResult::unverified);
  CHECK(lab.store.boards.unfinished_resets().empty());
}

TEST_CASE("a shim that dies without a word leaves a finished reset with what it was about") {
  Lab lab{"exit 0\n", "[ \"$1\" = reset ] && exit 3"};
  BoardCare care = lab.care();
  const ResetRow row = lab.reset(care);
  CHECK(row.result == ResetResult::unverified);
  CHECK_THAT(row.reason, ContainsSubstring("status 3"));
  CHECK(lab.store.boards.unfinished_resets().empty());
  CHECK(lab.store.boards.find("0")->state == BoardState::quarantined);
}

TEST_CASE("nobody resets a board where holders may be hidden") {
  Lab lab{"exit 0\n", R"([ "$1" = probe ] && { "$real" "$@" | sed 's/"complete":true/"complete":false/'; exit 0; })"};
  BoardCare care = lab.care();
  lab.store.boards.save({.name = "0"});
  const CampaignId campaign = campaign_in(lab.store);
  const ResetRow row = lab.reset(care, campaign);
  CHECK(row.id == ResetId{});
  CHECK_THAT(row.reason, ContainsSubstring("cannot see") && ContainsSubstring("CAP_SYS_PTRACE"));
  CHECK(lab.run(care.why_not_reset("0", true)));
}

TEST_CASE("after two failed tries a board cools down, also for a reset by hand") {
  Lab lab{"exit 1\n"};
  BoardCare care = lab.care();
  lab.reset(care);
  const auto why = lab.run(care.why_not_reset("0", true));
  REQUIRE(why);
  CHECK_THAT(why->reason, ContainsSubstring("cools down"));
  lab.settings.boards.cooldown_ms = 0;
  CHECK_FALSE(lab.run(care.why_not_reset("0", true)));
  CHECK(lab.run(care.why_not_reset("0", false)));  // quarantined
}

TEST_CASE("the hourly limit holds for the second try too") {
  Lab lab{"exit 1\n"};
  lab.settings.boards.bad_resets_per_hour = 1;
  BoardCare care = lab.care();
  lab.reset(care);
  CHECK(lab.store.boards.resets("0", 9).size() == 1);
  CHECK(lab.store.boards.find("0")->state == BoardState::quarantined);
  CHECK_THAT(lab.store.boards.find("0")->reason, ContainsSubstring("not tried again"));
}

TEST_CASE("of a large output the end is kept") {
  TempFolder folder;
  const AttemptFolder reset{folder.path()};
  std::ofstream{reset.output()} << "";
  fs::resize_file(reset.output(), 65u << 20);
  std::ofstream{reset.output(), std::ios::app} << "Reset failed.";
  const ResetObservation seen = observe_end(reset);
  CHECK(seen.output.ends_with("Reset failed."));
}
