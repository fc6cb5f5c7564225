#include "supervisor/shim_watch.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio.hpp>
#include <boost/process/v2/process.hpp>
#include <cerrno>
#include <system_error>

namespace ndr {
namespace asio = boost::asio;

struct ShimWatch::State {
  // The handle of Boost.Process owns the pidfd. Its async_wait is no use here: it cannot be cancelled in 1.81
  // and fails for a process that is not our child. So we wait on a pidfd of our own and let it reap.
  boost::process::v2::basic_process<asio::any_io_executor> process;
  asio::posix::stream_descriptor gone;
  asio::steady_timer bell;  // never expires; cancelled at the end
  bool ended = false;
  std::optional<int> status;

  State(const asio::any_io_executor& executor, int pid, int pidfd, int own)
      : process(executor, pid, pidfd), gone(executor), bell(executor, asio::steady_timer::time_point::max()) {
    if (own >= 0) gone.assign(own);
  }
  ~State() { process.detach(); }  // its destructor would kill

  void finish() {
    boost::system::error_code not_ours;
    if (!process.running(not_ours) && !not_ours) status = process.native_exit_code();
    ended = true;
    bell.cancel();
  }
};

namespace {

bool is_readable(int fd) {
  pollfd wanted{fd, POLLIN, 0};
  return ::poll(&wanted, 1, 0) > 0;
}

}  // namespace

ShimWatch::ShimWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
ShimWatch::~ShimWatch() = default;

std::shared_ptr<ShimWatch> ShimWatch::begin(asio::any_io_executor executor, Spawned process) {
  // Opened anew, not duplicated: an epoll set keeps a closed descriptor as long as a duplicate is open.
  UniqueFd own{static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0))};
  if (!own && errno != ESRCH) throw std::system_error{errno, std::generic_category(), "open a process handle"};
  // As long as the first handle says "alive", the pid is still this process's, so both are of the same one.
  const bool over = is_readable(process.pidfd.get()) || !own;
  auto state = std::make_unique<State>(executor, process.pid, process.pidfd.release(), own.release());
  std::shared_ptr<ShimWatch> watch{new ShimWatch(std::move(state))};
  if (over) {
    watch->state_->finish();
    return watch;
  }
  wait_for_end(watch);
  return watch;
}

void ShimWatch::wait_for_end(const std::shared_ptr<ShimWatch>& watch) {
  asio::posix::stream_descriptor& gone = watch->state_->gone;
  gone.async_wait(asio::posix::stream_descriptor::wait_read, [watch](const boost::system::error_code& released) {
    if (released) return;
    // A reaped pidfd gives one more event (HUP). When that is already queued as its descriptor is closed, Asio hands it
    // to whoever got the descriptor's slot: so an event alone proves nothing.
    if (is_readable(watch->state_->gone.native_handle()))
      watch->state_->finish();
    else
      wait_for_end(watch);
  });
}

asio::awaitable<void> ShimWatch::ended() {
  boost::system::error_code ignored;
  while (!state_->ended)
    co_await state_->bell.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

bool ShimWatch::has_ended() const { return state_->ended; }

std::optional<int> ShimWatch::status() const { return state_->status; }

bool ShimWatch::signal(int number) { return !state_->ended && send_signal(state_->gone.native_handle(), number); }

void ShimWatch::release() {
  boost::system::error_code ignored;
  state_->gone.cancel(ignored);
}

}  // namespace ndr
