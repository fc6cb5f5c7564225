#include "analyzer/evidence/extract.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/extract_evidence.hpp"
#include "analyzer/evidence/extract_file.hpp"
#include "analyzer/evidence/merge_logs.hpp"
#include "analyzer/utf8.hpp"

namespace ndr {

struct EvidenceExtractor::State {
  std::vector<std::string> files;
  std::optional<FileReader> reader;
  std::vector<JobEvidence> read;

  void close_file() {
    if (!reader) return;
    for (const JobOutcome& job : reader->finish())
      read.push_back({static_cast<std::uint32_t>(files.size() - 1), evidence_of(job)});
    reader.reset();
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

void EvidenceExtractor::skip_hole(std::uint64_t bytes) {
  NDR_ASSERT(state_->reader.has_value());
  state_->reader->skip_hole(bytes);
}

void EvidenceExtractor::set_exit_status(int status) {
  NDR_ASSERT(state_->reader.has_value());
  state_->reader->set_exit_status(status);
}

Extraction EvidenceExtractor::finish() {
  state_->close_file();
  Extraction extraction = merge_logs(std::exchange(state_->read, {}));
  extraction.evidence.files = std::move(state_->files);
  return extraction;
}

Evidence extract_evidence(std::string name, std::string_view text) {
  EvidenceExtractor extractor;
  extractor.begin_file(std::move(name));
  extractor.feed(text);
  return extractor.finish().evidence;
}

}  // namespace ndr
