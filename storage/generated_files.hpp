#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/stress/stress_files.hpp"
#include "storage/case_folder.hpp"

namespace ndr {

/// What is done about one generated file. kept: somebody has edited what is there, or wrote it himself, so the new text
/// becomes PATH.new.
enum class WriteKind { created, updated, unchanged, kept };
std::string_view to_text(WriteKind kind);

struct FileWrite {
  std::string path;    // relative to the case: where the text goes, with ".new" where the file is kept
  std::string target;  // the file that was asked for
  std::string text;
  bool is_executable = false;
  WriteKind kind = WriteKind::created;
  bool is_record() const { return target.starts_with(".ndrepro/"); }  // ours, not asked for
};

/// Compares the files with what is in the case and with the record of what was generated there. The last write is that
/// record, `.ndrepro/generated.json`. The results table of README.md is no edit: it is taken over into the new page;
/// nor is what `case new` leaves to be filled in. Throws std::system_error where a file is there and cannot be read.
std::vector<FileWrite> plan_writes(const CaseFolder& folder, const std::vector<GeneratedFile>& files);

/// {"files": [{"path", "outcome"}], "variables_not_exported": [{"name", "fate", "reason", "place"}]}
std::string generation_json_text(const std::vector<FileWrite>& writes, const std::vector<PlannedVariable>& variables);

}  // namespace ndr
