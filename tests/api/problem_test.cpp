#include "api/problem.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "api/reply.hpp"
#include "tests/support/catch.hpp"

namespace ndr {
namespace {

TEST_CASE("a problem is told in the form of RFC 9457") {
  const Problem problem{"invalid_body", "folder: is missing", "name it", {{"/folder", "is missing", "name it"}}, {}};
  const auto body = nlohmann::json::parse(to_json_text(problem, "/v1/cases"));
  CHECK(body == nlohmann::json{{"type", "urn:ndreprod:invalid_body"},
                               {"title", "The body does not say what is needed"},
                               {"status", 422},
                               {"detail", "folder: is missing"},
                               {"instance", "/v1/cases"},
                               {"code", "invalid_body"},
                               {"hint", "name it"},
                               {"errors", {{{"detail", "is missing"}, {"pointer", "/folder"}, {"hint", "name it"}}}}});
}

TEST_CASE("a refusal's field that looks like a path is no pointer") {
  const Problem problem = problem_of({"/cases/a/run_test.sh", "is not executable", "chmod +x it"});
  const auto body = nlohmann::json::parse(to_json_text(problem, "/"));
  CHECK(body["errors"][0]["field"] == "/cases/a/run_test.sh");
  CHECK(body["hint"] == "chmod +x it");
  CHECK(body["detail"] == "/cases/a/run_test.sh: is not executable");
}

TEST_CASE("bytes that are not UTF-8 do not break the answer") {
  const Problem problem = problem_of({"a\xff", "b\xfe", "c\xfd"});
  const auto body = nlohmann::json::parse(to_json_text(problem, "/\xfc"));
  CHECK(body["errors"][0]["detail"] == "b\xef\xbf\xbd");
}

TEST_CASE("codes are named once, with a status of errors") {
  std::set<std::string_view> codes;
  for (const ProblemKind& kind : problem_kinds()) {
    CHECK(codes.insert(kind.code).second);
    CHECK((kind.status >= 400 && kind.status < 600));
  }
}

TEST_CASE("every reply carries what keeps pages out, and no header can be split") {
  Reply reply = json_reply("{}");
  reply.headers.push_back({"Location", "/v1/a\r\nX-Evil: 1"});
  const std::string head = head_text(reply, Framing::length, true);
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("\r\nContent-Security-Policy: default-src 'none';") != std::string::npos);
  CHECK(head.find("\r\nX-Content-Type-Options: nosniff\r\n") != std::string::npos);
  CHECK(head.find("\r\nReferrer-Policy: no-referrer\r\n") != std::string::npos);
  CHECK(head.find("\r\nContent-Length: 3\r\n") != std::string::npos);
  CHECK(head.find("\r\nX-Evil") == std::string::npos);
  CHECK(head.find("Access-Control") == std::string::npos);
  CHECK(head.ends_with("\r\n\r\n"));
  CHECK(head_text(reply, Framing::chunked, false).find("Connection: close\r\n") != std::string::npos);
}

}  // namespace
}  // namespace ndr
