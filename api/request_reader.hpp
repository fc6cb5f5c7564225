#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "api/http.hpp"
#include "api/problem.hpp"

namespace ndr {

/// Turns the bytes of one connection into requests: feed() what was read, then ask how far it is. Knows no socket.
/// The first problem is final: the connection is to be closed after the reply.
class RequestReader {
public:
  RequestReader(std::size_t head_bytes, std::size_t body_bytes);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  void feed(std::string_view bytes);
  /// Nothing has come of the next request.
  bool is_empty() const { return input_.empty() && !has_head_; }

  /// True once the head is complete; then request() has all but the body.
  Answer<bool> read_head();
  /// True once the body is complete as well. Only after read_head() said true.
  Answer<bool> read_body();

  Request& request() { return request_; }
  bool has_body() const;          // its head announces one
  bool expects_continue() const;  // the client waits for 100 before it sends the body
  bool is_http_1_1() const;
  bool keeps_alive() const;
  /// Starts over with what was fed beyond this request.
  void next();

private:
  struct Parser;
  Answer<bool> fail(std::string code, std::string detail);
  Answer<bool> parse_head(std::string_view head);

  std::size_t head_bytes_;
  std::size_t body_bytes_;
  std::string input_;
  bool has_head_ = false;
  Request request_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace ndr
