// Log extraction: what any bytes, in any chunks and files, make of evidence, signature and their JSON.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/extract.hpp"
#include "analyzer/evidence/extract_evidence.hpp"
#include "analyzer/evidence/extract_file.hpp"
#include "analyzer/utf8.hpp"
#include "storage/evidence_json.hpp"
#include "tests/fuzz/fuzz.hpp"

// The first two bytes: how large chunks are, and how many of them a file has (0: all).
void ndr::fuzz_one(std::string_view input) {
  if (input.size() < 2) return;
  const std::size_t chunk = std::size_t{1} + static_cast<unsigned char>(input[0]) * 16u;
  const auto chunks_of_file = static_cast<unsigned char>(input[1]) % 32u;
  input.remove_prefix(2);
  EvidenceExtractor extractor;
  extractor.begin_file("a.log");
  std::size_t fed = 0;
  for (std::string_view rest = input; !rest.empty(); ++fed) {
    if (chunks_of_file > 0 && fed > 0 && fed % chunks_of_file == 0) extractor.begin_file("b.log");
    const std::string_view bytes = rest.substr(0, chunk);
    extractor.feed(bytes);
    rest.remove_prefix(bytes.size());
  }
  const Extraction found = extractor.finish();
  const std::string text = to_json_text(found.evidence);
  NDR_ASSERT(is_utf8(text));
  NDR_ASSERT(evidence_from_json(text).has_value());
  NDR_ASSERT(is_utf8(to_json_text(found.signature)));
  FileReader whole{0};
  whole.feed(input);
  FileReader chunked{0};
  for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size())))
    chunked.feed(rest.substr(0, chunk));
  const auto jobs = whole.finish();
  const auto same_jobs = chunked.finish();
  NDR_ASSERT(jobs.size() == same_jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i)
    NDR_ASSERT(to_json_text(evidence_of(jobs[i])) == to_json_text(evidence_of(same_jobs[i])));
}
