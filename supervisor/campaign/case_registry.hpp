#pragma once
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <optional>
#include <string>

#include "analyzer/refusal.hpp"
#include "storage/records.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"
#include "supervisor/work_pool.hpp"

namespace ndr {

/// What is stored of an analysis.
struct Analysis {
  Refusal refused;  // with a reason: the logs could not be read
  std::string evidence_json;
  std::string signature_json;
  std::string findings_json;
  bool is_failure = false;
};

/// Takes cases in and analyses their CI logs.
class CaseRegistry {
public:
  CaseRegistry(const Settings& settings, StoreAccess& store, Launcher& launcher);

  /// Registers a case folder. Refuses a path outside the roots or through a symlink, a bad name, a name taken
  /// by another folder, a case.yaml that says what nobody knows, and a folder where the run account cannot
  /// write; nothing is half-registered. A script that cannot run yet is only told of. The same folder again: its row;
  /// the name of a folder that is gone: the case has moved, and keeps its attempts.
  boost::asio::awaitable<Checked<CaseRow>> add(std::filesystem::path folder, std::string owner);
  /// Reads the CI logs, writes .ndrepro/evidence.json, stores evidence and signature. Refuses logs that are missing,
  /// empty, unreadable or no text. Logs without a failure are no refusal: their evidence says so.
  boost::asio::awaitable<Checked<CaseRow>> analyze(std::string case_name);

  struct Generated {
    CaseRow row;
    std::string files_json;  // see generation_json_text()
  };
  /// Analyses the case and writes run_test.sh, its stress test and README.md; see generate_case(). What was edited by
  /// hand stays. `repository` is written into a case.yaml that names none that is there; refuses where it names
  /// another.
  boost::asio::awaitable<Checked<Generated>> generate(std::string case_name,
                                                      std::optional<std::string> repository = std::nullopt);
  struct Linted {
    std::string findings_json;  // see lint_json_text()
    std::string brief;          // Markdown, see brief_markdown()
  };
  /// What is wrong with its files; see lint_case().
  boost::asio::awaitable<Checked<Linted>> lint(std::string case_name);
  /// Writes the variable into `approved` of case.yaml. Refuses (field: the variable) a name that no shell could set,
  /// and a case.yaml that cannot be added to.
  boost::asio::awaitable<Checked<void>> approve(std::string case_name, std::string variable);

private:
  struct KnownCase {
    CaseRow row;
    CaseFolder folder{{}};
    CaseSettings settings;
  };
  boost::asio::awaitable<Checked<KnownCase>> known(std::string case_name);
  boost::asio::awaitable<Checked<void>> remember_repository(const KnownCase& of_case);
  boost::asio::awaitable<Checked<CaseRow>> save(KnownCase of_case, Analysis analysis);
  const Settings& settings_;
  StoreAccess& store_;
  ShimCaseWriter writer_;
  WorkPool pool_;
};

}  // namespace ndr
