#pragma once
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <string>

#include "analyzer/refusal.hpp"
#include "storage/records.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"
#include "supervisor/work_pool.hpp"

namespace ndr {

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

private:
  const Settings& settings_;
  StoreAccess& store_;
  ShimCaseWriter writer_;
  WorkPool pool_;
};

}  // namespace ndr
