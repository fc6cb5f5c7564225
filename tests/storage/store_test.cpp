#include "storage/store.hpp"

#include <csignal>

#include "storage/query.hpp"
#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/dying_child.hpp"

using namespace ndr;

namespace {

int synchronous(Database& database) {
  Query query{database, "PRAGMA synchronous"};
  int value = -1;
  if (query.next()) query.into(value);
  return value;
}

}  // namespace

TEST_CASE("a transaction's rows and events become visible together") {
  SampleStore sample;
  Store& store = sample.store;
  store.transaction([&] {
    store.campaigns.begin(sample.campaign, R"(["0"])", 5);
    store.events.append({.at_ms = 5, .type = "campaign.state", .campaign_id = sample.campaign});
  });
  CHECK_FALSE(store.database.in_transaction());
  CHECK(store.campaigns.find(sample.campaign)->state == CampaignState::running);
  CHECK(store.events.last().value == 1);
}

TEST_CASE("a transaction that throws leaves nothing, and the exception arrives") {
  SampleStore sample;
  Store& store = sample.store;
  CHECK_THROWS_WITH(store.transaction([&] {
    store.campaigns.begin(sample.campaign, R"(["0"])", 5);
    store.events.append({.at_ms = 5, .type = "campaign.state"});
    throw std::runtime_error{"the board is gone"};
  }),
                    "the board is gone");
  CHECK_FALSE(store.database.in_transaction());
  CHECK(store.campaigns.find(sample.campaign)->state == CampaignState::queued);
  CHECK(store.events.last().value == 0);
}

TEST_CASE("a transaction that finds the disk full leaves nothing and the next one works") {
  SampleStore sample;
  Store& store = sample.store;
  store.database.execute("PRAGMA max_page_count = 1");  // SQLite takes the present size where it is larger
  const std::string body = '"' + std::string(100000, 'x') + '"';
  CHECK_THROWS_AS(store.transaction([&] {
    store.events.append({.at_ms = 1, .type = "small"});
    store.events.append({.at_ms = 1, .type = "large", .body = body});
  }),
                  DatabaseError);
  CHECK_FALSE(store.database.in_transaction());
  CHECK(store.events.after({0}, 10).empty());
  store.database.execute("PRAGMA max_page_count = 100000");
  store.transaction([&] { store.events.append({.at_ms = 1, .type = "large", .body = body}); });
  CHECK(store.events.after({0}, 10).size() == 1);
}

TEST_CASE("a quick transaction is NORMAL inside and FULL again after, also when it throws") {
  SampleStore sample;
  Store& store = sample.store;
  store.quick_transaction([&] {
    CHECK(synchronous(store.database) == 1);
    store.events.append({.at_ms = 1, .type = "attempt.signal"});
  });
  CHECK(synchronous(store.database) == 2);
  CHECK_THROWS(store.quick_transaction([] { throw std::runtime_error{"no"}; }));
  CHECK(synchronous(store.database) == 2);
  CHECK(store.events.last().value == 1);
}

TEST_CASE("a transaction inside another is a bug") {
  SampleStore sample;
  CHECK(signal_ending([&] { sample.store.transaction([&] { sample.store.transaction([] {}); }); }) == SIGABRT);
  CHECK(signal_ending([&] { sample.store.transaction([&] { sample.store.quick_transaction([] {}); }); }) == SIGABRT);
}

TEST_CASE("a store is opened again with all that it held") {
  TempFolder folder;
  CaseId id;
  {
    Store store{folder / "ndrepro.db"};
    id = store.cases.insert({.name = "a", .folder = "/a", .owner = "uid:1"});
  }
  Store store{folder / "ndrepro.db"};
  REQUIRE(store.cases.find("a"));
  CHECK(store.cases.find("a")->id == id);
}

TEST_CASE("a store of a newer program is refused") {
  TempFolder folder;
  { Store{folder / "ndrepro.db"}.database.execute("PRAGMA user_version = 1000"); }
  CHECK_THROWS_AS(Store{folder / "ndrepro.db"}, SchemaTooNew);
}
