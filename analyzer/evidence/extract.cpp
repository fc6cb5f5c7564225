#include "analyzer/evidence/extract.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/extract_evidence.hpp"
#include "analyzer/evidence/extract_file.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {

struct EvidenceExtractor::State {
  std::vector<std::string> files;
  std::optional<FileReader> reader;
  std::optional<Evidence> best;  // the first log that shows a failure, else the last with a test command

  void close_file() {
    if (!reader) return;
    Evidence evidence = evidence_of(reader->finish());
    reader.reset();
    const bool better = !best || (!best->is_failure && (evidence.is_failure || evidence.command || !best->command));
    if (better) best = std::move(evidence);
  }
};

EvidenceExtractor::EvidenceExtractor() : state_(std::make_unique<State>()) {}
EvidenceExtractor::~EvidenceExtractor() = default;

void EvidenceExtractor::begin_file(std::string name) {
  state_->close_file();
  state_->reader.emplace(static_cast<std::uint32_t>(state_->files.size()));
  state_->files.push_back(to_utf8(name));
}

void EvidenceExtractor::feed(std::string_view bytes) {
  NDR_ASSERT(state_->reader.has_value());
  state_->reader->feed(bytes);
}

Evidence EvidenceExtractor::finish() {
  state_->close_file();
  Evidence evidence = std::exchange(state_->best, std::nullopt).value_or(Evidence{});
  evidence.files = std::move(state_->files);
  return evidence;
}

Evidence extract_evidence(std::string name, std::string_view text) {
  EvidenceExtractor extractor;
  extractor.begin_file(std::move(name));
  extractor.feed(text);
  return extractor.finish();
}

}  // namespace ndr
