#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "analyzer/refusal.hpp"
#include "api/gate.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// A listening, non-blocking, close-on-exec socket. Dropping it closes it and removes the socket file it made.
class Listener {
public:
  enum class Kind { unix_socket, tcp };
  Listener(Kind kind, UniqueFd fd, std::filesystem::path own_path = {});
  Listener(Listener&&) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  ~Listener();

  Kind kind() const { return kind_; }
  int fd() const { return fd_.get(); }
  /// For people: "unix:/run/ndreprod/api.sock", "127.0.0.1:8742".
  std::string name() const;
  std::uint16_t port() const;  // of TCP

private:
  Kind kind_;
  UniqueFd fd_;
  std::filesystem::path own_path_;  // empty: somebody else's, or already moved from
};

/// Binds a socket file. A file that nobody answers at is removed first. Refuses (field "listen.socket")
/// when somebody does answer, the path is taken by something else, too long, or its folder cannot be written.
Checked<Listener> listen_unix(const std::filesystem::path& path, unsigned mode = 0660);

/// Binds 127.0.0.1, port 0 for any free one. Refuses (field "listen.tcp") when the port is taken.
Checked<Listener> listen_tcp(std::uint16_t port);

/// Takes over a socket that was passed in: a unix stream socket, or TCP on a loopback address; refuses all else.
Checked<Listener> adopt_listener(UniqueFd fd);

/// The next connection, non-blocking and close-on-exec; -1 with errno when there is none.
UniqueFd accept_connection(const Listener& listener);

/// A unix peer by SO_PEERCRED; a TCP peer is unknown and needs the token.
Peer peer_of(const Listener& listener, int connection);

}  // namespace ndr
