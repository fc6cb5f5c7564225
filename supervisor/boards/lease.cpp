#include "supervisor/boards/lease.hpp"

#include <utility>

#include "analyzer/assert.hpp"

namespace ndr {

std::optional<Lease> BoardLeases::try_lease(std::vector<std::string> boards, CampaignId holder) {
  NDR_ASSERT(!boards.empty());
  for (const std::string& board : boards)
    if (holders_.contains(board)) return std::nullopt;
  for (const std::string& board : boards)
    holders_.emplace(board, holder);
  return Lease{*this, std::move(boards)};
}

std::optional<CampaignId> BoardLeases::holder(const std::string& board) const {
  const auto found = holders_.find(board);
  return found == holders_.end() ? std::nullopt : std::optional{found->second};
}

Lease::Lease(Lease&& other) noexcept : leases_(other.leases_), boards_(std::exchange(other.boards_, {})) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    leases_ = other.leases_;
    boards_ = std::exchange(other.boards_, {});
  }
  return *this;
}

Lease::~Lease() { release(); }

void Lease::release() {
  for (const std::string& board : boards_)
    leases_->holders_.erase(board);
  boards_.clear();
}

}  // namespace ndr
