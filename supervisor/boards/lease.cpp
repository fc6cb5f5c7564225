#include "supervisor/boards/lease.hpp"

#include <utility>

#include "analyzer/assert.hpp"

namespace ndr {

BoardLeases::BoardLeases(std::function<void()> released) : table_(std::make_shared<Table>()) {
  table_->released = std::move(released);
}

std::optional<Lease> BoardLeases::try_lease(std::vector<std::string> boards, std::optional<CampaignId> holder) {
  NDR_ASSERT(!boards.empty());
  for (const std::string& board : boards)
    if (is_leased(board)) return std::nullopt;
  for (const std::string& board : boards)
    table_->holders.emplace(board, holder);
  return Lease{table_, std::move(boards)};
}

bool BoardLeases::is_leased(const std::string& board) const { return table_->holders.contains(board); }

std::optional<CampaignId> BoardLeases::holder(const std::string& board) const {
  const auto found = table_->holders.find(board);
  return found == table_->holders.end() ? std::nullopt : found->second;
}

Lease::Lease(Lease&& other) noexcept : table_(std::move(other.table_)), boards_(std::exchange(other.boards_, {})) {}

Lease& Lease::operator=(Lease&& other) noexcept {
  if (this != &other) {
    release();
    table_ = std::move(other.table_);
    boards_ = std::exchange(other.boards_, {});
  }
  return *this;
}

Lease::~Lease() { release(); }

void Lease::release() {
  if (boards_.empty()) return;
  for (const std::string& board : boards_)
    table_->holders.erase(board);
  boards_.clear();
  if (table_->released) table_->released();
}

}  // namespace ndr
