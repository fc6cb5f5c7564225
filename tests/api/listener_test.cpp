#include "api/listener.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "tests/support/catch.hpp"
#include "tests/support/temp_folder.hpp"

namespace ndr {
namespace {

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path.c_str());
  return address;
}

UniqueFd connected(const std::filesystem::path& path) {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const sockaddr_un address = address_of(path);
  REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

TEST_CASE("a unix socket is for owner and group, and the peer is known by its uid") {
  const TempFolder folder;
  const auto listener = listen_unix(folder / "api.sock");
  REQUIRE(listener.has_value());
  struct stat status {};
  REQUIRE(::stat((folder / "api.sock").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0660);
  const UniqueFd client = connected(folder / "api.sock");
  const UniqueFd server = accept_connection(*listener);
  REQUIRE(server);
  const Peer peer = peer_of(*listener, server.get());
  CHECK(peer.identity == "uid:" + std::to_string(::getuid()));
  CHECK_FALSE(peer.needs_token);
  CHECK((::fcntl(server.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((::fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(listener->name() == "unix:" + (folder / "api.sock").string());
}

TEST_CASE("a socket file is gone with its listener") {
  const TempFolder folder;
  { REQUIRE(listen_unix(folder / "api.sock").has_value()); }
  CHECK_FALSE(std::filesystem::exists(folder / "api.sock"));
}

TEST_CASE("a socket that nobody answers at is taken over") {
  const TempFolder folder;
  {
    const UniqueFd dead{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const sockaddr_un address = address_of(folder / "api.sock");
    REQUIRE(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  REQUIRE(std::filesystem::exists(folder / "api.sock"));
  const auto listener = listen_unix(folder / "api.sock");
  REQUIRE(listener.has_value());
  CHECK(connected(folder / "api.sock"));
}

TEST_CASE("a socket that somebody answers at is left alone") {
  const TempFolder folder;
  const auto first = listen_unix(folder / "api.sock");
  REQUIRE(first.has_value());
  const auto second = listen_unix(folder / "api.sock");
  REQUIRE(second.has_error());
  CHECK(second.error().reason.find("answers at") != std::string::npos);
  CHECK(connected(folder / "api.sock"));
}

TEST_CASE("what is not a socket is never removed") {
  const TempFolder folder;
  std::ofstream{folder / "api.sock"} << "precious";
  const auto listener = listen_unix(folder / "api.sock");
  REQUIRE(listener.has_error());
  CHECK(std::filesystem::file_size(folder / "api.sock") == 8);
}

TEST_CASE("a path that cannot be bound is refused with what to do") {
  const TempFolder folder;
  CHECK(listen_unix(folder / "missing" / "api.sock").error().field == "listen.socket");
  CHECK(listen_unix(folder / std::string(120, 'a')).error().reason.find("107") != std::string::npos);
}

TEST_CASE("a taken port is named, with what to do") {
  const auto first = listen_tcp(0);
  REQUIRE(first.has_value());
  const auto second = listen_tcp(first->port());
  REQUIRE(second.has_error());
  CHECK(second.error().reason.find(std::to_string(first->port())) != std::string::npos);
  CHECK(second.error().remedy.find("ss -ltnp") != std::string::npos);
  CHECK(first->name() == "127.0.0.1:" + std::to_string(first->port()));
}

UniqueFd tcp_socket_at(std::uint32_t address, bool listening) {
  UniqueFd fd{::socket(AF_INET, SOCK_STREAM, 0)};
  sockaddr_in bound{};
  bound.sin_family = AF_INET;
  bound.sin_addr.s_addr = htonl(address);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&bound), sizeof bound) == 0);
  if (listening) REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

TEST_CASE("an inherited socket is taken when nobody else can reach it") {
  const auto listener = adopt_listener(tcp_socket_at(INADDR_LOOPBACK, true));
  REQUIRE(listener.has_value());
  CHECK(listener->kind() == Listener::Kind::tcp);
  CHECK((::fcntl(listener->fd(), F_GETFL) & O_NONBLOCK) != 0);
  CHECK((::fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(peer_of(*listener, -1).needs_token);
  CHECK(adopt_listener(tcp_socket_at(INADDR_ANY, true)).has_error());
  CHECK(adopt_listener(tcp_socket_at(INADDR_LOOPBACK, false)).has_error());
  CHECK(adopt_listener(UniqueFd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}).has_error());
}

TEST_CASE("an inherited unix socket keeps its file") {
  const TempFolder folder;
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM, 0)};
  const sockaddr_un address = address_of(folder / "api.sock");
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  {
    const auto listener = adopt_listener(std::move(fd));
    REQUIRE(listener.has_value());
    CHECK(listener->kind() == Listener::Kind::unix_socket);
  }
  CHECK(std::filesystem::exists(folder / "api.sock"));
}

}  // namespace
}  // namespace ndr
