#pragma once
#include <boost/asio/awaitable.hpp>
#include <filesystem>
#include <string>

#include "analyzer/refusal.hpp"
#include "storage/records.hpp"
#include "supervisor/launch.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// Takes cases in and analyses their CI logs.
class CaseRegistry {
public:
  CaseRegistry(const Settings& settings, StoreAccess& store, Launcher& launcher);

  /// Registers a case folder. Refuses a path outside the roots or through a symlink, a bad name, a name taken
  /// by another folder, and a folder where the run account cannot write; nothing is half-registered.
  boost::asio::awaitable<Checked<CaseRow>> add(std::filesystem::path folder, std::string owner);
  /// Reads the CI logs, stores evidence and signature, writes .ndrepro/evidence.json. Refuses empty or
  /// unreadable logs.
  boost::asio::awaitable<Checked<CaseRow>> analyze(std::string case_name);

private:
  const Settings& settings_;
  StoreAccess& store_;
  Launcher& launcher_;
};

}  // namespace ndr
