#include "api/requests.hpp"

#include "tests/support/catch.hpp"

namespace ndr {
namespace {

constexpr std::int64_t quick_ms = 300000;

TEST_CASE("a checkout is an absolute path, or none is named") {
  CHECK(repository_from("").value() == std::nullopt);
  CHECK(repository_from("{}").value() == std::nullopt);
  CHECK(repository_from(R"({"repository": "/src/ring"})").value() == "/src/ring");
  CHECK_FALSE(repository_from(R"({"repository": "ring"})").has_value());
  CHECK_FALSE(repository_from(R"({"repository": 7})").has_value());
  CHECK_FALSE(repository_from(R"({"path": "/src"})").has_value());
}

TEST_CASE("a variable to approve has a name") {
  CHECK(variable_from(R"({"name": "LD_PRELOAD"})").value() == "LD_PRELOAD");
  CHECK_FALSE(variable_from("{}").has_value());
}

TEST_CASE("a campaign is ordered with what is said and defaults for the rest") {
  const auto plain = campaign_request_from("", quick_ms);
  REQUIRE(plain.has_value());
  CHECK(plain->mode == CampaignMode::quick);
  CHECK(plain->budget_ms == quick_ms);
  CHECK(plain->confirmations == 3);
  CHECK_FALSE(plain->seed);
  CHECK(plain->boards.empty());

  const auto whole = campaign_request_from(
      R"({"mode":"soak","budget":"2h","seed":"18446744073709551615","confirmations":5,"boards":["0","1"]})", quick_ms);
  REQUIRE(whole.has_value());
  CHECK(whole->mode == CampaignMode::soak);
  CHECK(whole->budget_ms == 7200000);
  CHECK(whole->seed == 18446744073709551615u);
  CHECK(whole->confirmations == 5);
  CHECK(whole->boards == std::vector<std::string>{"0", "1"});

  CHECK(campaign_request_from(R"({"budget_ms":1000,"seed":7})", quick_ms)->budget_ms == 1000);
  CHECK(campaign_request_from(R"({"mode":"soak"})", quick_ms)->budget_ms == 3600000);
}

TEST_CASE("a wrong campaign body names the member by a pointer") {
  const auto [body, pointer] =
      GENERATE(table<std::string, std::string>({{R"({"mode":"fast"})", "/mode"},
                                                {R"({"mode":1})", "/mode"},
                                                {R"({"budget":"soon"})", "/budget"},
                                                {R"({"budget":"0s"})", "/budget"},
                                                {R"({"budget":5})", "/budget"},
                                                {R"({"budget_ms":0})", "/budget_ms"},
                                                {R"({"budget_ms":1.5})", "/budget_ms"},
                                                {R"({"budget":"1s","budget_ms":1})", "/budget"},
                                                {R"({"seed":-1})", "/seed"},
                                                {R"({"seed":"7x"})", "/seed"},
                                                {R"({"seed":true})", "/seed"},
                                                {R"({"confirmations":0})", "/confirmations"},
                                                {R"({"boards":"0"})", "/boards"},
                                                {R"({"boards":[0]})", "/boards/0"},
                                                {R"({"colour":"red"})", "/colour"},
                                                {R"([])", ""}}));
  CAPTURE(body);
  const auto wanted = campaign_request_from(body, quick_ms);
  REQUIRE(wanted.has_error());
  CHECK(wanted.error().status() == 422);
  REQUIRE(wanted.error().errors.size() == 1);
  CHECK(wanted.error().errors[0].field == pointer);
}

TEST_CASE("a verification is ordered with what is said and defaults for the rest") {
  const auto plain = verify_request_from("");
  REQUIRE(plain.has_value());
  CHECK(plain->budget_ms == 600000);
  CHECK(plain->risk == 0.05);
  CHECK_FALSE(plain->against);
  CHECK(plain->broken.empty());
  const auto whole =
      verify_request_from(R"({"against":"12","risk":0.01,"fixed":"/a","broken":"/b","budget":"1h","seed":7})");
  REQUIRE(whole.has_value());
  CHECK(whole->against == CampaignId{12});
  CHECK(whole->risk == 0.01);
  CHECK(whole->fixed == "/a");
  CHECK(whole->broken == "/b");
  CHECK(whole->budget_ms == 3600000);
  CHECK(whole->seed == 7u);
  for (const char* wrong : {R"({"against":12})", R"({"against":"x"})", R"({"risk":"5%"})", R"({"mode":"quick"})"})
    CHECK_FALSE(verify_request_from(wrong).has_value());
  CHECK_FALSE(campaign_request_from(R"({"mode":"verify"})", quick_ms).has_value());
}

TEST_CASE("a body that is not JSON, is nested too deep or has a key twice is 400") {
  const std::string body = GENERATE(std::string{"{"}, std::string{"hello"}, std::string{"{\"a\":1,}"},
                                    std::string{R"({"folder":"/a","folder":"/b"})"}, std::string{"{\"a\":\"\xff\"}"},
                                    std::string(100000, '['), std::string(33, '[') + std::string(33, ']'));
  CAPTURE(body.substr(0, 60));
  CHECK(case_folder_from(body).error().code == "bad_json");
}

TEST_CASE("a case's folder must be absolute") {
  CHECK(case_folder_from(R"({"folder":"/cases/a"})").value() == "/cases/a");
  CHECK(case_folder_from(R"({"folder":"cases/a"})").error().errors[0].reason == "must be absolute");
  CHECK(case_folder_from("").error().errors[0].field == "/folder");
  CHECK(case_folder_from(R"({"folder":"/a\u0000b"})").has_error());
}

TEST_CASE("an action that is told nothing takes no body or an empty object") {
  CHECK_FALSE(check_empty(""));
  CHECK_FALSE(check_empty("{}"));
  CHECK(check_empty(R"({"a":1})")->status() == 422);
  CHECK(reset_request_from(R"({"force":true})")->force);
  CHECK(reset_request_from(R"({"force":1})").has_error());
}

Request request_of(const std::string& target) {
  Request request;
  request.target = target_from(target).value();
  return request;
}

TEST_CASE("a wait has a limit and says what for") {
  CHECK(wait_request_from(request_of("/"))->limit.count() == 0);
  const auto wait = wait_request_from(request_of("/?wait=30s&until=finished&after=17"));
  REQUIRE(wait.has_value());
  CHECK(wait->limit == std::chrono::seconds{30});
  CHECK(wait->until_finished);
  CHECK(wait->after == EventId{17});
  for (const std::string query : {"wait=11m", "wait=soon", "until=started", "after=-1", "after=x", "w=1"}) {
    CAPTURE(query);
    CHECK(wait_request_from(request_of("/?" + query)).error().code == "bad_query");
  }
}

}  // namespace
}  // namespace ndr
