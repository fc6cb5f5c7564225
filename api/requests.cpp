#include "api/requests.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "api/query.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using nlohmann::json;

Problem invalid(Refusal refusal, const std::string& known) {
  if (refusal.remedy.empty() && !known.empty()) refusal.remedy = "members are: " + known;
  return problem_of(refusal, "invalid_body");
}

Answer<json> json_from(const std::string& body) {
  if (body.empty()) return {boost::system::in_place_value, json::object()};
  auto parsed = parse_json(body);
  if (!parsed) return problem_of(parsed.error(), "bad_json");
  return {boost::system::in_place_value, std::move(*parsed)};
}

void read_mode(JsonFields& fields, CampaignMode& mode) {
  if (!fields.has("mode")) return;
  std::string text;
  fields.text("mode", text);
  if (const auto named = campaign_mode_from(text);
      named && *named != CampaignMode::verify && *named != CampaignMode::replay)
    mode = *named;
  else
    fields.refuse({fields.pointer_to("mode"), "\"" + text + "\" is not a mode", "give quick or soak"});
}

void read_budget(JsonFields& fields, std::int64_t& budget_ms) {
  const bool in_ms = fields.has("budget_ms");
  if (in_ms) fields.integer("budget_ms", budget_ms, 1);
  if (!fields.has("budget")) return;
  std::string text;
  fields.text("budget", text);
  const auto duration = duration_from(text);
  if (in_ms)
    fields.refuse({fields.pointer_to("budget"), "stands beside budget_ms", "give one of the two"});
  else if (!duration || duration->count() == 0)
    fields.refuse(
        {fields.pointer_to("budget"), "\"" + text + "\" is not a duration", "give one such as 90s, 5m or 2h"});
  else
    budget_ms = duration->count();
}

// A number above 2^53 would be rounded by many clients, so a string is taken too.
void read_seed(JsonFields& fields, const json& body, std::optional<std::uint64_t>& seed) {
  if (!fields.has("seed")) return;
  std::uint64_t value = 0;
  if (!body["seed"].is_string()) {
    fields.natural("seed", value);
    seed = value;
    return;
  }
  std::string text;
  fields.text("seed", text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    fields.refuse({fields.pointer_to("seed"), "\"" + text + "\" is not a number", "give one from 0 to 2^64-1"});
  seed = value;
}

void read_campaign(JsonFields& fields, std::optional<CampaignId>& campaign) {
  if (!fields.has("against")) return;
  std::string text;
  std::int64_t id = 0;
  fields.text("against", text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc{} || end != text.data() + text.size() || id < 1)
    fields.refuse({fields.pointer_to("against"), "\"" + text + "\" is no campaign", "give its id as text"});
  campaign = CampaignId{id};
}

void read_risk(JsonFields& fields, const json& body, double& risk) {
  if (!fields.has("risk")) return;
  if (!body["risk"].is_number())
    fields.refuse({fields.pointer_to("risk"), "is no number", "give a share such as 0.05"});
  else
    risk = body["risk"].get<double>();
}

}  // namespace

Answer<std::filesystem::path> case_folder_from(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  std::string folder;
  fields.text("folder", folder, 4096);
  if (!folder.empty() && folder.front() != '/')
    fields.refuse({fields.pointer_to("folder"), "must be absolute", "give the whole path of the case folder"});
  if (auto refusal = fields.refusal()) return invalid(*refusal, "folder");
  return {boost::system::in_place_value, folder};
}

Answer<std::optional<std::string>> repository_from(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  std::string path;
  const bool is_given = fields.has("repository");
  if (is_given) fields.text("repository", path, 4096);
  if (is_given && !path.starts_with('/'))
    fields.refuse({fields.pointer_to("repository"), "must be absolute", "give the whole path of the checkout"});
  if (auto refusal = fields.refusal()) return invalid(*refusal, "repository");
  return {boost::system::in_place_value, is_given ? std::optional{path} : std::nullopt};
}

Answer<std::string> variable_from(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  std::string name;
  fields.text("name", name, 256);
  if (auto refusal = fields.refusal()) return invalid(*refusal, "name");
  return {boost::system::in_place_value, name};
}

Answer<CampaignRequest> campaign_request_from(const std::string& body, std::int64_t quick_ms) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  CampaignRequest wanted;
  wanted.budget_ms = 0;
  read_mode(fields, wanted.mode);
  read_budget(fields, wanted.budget_ms);
  read_seed(fields, *parsed, wanted.seed);
  if (fields.has("confirmations")) fields.integer("confirmations", wanted.confirmations, 1, 20);
  if (fields.has("boards")) fields.texts("boards", wanted.boards, 64);
  if (auto refusal = fields.refusal()) return invalid(*refusal, "mode, budget, budget_ms, seed, confirmations, boards");
  constexpr std::int64_t hour_ms = 3'600'000;
  if (wanted.budget_ms == 0) wanted.budget_ms = wanted.mode == CampaignMode::soak ? hour_ms : quick_ms;
  return wanted;
}

Answer<VerifyRequest> verify_request_from(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  VerifyRequest wanted;
  read_budget(fields, wanted.budget_ms);
  read_seed(fields, *parsed, wanted.seed);
  read_campaign(fields, wanted.against);
  read_risk(fields, *parsed, wanted.risk);
  if (fields.has("fixed")) fields.text("fixed", wanted.fixed, 4096);
  if (fields.has("broken")) fields.text("broken", wanted.broken, 4096);
  if (auto refusal = fields.refusal())
    return invalid(*refusal, "against, risk, fixed, broken, budget, budget_ms, seed");
  return wanted;
}

Answer<ReplayRequest> replay_request_from(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  ReplayRequest wanted;
  if (fields.has("times")) fields.integer("times", wanted.times, 1, 1000);
  if (auto refusal = fields.refusal()) return invalid(*refusal, "times");
  return wanted;
}

Answer<ResetRequest> reset_request_from(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  ResetRequest wanted;
  if (fields.has("force")) fields.flag("force", wanted.force);
  if (auto refusal = fields.refusal()) return invalid(*refusal, "force");
  return wanted;
}

std::optional<Problem> check_empty(const std::string& body) {
  const auto parsed = json_from(body);
  if (!parsed) return parsed.error();
  JsonFields fields{*parsed};
  if (auto refusal = fields.refusal()) {
    refusal->remedy = "send {} or no body";
    return invalid(*refusal, "");
  }
  return std::nullopt;
}

Answer<WaitRequest> wait_request_from(const Request& request) {
  if (auto problem = check_query(request, {"wait", "until", "after"})) return *problem;
  WaitRequest wanted;
  constexpr std::chrono::minutes longest{10};
  if (const auto text = request.query("wait")) {
    const auto limit = duration_from(*text);
    if (!limit || *limit > longest)
      return bad_query("wait", "\"" + *text + "\" is not a time to wait", "give one up to 10m, such as 30s");
    wanted.limit = *limit;
  }
  const std::string until = request.query("until").value_or("");
  if (!until.empty() && until != "finished")
    return bad_query("until", "\"" + until + "\" is not waited for", "give finished, or leave it out for any change");
  wanted.until_finished = until == "finished";
  const auto after = query_number(request, "after", 0, INT64_MAX, -1);
  if (!after) return after.error();
  if (*after >= 0) wanted.after = EventId{*after};
  return wanted;
}

Answer<int> limit_from(const Request& request) {
  const auto limit = query_number(request, "limit", 1, 500, 50);
  if (!limit) return limit.error();
  return static_cast<int>(*limit);
}

}  // namespace ndr
