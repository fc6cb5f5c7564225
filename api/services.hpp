#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/campaign/arm_menu.hpp"
#include "supervisor/campaign/case_registry.hpp"
#include "supervisor/campaign/queue.hpp"
#include "supervisor/change_feed.hpp"
#include "supervisor/ports.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/store_access.hpp"

namespace ndr {

/// What handlers may reach; all of it outlives the server.
struct Services {
  const Settings& settings;
  StoreAccess& store;
  ChangeFeed& changes;
  CaseRegistry& cases;
  CampaignQueue& campaigns;
  BoardControl& boards;
  ArmMenu& arms;
  std::int64_t started_at_ms = 0;
};

}  // namespace ndr
