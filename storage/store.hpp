#pragma once
#include <filesystem>
#include <functional>
#include <memory>

#include "storage/attempt_repository.hpp"
#include "storage/board_repository.hpp"
#include "storage/campaign_repository.hpp"
#include "storage/case_repository.hpp"
#include "storage/database.hpp"
#include "storage/event_repository.hpp"

namespace ndr {

/// Opens (EXCLUSIVE locking before WAL, synchronous FULL, foreign keys on), migrates, and holds the one connection
/// and all repositories. Throws StateLocked where another daemon has the folder, SchemaTooNew, DatabaseError.
class Store {
public:
  explicit Store(const std::filesystem::path& database_file);

  /// One transaction around `work`; rolled back when it throws. Events appended inside become visible with it.
  void transaction(const std::function<void()>& work);
  /// The same with synchronous NORMAL: for signals and progress, which may be read again from the log.
  void quick_transaction(const std::function<void()>& work);

  Database database;
  CaseRepository cases;
  CampaignRepository campaigns;
  AttemptRepository attempts;
  BoardRepository boards;
  EventRepository events;
};

}  // namespace ndr
