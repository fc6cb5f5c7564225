#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/refusal.hpp"
#include "api/http.hpp"

namespace ndr {

/// One kind of problem; `code` is stable and what clients branch on.
struct ProblemKind {
  std::string_view code;
  int status;
  std::string_view title;
};

/// All kinds there are; openapi.json lists the same codes.
const std::vector<ProblemKind>& problem_kinds();

/// Why a request is not granted (RFC 9457), before it is turned into bytes.
struct Problem {
  std::string code;  // of problem_kinds()
  std::string detail;
  std::string hint;             // what to do about it; may be empty
  std::vector<Refusal> errors;  // bad_json, invalid_body: field is a JSON pointer; else a name
  std::vector<Header> headers;  // what the status asks for: Allow, Retry-After, WWW-Authenticate

  int status() const;
};

/// Asking a refused answer for its value is a bug of the caller: aborts.
[[noreturn]] void throw_exception_from_error(const Problem& problem, const boost::source_location& where);

/// A value, or the problem to answer with.
template <class T>
using Answer = boost::system::result<T, Problem>;

/// A refusal of the supervisor; its field stays a plain name.
Problem problem_of(const Refusal& refusal, std::string code = "refused");

/// application/problem+json with type, title, status, detail, instance, code, hint, errors. Always valid UTF-8.
std::string to_json_text(const Problem& problem, std::string_view instance);

}  // namespace ndr
