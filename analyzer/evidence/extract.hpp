#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "analyzer/evidence/evidence.hpp"

namespace ndr {

/// Reads the logs of one failure, pushed in chunks of any size, and says what failed. Pure: no file, no clock.
/// One object reads the files of one failure one after the other:
///   begin_file("a.log"); feed(...); feed(...); begin_file("b.log"); feed(...); Evidence e = finish();
/// Memory is bounded by the failure's own blocks (lines above 64 KiB are cut, kept windows are bounded), not by the
/// size of the logs. Understands GitHub Actions stamps, BOM, ANSI, lone CR, xdist and rank prefixes.
class EvidenceExtractor {
public:
  EvidenceExtractor();
  ~EvidenceExtractor();
  EvidenceExtractor(const EvidenceExtractor&) = delete;
  EvidenceExtractor& operator=(const EvidenceExtractor&) = delete;

  void begin_file(std::string name);
  void feed(std::string_view bytes);
  Evidence finish();  // once; the object is spent

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One whole text at once.
Evidence extract_evidence(std::string name, std::string_view text);

}  // namespace ndr
