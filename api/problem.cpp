#include "api/problem.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analyzer/assert.hpp"
#include "analyzer/utf8.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

const ProblemKind& kind_of(std::string_view code) {
  const auto& kinds = problem_kinds();
  const auto found =
      std::find_if(kinds.begin(), kinds.end(), [&](const ProblemKind& kind) { return kind.code == code; });
  NDR_ASSERT(found != kinds.end());
  return *found;
}

nlohmann::ordered_json errors_of(const std::vector<Refusal>& refusals, bool of_the_body) {
  auto errors = nlohmann::ordered_json::array();
  for (const Refusal& refusal : refusals) {
    nlohmann::ordered_json error;
    error["detail"] = to_utf8(refusal.reason);
    error[of_the_body ? "pointer" : "field"] = to_utf8(refusal.field);
    if (!refusal.remedy.empty()) error["hint"] = to_utf8(refusal.remedy);
    errors.push_back(std::move(error));
  }
  return errors;
}

}  // namespace

const std::vector<ProblemKind>& problem_kinds() {
  static const std::vector<ProblemKind> kinds{
      {"bad_request", 400, "The request is not well-formed HTTP"},
      {"bad_target", 400, "The path is not one that is served"},
      {"bad_query", 400, "A query parameter has no meaning here"},
      {"bad_json", 400, "The body is not JSON"},
      {"no_token", 401, "A token is needed"},
      {"wrong_token", 401, "The token is not the daemon's"},
      {"foreign_origin", 403, "Requests of other web pages are refused"},
      {"no_such_path", 404, "Nothing is served at this path"},
      {"no_such_case", 404, "There is no such case"},
      {"no_such_campaign", 404, "There is no such campaign"},
      {"no_such_attempt", 404, "There is no such attempt"},
      {"no_such_board", 404, "There is no such board"},
      {"no_such_reset", 404, "There is no such reset"},
      {"no_analysis", 404, "The case has not been analysed"},
      {"no_log", 404, "The attempt has no log"},
      {"method_not_allowed", 405, "This path does not take that method"},
      {"case_exists", 409, "Another case has this name"},
      {"already_finished", 409, "The campaign has finished"},
      {"board_busy", 409, "The board is in use"},
      {"key_in_flight", 409, "A request with this Idempotency-Key is being answered"},
      {"body_too_large", 413, "The body is too large"},
      {"not_json", 415, "Bodies must be JSON"},
      {"range_not_satisfiable", 416, "The log does not reach that far"},
      {"wrong_host", 421, "The Host header names another server"},
      {"invalid_body", 422, "The body does not say what is needed"},
      {"refused", 422, "The request cannot be granted"},
      {"key_reused", 422, "This Idempotency-Key came with another request"},
      {"head_too_large", 431, "The request's head is too large"},
      {"internal", 500, "The daemon failed at this request"},
      {"too_many_connections", 503, "Too many connections are open"},
      {"not_ready", 503, "The daemon is not ready"},
      {"disk_full", 507, "The disk of the state folder is full"},
  };
  return kinds;
}

int Problem::status() const { return kind_of(code).status; }

void throw_exception_from_error(const Problem& problem, const boost::source_location& where) {
  std::fprintf(stderr, "%s:%u: bug: value of a refused answer: %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), problem.code.c_str());
  std::abort();
}

Problem problem_of(const Refusal& refusal, std::string code) {
  const std::string detail = to_text(Refusal{refusal.field, refusal.reason, {}});
  return Problem{std::move(code), detail, refusal.remedy, {refusal}, {}};
}

std::string to_json_text(const Problem& problem, std::string_view instance) {
  const ProblemKind& kind = kind_of(problem.code);
  nlohmann::ordered_json body;
  body["type"] = "urn:ndreprod:" + problem.code;
  body["title"] = kind.title;
  body["status"] = kind.status;
  body["detail"] = to_utf8(problem.detail);
  body["instance"] = to_utf8(instance);
  body["code"] = problem.code;
  if (!problem.hint.empty()) body["hint"] = to_utf8(problem.hint);
  if (!problem.errors.empty()) {
    body["errors"] = errors_of(problem.errors, problem.code == "bad_json" || problem.code == "invalid_body");
  }
  return json_text(body) + "\n";
}

}  // namespace ndr
