#include "api/session.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <optional>

#include "api/answer.hpp"
#include "api/request_reader.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
namespace {

using Clock = std::chrono::steady_clock;
using Socket = asio::generic::stream_protocol::socket;

class Connection {
public:
  Connection(Api& api, Socket socket, Peer peer)
      : api_(api),
        socket_(std::move(socket)),
        peer_(std::move(peer)),
        reader_(api.limits.head_bytes, api.limits.body_bytes),
        alarm_(socket_.get_executor()),
        never_(socket_.get_executor(), Clock::time_point::max()) {}

  asio::awaitable<void> serve();
  asio::awaitable<void> out_of_time();

private:
  asio::awaitable<void> serve_requests();
  asio::awaitable<bool> serve_one();
  asio::awaitable<Answer<bool>> read_head();
  asio::awaitable<Answer<bool>> read_body();
  asio::awaitable<bool> fill();
  asio::awaitable<bool> refuse(Problem problem, bool may_go_on);
  asio::awaitable<std::optional<Reply>> answer_request();
  asio::awaitable<void> client_gone();
  asio::awaitable<bool> write_reply(Reply& reply, bool keep_alive);
  asio::awaitable<bool> write_pieces(ReplyBody& body, bool chunked);
  asio::awaitable<std::optional<std::string>> next_piece(ReplyBody& body);
  asio::awaitable<std::optional<std::string>> guarded_next(ReplyBody& body);
  asio::awaitable<bool> write_bytes(std::string_view head, std::string_view body = "", std::string_view tail = "");
  asio::awaitable<void> linger();

  void limit(std::chrono::milliseconds time);
  void no_limit() { deadline_ = Clock::time_point::max(); }

  Api& api_;
  Socket socket_;
  Peer peer_;
  RequestReader reader_;
  asio::steady_timer alarm_;
  asio::steady_timer never_;
  Clock::time_point deadline_ = Clock::time_point::max();
};

// The alarm only ever needs to be moved forward: when it rings early, out_of_time() looks at the deadline again.
void Connection::limit(std::chrono::milliseconds time) {
  deadline_ = Clock::now() + time;
  if (deadline_ < alarm_.expiry()) alarm_.cancel();
}

asio::awaitable<void> Connection::out_of_time() {
  while (Clock::now() < deadline_) {
    alarm_.expires_at(deadline_);
    boost::system::error_code ignored;
    co_await alarm_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

// Whatever happens ends here, or else the race with out_of_time() would not hear of it.
asio::awaitable<void> Connection::serve() {
  std::exception_ptr failure;
  try {
    co_await serve_requests();
  } catch (...) {
    failure = std::current_exception();
  }
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  if (!failure || cancellation.cancelled() != asio::cancellation_type::none) co_return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log_error("connection of {}: {}", peer_.identity, error.what());
  }
}

asio::awaitable<void> Connection::serve_requests() {
  limit(api_.limits.first_byte);
  for (;;) {
    const bool goes_on = co_await serve_one();
    if (!goes_on) co_return;
    reader_.next();
    limit(api_.limits.idle);
  }
}

asio::awaitable<bool> Connection::serve_one() {
  const Answer<bool> head = co_await read_head();
  if (!head) co_return co_await refuse(head.error(), false);
  if (!*head) co_return false;
  Request& request = reader_.request();
  request.identity = peer_.identity;
  auto problem = api_.gate.check(request, peer_, reader_.has_body());
  if (problem) co_return co_await refuse(std::move(*problem), !reader_.has_body());
  const Answer<bool> body = co_await read_body();
  if (!body) co_return co_await refuse(body.error(), false);
  if (!*body) co_return false;
  no_limit();
  std::optional<Reply> reply = co_await answer_request();
  if (!reply) co_return false;
  co_return co_await write_reply(*reply, true);
}

asio::awaitable<Answer<bool>> Connection::read_head() {
  for (;;) {
    Answer<bool> done = reader_.read_head();  // not const: a moved const result<bool> turns into its own truth
    if (!done || *done) co_return done;
    const bool was_empty = reader_.is_empty();
    const bool filled = co_await fill();
    if (!filled) co_return false;
    if (was_empty) limit(api_.limits.head);
  }
}

asio::awaitable<Answer<bool>> Connection::read_body() {
  limit(api_.limits.body);
  Answer<bool> done = reader_.read_body();
  if (done && !*done && reader_.expects_continue()) {
    const bool sent = co_await write_bytes("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return false;
  }
  while (done && !*done) {
    const bool filled = co_await fill();
    if (!filled) co_return false;
    done = reader_.read_body();
  }
  co_return done;
}

asio::awaitable<bool> Connection::fill() {
  std::array<char, 16 << 10> piece;
  boost::system::error_code failed;
  const std::size_t got =
      co_await socket_.async_receive(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
  reader_.feed({piece.data(), got});
  co_return !failed && got > 0;
}

asio::awaitable<bool> Connection::refuse(Problem problem, bool may_go_on) {
  Reply reply = problem_reply(problem, reader_.request().raw_target);
  ++api_.metrics.requests[{"none", reply.status}];
  const bool goes_on = co_await write_reply(reply, may_go_on);
  if (!may_go_on) co_await linger();
  co_return goes_on;
}

asio::awaitable<std::optional<Reply>> Connection::answer_request() {
  if (!may_wait(reader_.request())) co_return co_await answer(api_, reader_.request());
  auto first = co_await (answer(api_, reader_.request()) || client_gone());
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return std::nullopt;
}

// A client that has sent its next request already cannot be watched, and is taken to be there.
asio::awaitable<void> Connection::client_gone() {
  boost::system::error_code failed;
  char byte = 0;
  ssize_t got = 0;
  do {  // the reactor may call a socket ready that has nothing to read: its client is there
    co_await socket_.async_wait(Socket::wait_read, asio::redirect_error(asio::use_awaitable, failed));
    got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  } while (!failed && got < 0 && (errno == EAGAIN || errno == EINTR));
  if (!failed && got > 0) co_await never_.async_wait(asio::redirect_error(asio::use_awaitable, failed));
}

asio::awaitable<bool> Connection::write_reply(Reply& reply, bool keep_alive) {
  const auto* log = std::get_if<LogStream>(&reply.body);
  const auto* bytes = std::get_if<std::string>(&reply.body);
  Framing framing = bytes || (log && log->length()) ? Framing::length : Framing::chunked;
  if (framing == Framing::chunked && !reader_.is_http_1_1()) framing = Framing::until_close;
  const bool keep = keep_alive && reader_.is_http_1_1() && reader_.keeps_alive() && framing != Framing::until_close;
  const std::string head = head_text(reply, framing, keep);
  const bool head_only = reader_.request().method == Method::head;
  const std::string_view body = bytes && !head_only ? std::string_view{*bytes} : std::string_view{};
  const bool sent = co_await write_bytes(head, body);
  if (!sent || bytes || head_only) co_return sent&& keep;
  const bool whole = co_await write_pieces(reply.body, framing == Framing::chunked);
  co_return whole&& keep;
}

asio::awaitable<bool> Connection::write_pieces(ReplyBody& body, bool chunked) {
  std::optional<Counted> counted;
  if (std::holds_alternative<EventStream>(body)) counted.emplace(api_.metrics.event_clients);
  for (;;) {
    no_limit();
    const std::optional<std::string> piece = co_await next_piece(body);
    if (!piece) co_return false;
    if (piece->empty()) break;
    char size[24] = "";
    if (chunked) std::snprintf(size, sizeof size, "%zx\r\n", piece->size());
    const bool sent = co_await write_bytes(size, *piece, chunked ? "\r\n" : "");
    if (!sent) co_return false;
  }
  if (!chunked) co_return true;
  co_return co_await write_bytes("0\r\n\r\n");
}

asio::awaitable<std::optional<std::string>> Connection::next_piece(ReplyBody& body) {
  const auto* log = std::get_if<LogStream>(&body);
  if (log && !log->waits()) co_return co_await guarded_next(body);
  auto first = co_await (guarded_next(body) || client_gone());
  if (first.index() == 0) co_return std::move(std::get<0>(first));
  co_return std::nullopt;
}

// The head is out, so a failure can only be told by breaking off.
asio::awaitable<std::optional<std::string>> Connection::guarded_next(ReplyBody& body) {
  try {
    if (auto* log = std::get_if<LogStream>(&body)) co_return co_await log->next();
    co_return co_await std::get<EventStream>(body).next();
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) log_error("reply of {}: {}", peer_.identity, error.what());
  } catch (const std::exception& error) {
    log_error("reply of {}: {}", peer_.identity, error.what());
  }
  co_return std::nullopt;
}

asio::awaitable<bool> Connection::write_bytes(std::string_view head, std::string_view body, std::string_view tail) {
  limit(api_.limits.write);
  const std::array<asio::const_buffer, 3> buffers{asio::buffer(head), asio::buffer(body), asio::buffer(tail)};
  boost::system::error_code failed;
  co_await asio::async_write(socket_, buffers, asio::redirect_error(asio::use_awaitable, failed));
  co_return !failed;
}

// Closing with bytes unread resets a TCP connection, and the reply may be lost with it (RFC 9112, 9.6).
asio::awaitable<void> Connection::linger() {
  boost::system::error_code failed;
  socket_.shutdown(Socket::shutdown_send, failed);
  limit(std::min(api_.limits.write, std::chrono::milliseconds{2000}));
  std::array<char, 16 << 10> piece;
  for (std::size_t total = 0; !failed && total < (4u << 20);)
    total += co_await socket_.async_receive(asio::buffer(piece), asio::redirect_error(asio::use_awaitable, failed));
}

}  // namespace

asio::awaitable<void> serve_connection(Api& api, UniqueFd socket, Peer peer) {
  const auto executor = co_await asio::this_coro::executor;
  Socket adopted{executor, asio::generic::stream_protocol{AF_UNIX, 0}, socket.get()};
  socket.release();
  const Counted counted{api.metrics.connections};
  Connection connection{api, std::move(adopted), std::move(peer)};
  co_await (connection.serve() || connection.out_of_time());
}

}  // namespace ndr
