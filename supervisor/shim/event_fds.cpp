#include "supervisor/shim/event_fds.hpp"

#include <fcntl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

namespace ndr {
namespace {

void check(bool done, const char* doing) {
  if (!done) throw std::system_error{errno, std::generic_category(), doing};
}

constexpr std::size_t longest_request = 256;

}  // namespace

std::int64_t boottime_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

SignalFd::SignalFd() {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int number : {SIGCHLD, SIGTERM, SIGINT, SIGQUIT})
    sigaddset(&wanted, number);
  check(::sigprocmask(SIG_SETMASK, &wanted, nullptr) == 0, "block signals");
  fd_.reset(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK));
  check(static_cast<bool>(fd_), "make a signalfd");
}

std::vector<int> SignalFd::take() {
  std::vector<int> numbers;
  signalfd_siginfo seen{};
  while (::read(fd_.get(), &seen, sizeof seen) == static_cast<ssize_t>(sizeof seen))
    numbers.push_back(static_cast<int>(seen.ssi_signo));
  return numbers;
}

AlarmFd::AlarmFd() : fd_(::timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)) {
  check(static_cast<bool>(fd_), "make a timerfd");
}

void AlarmFd::set(std::optional<std::int64_t> at_boottime_ms) {
  itimerspec when{};
  if (at_boottime_ms) {
    when.it_value.tv_sec = *at_boottime_ms / 1000;
    when.it_value.tv_nsec = *at_boottime_ms % 1000 * 1000000;
  }
  check(::timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &when, nullptr) == 0, "set a timer");
}

void AlarmFd::take() {
  std::uint64_t expirations = 0;
  // EAGAIN is as good: it was set again meanwhile.
  [[maybe_unused]] const ssize_t got = ::read(fd_.get(), &expirations, sizeof expirations);
}

ControlFifo::ControlFifo(const std::filesystem::path& path) : path_(path) {
  check(::mkfifo(path_.c_str(), 0600) == 0, "make the control FIFO");
  // Reading and writing, so that there is no end of file when a writer goes away.
  fd_.reset(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  check(static_cast<bool>(fd_), "open the control FIFO");
  check(::fchmod(fd_.get(), 0600) == 0, "set the mode of the control FIFO");
}

ControlFifo::~ControlFifo() { ::unlink(path_.c_str()); }

std::vector<StopLadder> ControlFifo::take() {
  std::vector<StopLadder> requests;
  std::array<char, 4096> piece;
  // One piece at a time: who never stops writing must not keep us from the deadline. The rest wakes us again.
  const ssize_t got = ::read(fd_.get(), piece.data(), piece.size());
  if (got <= 0) return requests;
  unread_.append(piece.data(), static_cast<std::size_t>(got));
  for (std::size_t end = unread_.find('\n'); end != std::string::npos; end = unread_.find('\n')) {
    if (const auto request = stop_request_from(unread_.substr(0, end + 1))) requests.push_back(*request);
    unread_.erase(0, end + 1);
  }
  if (unread_.size() > longest_request) unread_.clear();
  return requests;
}

}  // namespace ndr
