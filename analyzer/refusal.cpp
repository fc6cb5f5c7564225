#include "analyzer/refusal.hpp"

#include "analyzer/assert.hpp"

namespace ndr {

std::string to_text(const Refusal& refusal) {
  std::string text = refusal.field.empty() ? refusal.reason : refusal.field + ": " + refusal.reason;
  if (!refusal.remedy.empty()) text += "; " + refusal.remedy;
  return text;
}

void throw_exception_from_error(const Refusal& refusal, const boost::source_location& where) {
  std::fprintf(stderr, "%s:%u: bug: value of a refused answer: %s\n", where.file_name(),
               static_cast<unsigned>(where.line()), to_text(refusal).c_str());
  std::abort();
}

}  // namespace ndr
