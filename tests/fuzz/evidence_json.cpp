// Reading evidence and signatures: what is read is written so that it is read again as the same.
#include <string>
#include <string_view>

#include "analyzer/assert.hpp"
#include "storage/evidence_json.hpp"
#include "tests/fuzz/fuzz.hpp"

void ndr::fuzz_one(std::string_view input) {
  if (const auto evidence = evidence_from_json(input)) {
    const std::string text = to_json_text(*evidence);
    const auto again = evidence_from_json(text);
    NDR_ASSERT(again.has_value() && to_json_text(*again) == text);
  }
  if (const auto signature = signature_from_json(input)) {
    const std::string text = to_json_text(*signature);
    const auto again = signature_from_json(text);
    NDR_ASSERT(again.has_value() && to_json_text(*again) == text);
  }
}
