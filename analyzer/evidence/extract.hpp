#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/evidence/signature.hpp"

namespace ndr {

/// What the logs of one failure say together. `signature` is what the logs that show it share.
struct Extraction {
  Evidence evidence;
  Signature signature;
};

/// Reads the logs of one failure, pushed in chunks of any size, and says what failed. Pure: no file, no clock.
/// One object reads the files of one failure one after the other:
///   begin_file("a.log"); feed(...); feed(...); begin_file("b.log"); feed(...); Extraction e = finish();
/// Of several logs the failure that most of them show counts, and of those the log that saw it first speaks; what it
/// does not say of the job and the command is taken from the others, and what they say otherwise is a conflict.
/// Memory is bounded by the failure's own blocks (lines above 64 KiB are cut, kept windows are bounded), not by the
/// size of the logs; of one log the first 1000 jobs are read. Understands GitHub Actions stamps, BOM, ANSI, lone CR,
/// xdist and rank prefixes.
class EvidenceExtractor {
public:
  EvidenceExtractor();
  ~EvidenceExtractor();
  EvidenceExtractor(const EvidenceExtractor&) = delete;
  EvidenceExtractor& operator=(const EvidenceExtractor&) = delete;

  void begin_file(std::string name);
  void feed(std::string_view bytes);
  void skip_hole(std::uint64_t bytes);  // of a sparse file: offsets behind it stay true
  /// The current file is the output of a command that ended with this status, and no log of CI.
  void set_exit_status(int status);
  Extraction finish();  // once; the object is spent

private:
  struct State;
  std::unique_ptr<State> state_;
};

/// One whole text at once.
Evidence extract_evidence(std::string name, std::string_view text);

}  // namespace ndr
