#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "api/http.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// One reply as it came over the wire; `body` is without chunk framing.
struct WireReply {
  int status = 0;
  std::vector<Header> headers;
  std::string body;
  std::optional<std::string> header(std::string_view name) const { return find_header(headers, name); }
};

/// A client that says exactly what it is told, on a blocking socket with a limit of 20 s per read. Fails the test when
/// the server does not answer.
class HttpClient {
public:
  explicit HttpClient(const std::filesystem::path& unix_socket);
  explicit HttpClient(std::uint16_t port);

  void send(std::string_view bytes);
  /// The next head, and of its body what its framing promises; without any, until the end. `head_only`: of HEAD.
  WireReply read_reply(bool head_only = false);
  /// Only the head; the body is then read by read_chunk() or read_some().
  WireReply read_head();
  /// The next chunk's bytes; empty at the last.
  std::string read_chunk();
  /// Reads chunks until what came holds `text`; all of it is returned.
  std::string read_chunks_until(std::string_view text);
  /// Whatever comes next; empty when the server has closed.
  std::string read_some();
  /// Until the server closes.
  std::string read_rest();

  /// A request on this connection, with Host and, for a body, Content-Type and Content-Length.
  WireReply request(const std::string& method, const std::string& target, const std::string& body = "",
                    const std::string& header_lines = "");
  WireReply get(const std::string& target, const std::string& header_lines = "") {
    return request("GET", target, "", header_lines);
  }
  int fd() const { return socket_.get(); }

private:
  void fill();
  std::string take(std::size_t count);
  std::string take_through(std::string_view end);

  UniqueFd socket_;
  std::string input_;
  bool ended_ = false;
};

}  // namespace ndr
