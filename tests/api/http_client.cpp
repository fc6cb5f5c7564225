#include "tests/api/http_client.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

template <class Address>
UniqueFd connected(int family, const Address& address) {
  UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval limit{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

UniqueFd connected_to(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  return connected(AF_UNIX, address);
}

UniqueFd connected_to(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connected(AF_INET, address);
}

}  // namespace

HttpClient::HttpClient(const std::filesystem::path& unix_socket) : socket_(connected_to(unix_socket)) {}
HttpClient::HttpClient(std::uint16_t port) : socket_(connected_to(port)) {}

void HttpClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;  // a child of this process has ended
    if (sent < 0) return;                      // closed by the server: the reply tells why
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void HttpClient::fill() {
  char piece[65536];
  ssize_t got = 0;
  do  // a child of this process may end meanwhile: with a time limit the call is not restarted
    got = ::recv(socket_.get(), piece, sizeof piece, 0);
  while (got < 0 && errno == EINTR);
  const bool timed_out = got < 0 && errno == EAGAIN;
  REQUIRE_FALSE(timed_out);
  if (got <= 0)
    ended_ = true;
  else
    input_.append(piece, static_cast<std::size_t>(got));
}

std::string HttpClient::take(std::size_t count) {
  while (input_.size() < count && !ended_)
    fill();
  REQUIRE(input_.size() >= count);
  std::string taken = input_.substr(0, count);
  input_.erase(0, count);
  return taken;
}

std::string HttpClient::take_through(std::string_view end) {
  while (input_.find(end) == std::string::npos && !ended_)
    fill();
  const auto found = input_.find(end);
  INFO("input: " << input_.substr(0, 400));
  REQUIRE(found != std::string::npos);
  return take(found + end.size());
}

WireReply HttpClient::read_head() {
  std::string head = take_through("\r\n\r\n");
  WireReply reply;
  REQUIRE(head.starts_with("HTTP/1.1 "));
  reply.status = std::stoi(head.substr(9, 3));
  for (auto at = head.find("\r\n") + 2; at + 2 < head.size();) {
    const auto end = head.find("\r\n", at);
    const auto colon = head.find(": ", at);
    reply.headers.push_back({head.substr(at, colon - at), head.substr(colon + 2, end - colon - 2)});
    at = end + 2;
  }
  return reply;
}

std::string HttpClient::read_chunk() {
  const std::size_t size = std::stoul(take_through("\r\n"), nullptr, 16);
  std::string chunk = take(size);
  REQUIRE(take(2) == "\r\n");
  return chunk;
}

std::string HttpClient::read_chunks_until(std::string_view text) {
  std::string all;
  while (all.find(text) == std::string::npos) {
    const std::string chunk = read_chunk();
    INFO("read: " << all);
    REQUIRE_FALSE(chunk.empty());
    all += chunk;
  }
  return all;
}

std::string HttpClient::read_some() {
  if (input_.empty() && !ended_) fill();
  return std::exchange(input_, {});
}

std::string HttpClient::read_rest() {
  while (!ended_)
    fill();
  return std::exchange(input_, {});
}

WireReply HttpClient::read_reply(bool head_only) {
  WireReply reply = read_head();
  if (reply.status == 100) reply = read_head();
  if (head_only) return reply;
  if (const auto length = reply.header("content-length")) {
    reply.body = take(std::stoul(*length));
  } else if (reply.header("transfer-encoding")) {
    for (std::string chunk = read_chunk(); !chunk.empty(); chunk = read_chunk())
      reply.body += chunk;
  } else {
    reply.body = read_rest();
  }
  return reply;
}

WireReply HttpClient::request(const std::string& method, const std::string& target, const std::string& body,
                              const std::string& header_lines) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + header_lines;
  if (!body.empty())
    text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  send(text + "\r\n" + body);
  return read_reply(method == "HEAD");
}

}  // namespace ndr
