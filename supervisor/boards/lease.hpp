#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/records.hpp"

namespace ndr {

class Lease;

/// Who may use which board now: a campaign, or nobody that has a number (a reset by hand or of a daemon before us).
/// Whole sets or nothing, so that two holders never wait for each other.
class BoardLeases {
public:
  /// `released` is called after every release; it must not throw.
  explicit BoardLeases(std::function<void()> released = {});

  /// Nothing while any of the boards is leased. `boards` is not empty.
  std::optional<Lease> try_lease(std::vector<std::string> boards, std::optional<CampaignId> holder);
  bool is_leased(const std::string& board) const;
  /// The campaign that has it; nothing also while it is leased otherwise.
  std::optional<CampaignId> holder(const std::string& board) const;

private:
  friend class Lease;
  struct Table {
    std::map<std::string, std::optional<CampaignId>> holders;
    std::function<void()> released;
  };
  std::shared_ptr<Table> table_;  // with the leases, which may outlive us at the end of the program
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
  Lease(std::shared_ptr<BoardLeases::Table> table, std::vector<std::string> boards)
      : table_(std::move(table)), boards_(std::move(boards)) {}
  void release();

  std::shared_ptr<BoardLeases::Table> table_;
  std::vector<std::string> boards_;
};

}  // namespace ndr
