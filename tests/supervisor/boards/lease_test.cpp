#include "supervisor/boards/lease.hpp"

#include <memory>

#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("a board has one holder until its lease is gone") {
  BoardLeases leases;
  {
    const auto lease = leases.try_lease({"0"}, CampaignId{1});
    REQUIRE(lease);
    CHECK(lease->boards() == std::vector<std::string>{"0"});
    CHECK(leases.holder("0") == CampaignId{1});
    CHECK_FALSE(leases.try_lease({"0"}, CampaignId{2}));
    CHECK(leases.try_lease({"1"}, CampaignId{2}));
  }
  CHECK_FALSE(leases.holder("0"));
  CHECK(leases.try_lease({"0"}, CampaignId{2}));
}

TEST_CASE("a set of boards is leased whole or not at all") {
  BoardLeases leases;
  const auto one = leases.try_lease({"1"}, CampaignId{1});
  CHECK_FALSE(leases.try_lease({"0", "1"}, CampaignId{2}));
  CHECK_FALSE(leases.holder("0"));
}

TEST_CASE("a board may be leased without a campaign, and every release is told") {
  int released = 0;
  BoardLeases leases{[&] { ++released; }};
  {
    const auto by_hand = leases.try_lease({"0"}, std::nullopt);
    REQUIRE(by_hand);
    CHECK(leases.is_leased("0"));
    CHECK_FALSE(leases.holder("0"));
    CHECK_FALSE(leases.try_lease({"0"}, CampaignId{1}));
    CHECK(released == 0);
  }
  CHECK(released == 1);
  CHECK_FALSE(leases.is_leased("0"));
}

TEST_CASE("a lease may outlive the leases that it came from") {
  auto leases = std::make_unique<BoardLeases>();
  const auto lease = leases->try_lease({"0"}, CampaignId{1});
  leases.reset();
  CHECK(lease->boards().size() == 1);
}

TEST_CASE("a moved lease is released once, by its last owner") {
  BoardLeases leases;
  auto first = leases.try_lease({"0"}, CampaignId{1});
  auto other = leases.try_lease({"1"}, CampaignId{2});
  Lease owner = std::move(*first);
  first.reset();
  CHECK(leases.holder("0") == CampaignId{1});
  owner = std::move(*other);
  CHECK_FALSE(leases.holder("0"));
  CHECK(leases.holder("1") == CampaignId{2});
}
