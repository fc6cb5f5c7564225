#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

TEST_CASE("an event is read back as it was told") {
  SampleStore sample;
  auto& events = sample.store.events;
  const EventId id = events.append({.at_ms = 12,
                                    .type = "attempt.state",
                                    .campaign_id = sample.campaign,
                                    .attempt_id = AttemptId{9},
                                    .subject = "gather-timeout",
                                    .body = R"({"state":"running"})"});
  const auto rows = events.after({0}, 10);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].id == id);
  CHECK(rows[0].at_ms == 12);
  CHECK(rows[0].type == "attempt.state");
  CHECK(rows[0].campaign_id == sample.campaign);
  CHECK(rows[0].attempt_id == AttemptId{9});
  CHECK(rows[0].subject == "gather-timeout");
  CHECK(rows[0].body == R"({"state":"running"})");
}

TEST_CASE("event ids only rise, also after events were deleted and the store was opened again") {
  TempFolder folder;
  std::int64_t before = 0;
  {
    Store store{folder / "db"};
    for (int i = 0; i < 3; ++i) {
      const EventId id = store.events.append({.at_ms = i, .type = "t"});
      CHECK(id.value > before);
      before = id.value;
    }
    store.database.execute("DELETE FROM events");
    CHECK(store.events.last().value == before);
    CHECK(store.events.append({.at_ms = 9, .type = "t"}).value > before);
    store.database.execute("DELETE FROM events");
  }
  Store store{folder / "db"};
  CHECK(store.events.append({.at_ms = 9, .type = "t"}).value > before + 1);
}

TEST_CASE("a rolled back event's id is given to the next, which no one has seen") {
  SampleStore sample;
  auto& store = sample.store;
  CHECK_THROWS(store.transaction([&] {
    store.events.append({.at_ms = 1, .type = "lost"});
    throw 1;
  }));
  CHECK(store.events.last().value == 0);
  CHECK(store.events.append({.at_ms = 1, .type = "kept"}).value == 1);
}

TEST_CASE("100,000 events are paged without a gap or a double") {
  SampleStore sample;
  auto& store = sample.store;
  store.transaction([&] {
    for (int i = 0; i < 100000; ++i)
      store.events.append({.at_ms = i, .type = "t", .campaign_id = CampaignId{1 + i % 3}});
  });
  std::int64_t expected = 1;
  bool dense = true;
  for (EventId at;;) {
    const auto page = store.events.after(at, 777);
    if (page.empty()) break;
    for (const auto& row : page)
      dense = dense && row.id.value == expected++;
    at = page.back().id;
  }
  CHECK(dense);
  CHECK(expected == 100001);
  const auto own = store.events.after({99990}, CampaignId{2}, 100);
  REQUIRE(own.size() == 3);
  for (const auto& row : own)
    CHECK(row.campaign_id == CampaignId{2});
}
