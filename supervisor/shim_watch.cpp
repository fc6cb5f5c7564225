#include "supervisor/shim_watch.hpp"

#include <fcntl.h>

#include <boost/asio.hpp>
#include <boost/process/v2/process.hpp>
#include <cerrno>
#include <csignal>
#include <system_error>

namespace ndr {
namespace asio = boost::asio;

struct ShimWatch::State {
  // The handle of Boost.Process owns the pidfd. Its async_wait is no use here: it cannot be cancelled in 1.81
  // and fails for a process that is not our child. So we wait on a copy of the pidfd and let it reap.
  boost::process::v2::basic_process<asio::any_io_executor> process;
  asio::posix::stream_descriptor gone;
  asio::steady_timer bell;  // never expires; cancelled at the end
  bool ended = false;
  std::optional<int> status;

  State(const asio::any_io_executor& executor, int pid, int pidfd, int copy)
      : process(executor, pid, pidfd), gone(executor, copy), bell(executor, asio::steady_timer::time_point::max()) {}
  ~State() { process.detach(); }  // its destructor would kill

  void finish() {
    boost::system::error_code not_ours;
    if (!process.running(not_ours) && !not_ours) status = process.native_exit_code();
    ended = true;
    bell.cancel();
  }
};

ShimWatch::ShimWatch(std::unique_ptr<State> state) : state_(std::move(state)) {}
ShimWatch::~ShimWatch() = default;

std::shared_ptr<ShimWatch> ShimWatch::begin(asio::any_io_executor executor, Spawned process) {
  UniqueFd copy{::fcntl(process.pidfd.get(), F_DUPFD_CLOEXEC, 0)};
  if (!copy) throw std::system_error{errno, std::generic_category(), "copy a process handle"};
  auto state = std::make_unique<State>(executor, process.pid, process.pidfd.release(), copy.release());
  const std::shared_ptr<ShimWatch> watch{new ShimWatch(std::move(state))};
  watch->state_->gone.async_wait(asio::posix::stream_descriptor::wait_read,
                                 [watch](const boost::system::error_code& released) {
                                   if (!released) watch->state_->finish();
                                 });
  return watch;
}

asio::awaitable<void> ShimWatch::ended() {
  boost::system::error_code ignored;
  while (!state_->ended)
    co_await state_->bell.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

bool ShimWatch::has_ended() const { return state_->ended; }

std::optional<int> ShimWatch::status() const { return state_->status; }

void ShimWatch::kill() { send_signal(state_->gone.native_handle(), SIGKILL); }

void ShimWatch::release() {
  boost::system::error_code ignored;
  state_->gone.cancel(ignored);
}

}  // namespace ndr
