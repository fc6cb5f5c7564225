#include <sys/statvfs.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "analyzer/utf8.hpp"
#include "api/embedded.hpp"
#include "api/handlers.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"
#include "storage/record_json.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::uint64_t disk_floor_bytes = 64ull << 20;  // below, the database may not be able to commit

Json check_of(bool good, const std::string& reason) { return Json{{"ready", good}, {"reason", to_utf8(reason)}}; }

Json disk_check(const std::filesystem::path& folder) {
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return check_of(false, folder.string() + " is not there");
  const std::uint64_t free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  const std::string text = std::to_string(free_bytes >> 20) + " MiB free at " + folder.string();
  return check_of(free_bytes >= disk_floor_bytes, text);
}

Json roots_check(const std::vector<std::filesystem::path>& roots) {
  for (const std::filesystem::path& root : roots)
    if (::access(root.c_str(), R_OK | X_OK) != 0) return check_of(false, root.string() + " cannot be read");
  if (roots.empty()) return check_of(false, "no case root is configured");
  return check_of(true, std::to_string(roots.size()) + " case roots can be read");
}

Json shim_check(const std::filesystem::path& shim) {
  const bool good = ::access(shim.c_str(), X_OK) == 0;
  return check_of(good, shim.string() + (good ? " can be started" : " cannot be started"));
}

struct CountRows {
  struct Counts {
    std::vector<std::pair<std::string, std::int64_t>> campaigns;
    std::int64_t attempts;
  };
  Counts operator()(Store& store) const {
    return {store.campaigns.counts(), static_cast<std::int64_t>(store.attempts.unfinished().size())};
  }
};

void write_own(MetricsText& text, const Metrics& metrics) {
  text.family("ndreprod_http_requests_total", "counter", "Requests answered, by route and status.");
  for (const auto& [labels, count] : metrics.requests)
    text.sample({{"route", labels.first}, {"code", std::to_string(labels.second)}}, static_cast<std::int64_t>(count));
  text.family("ndreprod_http_connections", "gauge", "Connections that are open.");
  text.sample({}, metrics.connections);
  text.family("ndreprod_sse_clients", "gauge", "Clients that listen to events.");
  text.sample({}, metrics.event_clients);
}

}  // namespace

Answering get_root(Api& api, const Request& request) {
  if (auto problem = check_query(request, {})) co_return *problem;
  Json root;
  root["name"] = "ndreprod";
  root["version"] = NDREPRO_VERSION;
  root["api"] = "v1";
  root["started_at"] = to_rfc3339(api.services.started_at_ms);
  root["started_at_ms"] = api.services.started_at_ms;
  root["identity"] = request.identity;
  root["capabilities"] = {"events", "long-poll", "log-range", "log-follow", "idempotency-key"};
  root["links"] = {{"cases", "/v1/cases"}, {"campaigns", "/v1/campaigns"}, {"boards", "/v1/boards"},
                   {"arms", "/v1/arms"},   {"events", "/v1/events"},       {"openapi", "/v1/openapi.json"},
                   {"ready", "/readyz"}};
  co_return json_reply(json_text(root));
}

Answering get_openapi(Api&, const Request&) { co_return json_reply(std::string{api_files().at("openapi.json")}); }

Answering get_healthz(Api&, const Request&) { co_return json_reply(R"({"alive":true})"); }

Answering get_readyz(Api& api, const Request&) {
  const Settings& settings = api.services.settings;
  const LastEvent last;
  co_await api.services.store.read(last);  // throws when the database is broken
  Json checks;
  checks["database"] = check_of(true, "answers");
  checks["disk"] = disk_check(settings.state_folder);
  checks["case_roots"] = roots_check(settings.case_roots);
  checks["shim"] = shim_check(settings.shim);
  bool ready = true;
  for (const auto& [name, check] : checks.items())
    ready = ready && check["ready"].get<bool>();
  const Json whole{{"ready", ready}, {"checks", checks}};
  co_return json_reply(json_text(whole), ready ? 200 : 503);
}

Answering get_metrics(Api& api, const Request&) {
  const CountRows work;
  const CountRows::Counts counts = co_await api.services.store.read(work);
  MetricsText text;
  text.family("ndreprod_build_info", "gauge", "What runs; always 1.");
  text.sample({{"version", NDREPRO_VERSION}}, 1);
  text.family("ndreprod_campaigns", "gauge", "Campaigns by outcome, or by state while they have none.");
  for (const auto& [name, count] : counts.campaigns)
    text.sample({{"outcome", name}}, count);
  text.family("ndreprod_active_attempts", "gauge", "Attempts without a verdict.");
  text.sample({}, counts.attempts);
  write_own(text, api.metrics);
  Reply reply;
  reply.headers.push_back({"Content-Type", "text/plain; version=0.0.4; charset=utf-8"});
  reply.body = text.text();
  co_return reply;
}

}  // namespace ndr
