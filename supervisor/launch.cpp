#include "supervisor/launch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <system_error>

#include "analyzer/assert.hpp"
#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/shim_watch.hpp"
#include "supervisor/spawn.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace boost::asio::experimental::awaitable_operators;

namespace {

constexpr std::chrono::seconds ready_limit{30};
constexpr std::size_t output_limit = 1u << 20;
constexpr std::size_t error_limit = 4096;

const char* to_text(ShimMode mode) {
  switch (mode) {
    case ShimMode::run:
      return "run";
    case ShimMode::reset:
      return "reset";
    case ShimMode::probe:
      return "probe";
    case ShimMode::write:
      return "write";
    case ShimMode::reap:
      return "reap";
  }
  NDR_NEVER("no such mode");
}

bool has_folder(ShimMode mode) { return mode != ShimMode::probe && mode != ShimMode::write; }

/// A shim just started, with our ends of what it was given.
struct StartedShim {
  std::shared_ptr<ShimWatch> watch;
  int pid = 0;
  UniqueFd output;  // fd 3 of run and reset, else its standard output
  UniqueFd errors;
};

StartedShim start_shim(const asio::any_io_executor& executor, const std::filesystem::path& shim, const LaunchSpec& spec,
                       bool wait_ready) {
  Pipe output = make_pipe();
  StartedShim started;
  started.errors = memory_file("ndrepro-shim-errors", {});
  const UniqueFd input = memory_file("ndrepro-shim-input", spec.input);
  SpawnFds fds;
  fds.input = input.get();
  fds.error = started.errors.get();
  (wait_ready ? fds.ready : fds.output) = output.write.get();
  std::vector<std::string> arguments{"ndreprod-shim", to_text(spec.mode)};
  if (has_folder(spec.mode)) arguments.push_back(spec.folder.string());
  Spawned spawned = spawn(shim, arguments, fds);
  started.pid = spawned.pid;
  started.watch = ShimWatch::begin(executor, std::move(spawned));
  started.output = std::move(output.read);
  return started;
}

/// Appends to `text` until the end of file, a newline (`one_line`) or more than `limit` bytes.
asio::awaitable<void> read_into(asio::posix::stream_descriptor& from, std::string& text, std::size_t limit,
                                bool one_line) {
  std::array<char, 4096> piece;
  for (;;) {
    boost::system::error_code ended;
    const asio::mutable_buffer space = asio::buffer(piece);
    const std::size_t got = co_await from.async_read_some(space, asio::redirect_error(asio::use_awaitable, ended));
    text.append(piece.data(), got);
    if (ended || text.size() > limit) co_return;
    if (one_line && text.find('\n') != std::string::npos) co_return;
  }
}

asio::awaitable<void> read_to_end(asio::posix::stream_descriptor& from, std::string& text, ShimWatch& watch) {
  co_await read_into(from, text, output_limit, false);
  if (text.size() <= output_limit) co_await watch.ended();
}

/// True when `limit` came first.
asio::awaitable<bool> out_of_time(asio::awaitable<void> work, std::chrono::milliseconds limit) {
  asio::steady_timer timer{co_await asio::this_coro::executor, limit};
  const auto first = co_await (std::move(work) || timer.async_wait(asio::use_awaitable));
  co_return first.index() == 1;
}

std::string error_text(const StartedShim& shim) {
  std::string text = to_utf8(read_start(shim.errors, error_limit));
  while (!text.empty() && text.back() == '\n')
    text.pop_back();
  return text.empty() ? "no reason given" : text;
}

[[noreturn]] void fail(const LaunchSpec& spec, const std::string& what, const StartedShim& shim) {
  throw std::runtime_error{std::string{"ndreprod-shim "} + to_text(spec.mode) + " " + what + ": " + error_text(shim)};
}

std::string status_text(std::optional<int> status) {
  if (!status) return "ended with an unknown status";
  if (WIFSIGNALED(*status)) return "was killed by signal " + std::to_string(WTERMSIG(*status));
  return "ended with status " + std::to_string(WEXITSTATUS(*status));
}

/// What a shim says on fd 3.
struct Ready {
  bool running = false;
  ProcessIdentity identity;
  Refusal refusal;
};

std::optional<Ready> ready_from(const std::string& line) {
  const nlohmann::json said = json_from(line);
  if (!said.is_object() || !said.contains("state") || !said["state"].is_string()) return std::nullopt;
  const auto text = [&said](const char* name) {
    return said.contains(name) && said[name].is_string() ? said[name].get<std::string>() : std::string{};
  };
  Ready ready;
  if (text("state") == "failed") {
    ready.refusal = Refusal{text("field"), text("error"), text("remedy")};
    return ready;
  }
  std::string identity = text("identity");
  if (identity.empty() || identity.back() != '\n') identity += '\n';
  const std::optional<ProcessIdentity> parsed = process_identity_from(identity);
  if (text("state") != "running" || !parsed) return std::nullopt;
  ready.running = true;
  ready.identity = *parsed;
  return ready;
}

/// Writes to a FIFO whose reader may go away at any time, without SIGPIPE for the process.
bool write_to_fifo(int fifo, const std::string& line) {
  sigset_t pipe_signal, before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fifo, line.data(), line.size());
  if (written < 0 && errno == EPIPE) {
    const timespec at_once{};
    ::sigtimedwait(&pipe_signal, nullptr, &at_once);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return written == static_cast<ssize_t>(line.size());  // shorter than PIPE_BUF: all or nothing
}

bool is_held_by(const AttemptFolder& folder, const ProcessIdentity& identity) {
  return process_identity(identity.pid) == identity && shim_state(folder) == ShimState::running;
}

}  // namespace

struct ShimProcess::Handle {
  std::shared_ptr<ShimWatch> watch;
  ProcessIdentity identity;
  std::filesystem::path control;
};

ShimProcess::ShimProcess(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
ShimProcess::ShimProcess(ShimProcess&&) noexcept = default;
ShimProcess& ShimProcess::operator=(ShimProcess&&) noexcept = default;
ShimProcess::~ShimProcess() = default;

asio::awaitable<void> ShimProcess::ended() {
  const std::shared_ptr<ShimWatch> watch = handle_->watch;
  co_await watch->ended();
}

bool ShimProcess::has_ended() const { return handle_->watch->has_ended(); }

const ProcessIdentity& ShimProcess::identity() const { return handle_->identity; }

bool ShimProcess::request_stop(const StopLadder& ladder) {
  if (has_ended()) return false;
  // The run may have put anything in its place: no symlink, only a FIFO that somebody reads.
  const UniqueFd fifo{::open(handle_->control.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
  struct stat status {};
  const bool is_fifo = fifo && ::fstat(fifo.get(), &status) == 0 && S_ISFIFO(status.st_mode);
  if (is_fifo && write_to_fifo(fifo.get(), ndr::stop_request(ladder))) return true;
  return handle_->watch->signal(SIGTERM);
}

void ShimProcess::kill() { handle_->watch->signal(SIGKILL); }

/// All that are waited for, to let go of them at the end.
struct Launcher::Watched {
  std::vector<std::weak_ptr<ShimWatch>> all;

  void add(const std::shared_ptr<ShimWatch>& watch) {
    std::erase_if(all, [](const auto& other) { return other.expired(); });
    all.push_back(watch);
  }
};

Launcher::Launcher(asio::any_io_executor executor, std::filesystem::path shim)
    : executor_(std::move(executor)), shim_(std::move(shim)), watched_(std::make_unique<Watched>()) {}

Launcher::~Launcher() { release(); }

void Launcher::release() {
  for (const auto& watch : watched_->all)
    if (const auto alive = watch.lock()) alive->release();
}

asio::awaitable<Checked<ShimProcess>> Launcher::start(LaunchSpec spec) {
  NDR_ASSERT(spec.mode == ShimMode::run || spec.mode == ShimMode::reset);
  StartedShim shim = start_shim(executor_, shim_, spec, true);
  watched_->add(shim.watch);
  asio::posix::stream_descriptor output{executor_, shim.output.release()};
  std::string line;
  const bool late = co_await out_of_time(read_into(output, line, output_limit, true), ready_limit);
  if (late) {
    shim.watch->signal(SIGKILL);
    co_return Refusal{"shim", "said nothing for " + std::to_string(ready_limit.count()) + " s and was killed",
                      "look at the host's load and at the case's file system"};
  }
  std::optional<Ready> ready = ready_from(line);
  if (!ready) {
    shim.watch->signal(SIGKILL);  // it does not speak our language; whatever it began is for `reap`
    co_await shim.watch->ended();
    fail(spec, "gave no readiness line, " + status_text(shim.watch->status()), shim);
  }
  if (!ready->running) co_return ready->refusal;
  auto handle = std::make_unique<ShimProcess::Handle>();
  handle->watch = shim.watch;
  handle->identity = ready->identity;
  handle->control = AttemptFolder{spec.folder}.control();
  co_return ShimProcess{std::move(handle)};
}

std::optional<ShimProcess> Launcher::attach(const AttemptFolder& folder) {
  if (shim_state(folder) != ShimState::running) return std::nullopt;
  const std::optional<ProcessIdentity> identity = shim_identity(folder);
  if (!identity || !is_held_by(folder, *identity)) return std::nullopt;
  Spawned found{identity->pid, open_pidfd(identity->pid)};
  // Asked again with the handle in hand: the pid may have changed hands between the question and the opening.
  if (!found.pidfd || !is_held_by(folder, *identity)) return std::nullopt;
  auto handle = std::make_unique<ShimProcess::Handle>();
  handle->watch = ShimWatch::begin(executor_, std::move(found));
  watched_->add(handle->watch);
  handle->identity = *identity;
  handle->control = folder.control();
  return ShimProcess{std::move(handle)};
}

asio::awaitable<std::string> Launcher::call(LaunchSpec spec, std::chrono::milliseconds limit) {
  NDR_ASSERT(spec.mode != ShimMode::run && spec.mode != ShimMode::reset);
  StartedShim shim = start_shim(executor_, shim_, spec, false);
  watched_->add(shim.watch);
  asio::posix::stream_descriptor output{executor_, shim.output.release()};
  std::string text;
  const bool late = co_await out_of_time(read_to_end(output, text, *shim.watch), limit);
  if (late || text.size() > output_limit) {
    shim.watch->signal(SIGKILL);
    const std::string why =
        late ? "took longer than " + std::to_string(limit.count()) + " ms" : "wrote more than 1 MiB";
    fail(spec, why, shim);
  }
  if (shim.watch->status() != 0) fail(spec, status_text(shim.watch->status()), shim);
  co_return text;
}

}  // namespace ndr
