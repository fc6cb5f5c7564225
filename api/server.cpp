#include "api/server.hpp"

#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <map>
#include <system_error>

#include "api/context.hpp"
#include "api/routes.hpp"
#include "api/session.hpp"
#include "api/task_group.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace {

/// Counts one connection of a caller for as long as it lives.
class Seat {
public:
  explicit Seat(std::size_t& taken) : taken_(&taken) { ++taken; }
  Seat(Seat&& other) noexcept : taken_(std::exchange(other.taken_, nullptr)) {}
  Seat& operator=(Seat&&) = delete;
  ~Seat() {
    if (taken_ != nullptr) --*taken_;
  }

private:
  std::size_t* taken_;
};

asio::awaitable<void> serve_seated(Api& api, UniqueFd socket, Peer peer, Seat) {
  co_await serve_connection(api, std::move(socket), std::move(peer));
}

// Written once without waiting: an empty socket buffer has room for it, and nobody is owed more.
void turn_away(const UniqueFd& socket) {
  const Problem problem{"too_many_connections",
                        "this caller has too many connections open",
                        "close some of them",
                        {},
                        {{"Retry-After", "5"}}};
  const Reply reply = problem_reply(problem, "");
  const std::string text = head_text(reply, Framing::length, false) + std::get<std::string>(reply.body);
  ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(socket.get(), SHUT_WR);
}

}  // namespace

struct Server::State {
  State(asio::any_io_executor executor, Services services, std::string token, ServerLimits limits)
      : api{executor, services, limits, Gate{std::move(token)}, Router{routes()}, TaskGroup{executor}, {}, {}},
        acceptors(executor),
        sessions(executor) {}

  asio::awaitable<void> accept_all(std::size_t index);
  void take_in(const Listener& listener, UniqueFd socket);

  Api api;
  std::vector<Listener> listeners;
  std::map<std::string, std::size_t> taken;  // connections by identity; entries stay, there are few accounts
  TaskGroup acceptors;
  TaskGroup sessions;
};

void Server::State::take_in(const Listener& listener, UniqueFd socket) {
  Peer peer = peer_of(listener, socket.get());
  std::size_t& count = taken[peer.identity];
  const bool over_tcp = listener.kind() == Listener::Kind::tcp;
  if (count >= (over_tcp ? api.limits.tcp : api.limits.per_uid)) return turn_away(socket);
  std::string what = "connection of " + peer.identity;
  sessions.spawn(std::move(what), serve_seated(api, std::move(socket), std::move(peer), Seat{count}));
}

asio::awaitable<void> Server::State::accept_all(std::size_t index) {
  const Listener& listener = listeners[index];
  asio::posix::stream_descriptor readable{api.executor, ::fcntl(listener.fd(), F_DUPFD_CLOEXEC, 0)};
  for (;;) {
    co_await sessions.fewer_than(api.limits.connections);
    co_await readable.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
    while (sessions.size() < api.limits.connections) {
      UniqueFd socket = accept_connection(listener);
      const int error = errno;
      if (socket) {
        take_in(listener, std::move(socket));
        continue;
      }
      if (error == EAGAIN) break;
      if (error == ECONNABORTED || error == EINTR) continue;
      // Out of descriptors or memory: the queue stays readable, so without a pause this would spin.
      log_warning("{}: accept: {}; next try in 1 s", listener.name(), std::generic_category().message(error));
      asio::steady_timer pause{api.executor, std::chrono::seconds{1}};
      co_await pause.async_wait(asio::use_awaitable);
      break;
    }
  }
}

Server::Server(asio::any_io_executor executor, Services services, std::vector<Listener> listeners, std::string token,
               ServerLimits limits)
    : state_(std::make_unique<State>(executor, services, std::move(token), limits)) {
  state_->listeners = std::move(listeners);
}

Server::~Server() = default;

void Server::start() {
  for (std::size_t i = 0; i < state_->listeners.size(); ++i) {
    log_info("listening on {}", state_->listeners[i].name());
    state_->acceptors.spawn("accepting on " + state_->listeners[i].name(), state_->accept_all(i));
  }
}

asio::awaitable<void> Server::stop() {
  co_await state_->acceptors.stop();
  state_->listeners.clear();
  co_await state_->sessions.stop();
  co_await state_->api.tasks.stop();
}

}  // namespace ndr
