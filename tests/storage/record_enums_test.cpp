#include "storage/record_enums.hpp"

#include <set>

#include "storage/query.hpp"
#include "tests/storage/sample_rows.hpp"
#include "tests/support/catch.hpp"

using namespace ndr;

namespace {

using Words = std::set<std::string>;

// The quoted words of `column IN ('a', 'b')` in the table's own CREATE statement.
Words words_of_check(Database& database, const std::string& table, const std::string& column) {
  Query query{database, "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", table};
  std::string sql;
  REQUIRE(query.next());
  query.into(sql);
  const std::string head = "CHECK (" + column + " IN (";
  const auto begin = sql.find(head);
  REQUIRE(begin != std::string::npos);
  const std::string list = sql.substr(begin + head.size(), sql.find(')', begin) - begin - head.size());
  Words words;
  for (std::size_t at = 0; (at = list.find('\'', at)) != std::string::npos; ++at) {
    const auto end = list.find('\'', at + 1);
    words.insert(list.substr(at + 1, end - at - 1));
    at = end;
  }
  return words;
}

template <class Enum>
Words words_of_enum() {
  Words words;
  for (int i = 0; !to_text(static_cast<Enum>(i)).empty(); ++i)
    words.insert(std::string{to_text(static_cast<Enum>(i))});
  return words;
}

}  // namespace

TEST_CASE("the schema's CHECK lists accept exactly the words of the enumerations") {
  SampleStore sample;
  Database& database = sample.store.database;
  CHECK(words_of_check(database, "attempts", "verdict") == words_of_enum<Verdict>());
  CHECK(words_of_check(database, "attempts", "phase") == words_of_enum<AttemptPhase>());
  CHECK(words_of_check(database, "campaigns", "state") == words_of_enum<CampaignState>());
  CHECK(words_of_check(database, "campaigns", "outcome") == words_of_enum<CampaignOutcome>());
  CHECK(words_of_check(database, "campaigns", "mode") == words_of_enum<CampaignMode>());
  CHECK(words_of_check(database, "boards", "state") == words_of_enum<BoardState>());
  CHECK(words_of_check(database, "resets", "result") == words_of_enum<ResetResult>());
}

TEST_CASE("a word outside a list is refused by SQLite") {
  SampleStore sample;
  CHECK_THROWS_WITH(sample.store.database.execute("UPDATE campaigns SET state = 'asleep'"),
                    ContainsSubstring("CHECK constraint failed"));
}

TEST_CASE("every word is read back as its enumerator, and no other text is one") {
  CHECK(verdict_from("different_failure") == Verdict::different_failure);
  CHECK(campaign_state_from("finished") == CampaignState::finished);
  CHECK(campaign_outcome_from("cancelled") == CampaignOutcome::cancelled);
  CHECK(campaign_mode_from("soak") == CampaignMode::soak);
  CHECK(attempt_phase_from("reduce") == AttemptPhase::reduce);
  CHECK(board_state_from("quarantined") == BoardState::quarantined);
  CHECK(reset_result_from("unverified") == ResetResult::unverified);
  CHECK_FALSE(verdict_from("Passed"));
  CHECK_FALSE(verdict_from(""));
  CHECK(words_of_enum<Verdict>().size() == 10);
}
