#include "daemon/app.hpp"

#include <malloc.h>
#include <sys/stat.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>

#include "api/server.hpp"
#include "api/token.hpp"
#include "daemon/start_check.hpp"
#include "daemon/stop_signals.hpp"
#include "daemon/systemd_notify.hpp"
#include "supervisor/arms/capability.hpp"
#include "supervisor/boards/board_care.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"
#include "supervisor/run/attempt_runner.hpp"

namespace ndr {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;

constexpr int exit_failed = 1;
constexpr int exit_misconfigured = 2;
constexpr int exit_state_locked = 75;    // EX_TEMPFAIL of sysexits.h
constexpr int exit_schema_too_new = 78;  // EX_CONFIG

Checked<std::vector<Listener>> open_listeners(const ListenSettings& listen) {
  std::vector<Listener> listeners;
  const InheritedSockets inherited = inherited_sockets();
  const bool ours = inherited.unix_socket < 0 && inherited.tcp_socket < 0;
  std::vector<Checked<Listener>> opened;
  if (inherited.unix_socket >= 0) opened.push_back(adopt_listener(UniqueFd{inherited.unix_socket}));
  if (inherited.tcp_socket >= 0) opened.push_back(adopt_listener(UniqueFd{inherited.tcp_socket}));
  if (ours && !listen.socket.empty()) opened.push_back(listen_unix(listen.socket, listen.socket_mode));
  if (ours && listen.tcp_port) opened.push_back(listen_tcp(*listen.tcp_port));
  for (auto& listener : opened) {
    if (listener.has_error()) return listener.error();
    listeners.push_back(std::move(*listener));
  }
  return listeners;
}

/// Everything that lives as long as the daemon, in the order in which it is built.
class App {
public:
  App(const Config& config, std::shared_ptr<const SignalRuleSet> rules)
      : config_(config),
        store_(config.settings.state_folder / "ndreprod.sqlite"),
        changes_(io_.get_executor()),
        access_(store_, changes_),
        launcher_(io_.get_executor(), config.settings.shim),
        runner_(io_.get_executor(), config_.settings, access_, launcher_, std::move(rules)),
        boards_(io_.get_executor(), config_.settings, access_, launcher_),
        writer_(launcher_),
        cases_(config_.settings, access_, launcher_),
        campaigns_(io_.get_executor(), config_.settings, access_, runner_, boards_, writer_),
        arms_(config_.settings),
        watchdog_(io_) {}

  void run(std::vector<Listener> listeners, std::string token) {
    Services services{config_.settings, access_, changes_, cases_, campaigns_, boards_, arms_, wall_ms()};
    Server server{io_.get_executor(), services, std::move(listeners), std::move(token)};
    std::exception_ptr failure;
    asio::co_spawn(io_, live(server), [&](std::exception_ptr error) {
      failure = error;
      io_.stop();
    });
    io_.run();
    if (failure) std::rethrow_exception(failure);
  }

private:
  asio::awaitable<void> live(Server& server) {
    co_await boards_.restore(campaigns_.leases());
    co_await campaigns_.restore();
    server.start();
    asio::co_spawn(io_, keep_watchdog(), [](std::exception_ptr error) {
      if (error) std::rethrow_exception(error);
    });
    notify_ready("serving");
    log_info("ready; state in {}", config_.settings.state_folder.string());
    const int number = co_await stop_signal();
    log_info("signal {}: stopping; running attempts go on", number);
    notify_stopping();
    co_await server.stop();
    co_await campaigns_.stop();
  }

  // Only a loop that turns and a database that answers keep the watchdog quiet.
  asio::awaitable<void> keep_watchdog() {
    const auto interval = watchdog_interval();
    if (!interval) co_return;
    for (;;) {
      watchdog_.expires_after(*interval);
      co_await watchdog_.async_wait(asio::use_awaitable);
      co_await access_.read([](Store& store) { return store.events.last(); });
      notify_watchdog();
    }
  }

  const Config& config_;
  asio::io_context io_{1};
  Store store_;
  ChangeFeed changes_;
  StoreAccess access_;
  Launcher launcher_;
  RealAttemptRunner runner_;
  BoardCare boards_;
  ShimCaseWriter writer_;
  CaseRegistry cases_;
  CampaignQueue campaigns_;
  ArmMenu arms_;
  asio::steady_timer watchdog_;
};

int refuse(const Refusal& refusal, int exit_status) {
  log_error("{}", to_text(refusal));
  return exit_status;
}

/// With the arms that work here; a shim without them beside it is no fault.
Config with_arms(Config config) {
  for (const Capability& arm : capabilities_here({config.settings.noise_library(), config.settings.hold_program()})) {
    if (arm.available) config.settings.arms.push_back(arm.arm);
    if (!arm.why.empty()) log_info("arm {}: {}", arm.arm, arm.why);
  }
  return config;
}

}  // namespace

int serve(const Config& given) try {
  ::umask(0027);
  auto rules = check_start(given.settings);
  if (rules.has_error()) return refuse(rules.error(), exit_misconfigured);
  const Config config = with_arms(given);
  // Made with the mode 0750; one that is there keeps its own, for the group goes through it to the cases below.
  fs::create_directories(config.settings.state_folder);
  fs::create_directories(config.settings.runtime_folder);
  ::malloc_trim(0);                    // compiling the rules took some megabytes that nobody needs again
  App app{config, std::move(*rules)};  // takes the state folder before any socket: the second daemon must not listen
  auto listeners = open_listeners(config.listen);
  if (listeners.has_error()) return refuse(listeners.error(), exit_failed);
  app.run(std::move(*listeners), create_token_files(config.settings.runtime_folder));
  return 0;
} catch (const StateLocked& locked) {
  log_error("{}", locked.what());
  return exit_state_locked;
} catch (const SchemaTooNew& newer) {
  log_error("{}", newer.what());
  return exit_schema_too_new;
}

}  // namespace ndr
