#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/records.hpp"

namespace ndr {

class Lease;

/// Who may use which board now. Whole sets or nothing, so that two campaigns never wait for each other.
/// Outlives its leases.
class BoardLeases {
public:
  /// Nothing while any of the boards is leased. `boards` is not empty.
  std::optional<Lease> try_lease(std::vector<std::string> boards, CampaignId holder);
  std::optional<CampaignId> holder(const std::string& board) const;

private:
  friend class Lease;
  std::map<std::string, CampaignId> holders_;
};

/// Released by its destructor.
class Lease {
public:
  Lease(Lease&& other) noexcept;
  Lease& operator=(Lease&& other) noexcept;
  ~Lease();
  const std::vector<std::string>& boards() const { return boards_; }

private:
  friend class BoardLeases;
  Lease(BoardLeases& leases, std::vector<std::string> boards) : leases_(&leases), boards_(std::move(boards)) {}
  void release();

  BoardLeases* leases_;
  std::vector<std::string> boards_;
};

}  // namespace ndr
