#include "api/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <system_error>

namespace ndr {
namespace {

std::string errno_text(int error) { return std::generic_category().message(error); }

Refusal socket_refusal(std::string reason, std::string remedy) {
  return Refusal{"listen.socket", std::move(reason), std::move(remedy)};
}

UniqueFd stream_socket(int family) {
  UniqueFd fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) throw std::system_error{errno, std::generic_category(), "make a listening socket"};
  return fd;
}

sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

template <class Address>
const sockaddr* generic(const Address& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

// A socket file may stay behind when a daemon is killed: only a file at which nobody answers is removed.
Checked<void> clear_socket_path(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode))
    return socket_refusal(path.string() + " is there and is not a socket", "move it away, or configure another path");
  const UniqueFd probe = stream_socket(AF_UNIX);
  const sockaddr_un address = address_of(path);
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN)
    return socket_refusal("another program answers at " + path.string(),
                          "stop that daemon first, or give this one another socket and state folder");
  if (errno != ECONNREFUSED)
    return socket_refusal("cannot tell whether " + path.string() + " is in use: " + errno_text(errno),
                          "remove it if no daemon uses it");
  ::unlink(path.c_str());
  return {};
}

bool is_loopback(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  if (address.ss_family != AF_INET6) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

sockaddr_storage local_address(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) address.ss_family = AF_UNSPEC;
  return address;
}

int option_of(int fd, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

}  // namespace

Listener::Listener(Kind kind, UniqueFd fd, std::filesystem::path own_path)
    : kind_(kind), fd_(std::move(fd)), own_path_(std::move(own_path)) {}

Listener::~Listener() {
  if (fd_ && !own_path_.empty()) ::unlink(own_path_.c_str());
}

std::uint16_t Listener::port() const {
  const sockaddr_storage address = local_address(fd());
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
  return 0;
}

std::string Listener::name() const {
  const sockaddr_storage address = local_address(fd());
  if (kind_ == Kind::unix_socket) return std::string{"unix:"} + reinterpret_cast<const sockaddr_un&>(address).sun_path;
  return (address.ss_family == AF_INET6 ? "[::1]:" : "127.0.0.1:") + std::to_string(port());
}

Checked<Listener> listen_unix(const std::filesystem::path& path, unsigned mode) {
  if (path.native().size() >= sizeof(sockaddr_un::sun_path))
    return socket_refusal(path.string() + " is longer than the 107 bytes a socket path may have",
                          "configure a shorter one");
  if (const auto cleared = clear_socket_path(path); !cleared) return cleared.error();
  UniqueFd fd = stream_socket(AF_UNIX);
  const sockaddr_un address = address_of(path);
  if (::bind(fd.get(), generic(address), sizeof address) != 0)
    return socket_refusal("cannot make " + path.string() + ": " + errno_text(errno),
                          "make its folder, writable for this account, or configure another path");
  Listener listener{Listener::Kind::unix_socket, std::move(fd), path};
  // Nobody can connect before listen(), so there is no moment at which a wider mode counts.
  if (::chmod(path.c_str(), mode) != 0 || ::listen(listener.fd(), SOMAXCONN) != 0)
    return socket_refusal("cannot listen at " + path.string() + ": " + errno_text(errno), "configure another path");
  return listener;
}

Checked<Listener> listen_tcp(std::uint16_t port) {
  UniqueFd fd = stream_socket(AF_INET);
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);  // past TIME_WAIT of a daemon before us
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd.get(), generic(address), sizeof address) == 0 && ::listen(fd.get(), SOMAXCONN) == 0)
    return Listener{Listener::Kind::tcp, std::move(fd)};
  const int error = errno;
  return Refusal{"listen.tcp", "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " + errno_text(error),
                 error == EADDRINUSE ? "`ss -ltnp sport = :" + std::to_string(port) +
                                           "` names the program that has it; stop it, or configure another port (--tcp)"
                                     : "configure another port (--tcp)"};
}

Checked<Listener> adopt_listener(UniqueFd fd) {
  const std::string which = "inherited fd " + std::to_string(fd.get());
  if (option_of(fd.get(), SO_TYPE) != SOCK_STREAM || option_of(fd.get(), SO_ACCEPTCONN) != 1)
    return Refusal{"listen", which + " is not a listening stream socket", "correct ListenStream= of the socket unit"};
  const sockaddr_storage address = local_address(fd.get());
  if (address.ss_family != AF_UNIX && !is_loopback(address))
    return Refusal{"listen", which + " is bound to an address that others can reach",
                   "bind it to a unix socket, 127.0.0.1 or [::1]; use `ssh -L` from other hosts"};
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  return Listener{address.ss_family == AF_UNIX ? Listener::Kind::unix_socket : Listener::Kind::tcp, std::move(fd)};
}

UniqueFd accept_connection(const Listener& listener) {
  UniqueFd fd{::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (fd && listener.kind() == Listener::Kind::tcp) {
    const int on = 1;  // events and followed logs are small writes that must not wait for each other
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

Peer peer_of(const Listener& listener, int connection) {
  if (listener.kind() == Listener::Kind::tcp) return Peer{"token", true};
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
    throw std::system_error{errno, std::generic_category(), "ask for the peer of a unix socket"};
  return Peer{"uid:" + std::to_string(credentials.uid), false};
}

}  // namespace ndr
