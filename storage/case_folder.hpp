#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analyzer/refusal.hpp"

namespace ndr {

/// Every path inside a case is spelled here and nowhere else. A value: it opens and creates nothing by
/// itself.
class CaseFolder {
public:
  explicit CaseFolder(std::filesystem::path root) : root_(std::move(root)) {}

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path logs() const { return root_ / "logs"; }
  std::filesystem::path tests() const { return root_ / "tests"; }
  std::filesystem::path run_script() const { return root_ / "run_test.sh"; }
  std::filesystem::path readme() const { return root_ / "README.md"; }
  std::filesystem::path settings() const { return root_ / "case.yaml"; }
  std::filesystem::path private_folder() const { return root_ / ".ndrepro"; }
  std::filesystem::path evidence() const { return private_folder() / "evidence.json"; }
  std::filesystem::path attempts() const { return private_folder() / "attempts"; }
  std::filesystem::path attempt(int number) const { return attempts() / std::to_string(number); }
  std::filesystem::path run_log(int number) const { return logs() / ("run_" + std::to_string(number) + ".log"); }
  bool operator==(const CaseFolder&) const = default;

private:
  std::filesystem::path root_;
};

/// N of `run_N.log` (N >= 1, no leading zero), nothing for any other name.
std::optional<int> run_log_number(std::string_view file_name);

/// The CI logs of a case: regular files in logs/ (no symlink, not `run_N.log`, not hidden), sorted by name,
/// relative to the case. Refuses a missing or empty logs/ with the remedy.
Checked<std::vector<std::filesystem::path>> ci_logs(const CaseFolder& folder);

/// The highest N of logs/run_N.log and .ndrepro/attempts/N; 0 where there is none. The next attempt is one
/// above.
int last_attempt_number(const CaseFolder& folder);

/// ^[a-z0-9][a-z0-9._-]{0,63}$
bool is_case_name(std::string_view name);

/// A case folder that may be used: `path` lies, without any symlink on the way below the root, in one of
/// `roots`, is a directory on a local file system (unless `allow_network`), and its name is one of
/// a case.
Checked<CaseFolder> find_case_folder(const std::filesystem::path& path, const std::vector<std::filesystem::path>& roots,
                                     bool allow_network);

/// run_test.sh is there, a regular file, executable, with an interpreter that exists; the refusal names what
/// to do.
Checked<void> check_run_script(const CaseFolder& folder);

/// Whether run_test.sh has the line `# ndrepro-contract: 1` among its first 20 (arguments as in the design),
/// else it is taken for the hand-written form that passes "$@" to pytest.
bool has_contract_line(const CaseFolder& folder);

}  // namespace ndr
