#include "api/request_reader.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "analyzer/assert.hpp"
#include "api/request_head.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace http = boost::beast::http;

struct RequestReader::Parser {
  http::request_parser<http::string_body> http;
};

namespace {

Problem problem_of(const boost::system::error_code& error) {
  const std::string hint = "send HTTP/1.1 as curl does";
  if (error == http::error::header_limit)
    return Problem{"head_too_large", "the head is above the limit", "shorten the target and the headers", {}, {}};
  if (error == http::error::body_limit)
    return Problem{
        "body_too_large", "the body is above the limit", "name files by path instead of sending them", {}, {}};
  return Problem{"bad_request", error.message(), hint, {}, {}};
}

}  // namespace

RequestReader::RequestReader(std::size_t head_bytes, std::size_t body_bytes)
    : head_bytes_(head_bytes), body_bytes_(body_bytes) {
  next();
}

RequestReader::~RequestReader() = default;

void RequestReader::next() {
  request_ = {};
  has_head_ = false;
  parser_ = std::make_unique<Parser>();
  parser_->http.header_limit(static_cast<std::uint32_t>(head_bytes_));
  parser_->http.body_limit(body_bytes_);
}

void RequestReader::feed(std::string_view bytes) { input_ += bytes; }

Answer<bool> RequestReader::read_head() {
  if (input_.starts_with("\r\n")) input_.erase(0, 2);  // RFC 9112, 2.2: one empty line before a request
  const auto end = input_.find("\r\n\r\n");
  const std::string_view head = std::string_view{input_}.substr(0, end == std::string::npos ? end : end + 4);
  if (head.size() > head_bytes_)
    return Problem{"head_too_large",
                   "the head is above " + std::to_string(head_bytes_) + " bytes",
                   "shorten the target and the headers",
                   {},
                   {}};
  if (auto problem = check_head(head)) return *problem;
  if (end == std::string::npos) return false;
  return parse_head(head);
}

Answer<bool> RequestReader::parse_head(std::string_view head) {
  boost::system::error_code error;
  const std::size_t used = parser_->http.put(asio::buffer(head.data(), head.size()), error);
  if (error && error != http::error::need_more) return problem_of(error);
  if (!parser_->http.is_header_done()) return problem_of(http::error::bad_field);
  const auto& message = parser_->http.get();
  request_.method = method_from({message.method_string().data(), message.method_string().size()});
  request_.raw_target.assign(message.target().data(), message.target().size());
  for (const auto& field : message)
    request_.headers.push_back({std::string{field.name_string().data(), field.name_string().size()},
                                std::string{field.value().data(), field.value().size()}});
  input_.erase(0, used);
  has_head_ = true;
  const auto target = target_from(request_.raw_target);
  if (!target) return Problem{"bad_target", "the path or query is not plain text", "GET /v1/ has the links", {}, {}};
  request_.target = *target;
  return true;
}

Answer<bool> RequestReader::read_body() {
  NDR_ASSERT(has_head_);
  auto& parser = parser_->http;
  parser.eager(true);
  while (!parser.is_done() && !input_.empty()) {
    boost::system::error_code error;
    const std::size_t used = parser.put(asio::buffer(input_), error);
    input_.erase(0, used);
    if (error && error != http::error::need_more) return problem_of(error);
    if (used > 0) continue;
    // A chunk's head or trailer that is not complete yet; it may not be longer than a request's head.
    if (input_.size() > head_bytes_) return problem_of(http::error::bad_chunk);
    return false;
  }
  if (!parser.is_done()) return false;
  request_.body = std::move(parser.get().body());
  return true;
}

bool RequestReader::has_body() const {
  return parser_->http.chunked() || parser_->http.content_length().value_or(0) > 0;
}

bool RequestReader::expects_continue() const {
  return is_http_1_1() && request_.header("expect").value_or("") == "100-continue";
}

bool RequestReader::is_http_1_1() const { return parser_->http.get().version() == 11; }

bool RequestReader::keeps_alive() const { return parser_->http.keep_alive(); }

}  // namespace ndr
