#include "supervisor/campaign/case_registry.hpp"

#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/evidence_json.hpp"
#include "storage/log_file.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/case_analysis.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

struct Analysis {
  Refusal refused;  // with a reason: the logs could not be read
  std::string evidence_json;
  std::string signature_json;
  std::string findings_json;
  bool is_failure = false;
};

Analysis refused(Refusal refusal) {
  Analysis analysis;
  analysis.refused = std::move(refusal);
  return analysis;
}

Analysis analyze_logs(const CaseFolder& folder, const std::vector<fs::path>& logs,
                      const std::optional<fs::path>& repository) {
  auto extraction = read_case_logs(folder, logs);
  if (extraction.has_error()) return refused(extraction.error());
  const CaseAnalysis found = analyze_case(std::move(*extraction), repository);
  Analysis analysis;
  analysis.evidence_json = to_json_text(found.extraction.evidence);
  analysis.signature_json = to_json_text(found.extraction.signature);
  analysis.findings_json = findings_json_text(parts_of(found));
  analysis.is_failure = found.extraction.evidence.is_failure;
  return analysis;
}

/// Also where it cannot be looked at: then nobody can say that it has moved.
bool is_there(const fs::path& folder) {
  std::error_code error;
  return fs::symlink_status(folder, error).type() != fs::file_type::not_found;
}

EventRow case_event(const CaseRow& row, std::string_view state, const std::string& note, std::int64_t at_ms) {
  EventRow event;
  event.at_ms = at_ms;
  event.type = "case.state";
  event.subject = row.name;
  event.body = json_text(nlohmann::ordered_json{{"name", row.name}, {"state", state}, {"note", note}});
  return event;
}

}  // namespace

CaseRegistry::CaseRegistry(const Settings& settings, StoreAccess& store, Launcher& launcher)
    : settings_(settings), store_(store), writer_(launcher) {}

asio::awaitable<Checked<CaseRow>> CaseRegistry::add(fs::path folder, std::string owner) {
  Checked<CaseFolder> found = find_case_folder(folder, settings_.case_roots, settings_.allow_network_file_systems);
  if (found.has_error()) co_return found.error();
  CaseRow row;
  row.name = found->root().filename().string();
  row.folder = found->root().string();
  row.owner = std::move(owner);
  row.created_at_ms = wall_ms();
  const auto find = [&row](Store& store) { return store.cases.find(row.name); };
  const std::optional<CaseRow> known = co_await store_.read(find);
  if (known && known->folder == row.folder) co_return *known;
  if (known && is_there(known->folder))
    co_return Refusal{"folder", "a case " + row.name + " is registered from " + known->folder,
                      "rename one of the two folders"};
  const Checked<CaseSettings> own = read_case_settings(*found);
  if (own.has_error()) co_return own.error();
  const Checked<void> writable = co_await writer_.check_writable(*found);
  if (writable.has_error()) co_return writable.error();
  const Checked<void> script = check_run_script(*found);
  const std::string note = script.has_error() ? to_text(script.error()) : std::string{};
  if (known) {
    const auto move = [&row, id = known->id](Store& store) {
      store.cases.move(id, row.folder);
      store.events.append(case_event(row, "moved", "to " + row.folder, row.created_at_ms));
      return store.cases.find(id).value();
    };
    co_return co_await store_.write(move);
  }
  const auto insert = [&row, &note](Store& store) {
    // Somebody may have added it while the folder was tried.
    if (const auto meanwhile = store.cases.find(row.name)) return *meanwhile;
    row.id = store.cases.insert(row);
    store.events.append(case_event(row, "added", note, row.created_at_ms));
    return row;
  };
  CaseRow stored = co_await store_.write(insert);
  if (!note.empty()) log_warning("case {}: {}", row.name, note);
  co_return stored;
}

asio::awaitable<Checked<CaseRow>> CaseRegistry::analyze(std::string case_name) {
  const auto find = [&case_name](Store& store) { return store.cases.find(case_name); };
  std::optional<CaseRow> row = co_await store_.read(find);
  if (!row) co_return Refusal{"case", "there is no case " + case_name, "add its folder first"};
  Checked<CaseFolder> found = find_case_folder(row->folder, settings_.case_roots, settings_.allow_network_file_systems);
  if (found.has_error()) co_return found.error();
  Checked<std::vector<fs::path>> logs = ci_logs(*found);
  if (logs.has_error()) co_return logs.error();
  const Checked<CaseSettings> settings = read_case_settings(*found);
  if (settings.has_error()) co_return settings.error();
  std::optional<fs::path> repository;
  if (!settings->repository.empty()) repository = settings->repository;
  auto work = [folder = *found, names = *logs, repository] { return analyze_logs(folder, names, repository); };
  const Analysis analysis = co_await pool_.run(std::move(work));
  if (!analysis.refused.reason.empty()) co_return analysis.refused;
  std::string file = fs::relative(found->evidence(), found->root()).string();
  std::string text = analysis.evidence_json + "\n";
  const Checked<void> written = co_await writer_.write(*found, std::move(file), std::move(text), std::nullopt);
  if (written.has_error()) co_return written.error();
  const auto save = [&row, &analysis](Store& store) {
    const std::int64_t now = wall_ms();
    store.cases.save_analysis(row->id, analysis.evidence_json, analysis.signature_json, now);
    store.cases.save_findings(row->id, analysis.findings_json);
    store.events.append(case_event(*row, "analyzed", analysis.is_failure ? "" : "the CI logs show no failure", now));
    return store.cases.find(row->id).value();
  };
  CaseRow stored = co_await store_.write(save);
  co_return stored;
}

}  // namespace ndr
