#include "supervisor/campaign/case_registry.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "storage/generated_files.hpp"
#include "storage/lint_json.hpp"
#include "storage/log_file.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/case_analysis.hpp"
#include "supervisor/case_generation.hpp"
#include "supervisor/case_lint.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

Analysis refused(Refusal refusal) {
  Analysis analysis;
  analysis.refused = std::move(refusal);
  return analysis;
}

Analysis analysis_of(const CaseAnalysis& found) {
  Analysis analysis;
  analysis.evidence_json = to_json_text(found.extraction.evidence);
  analysis.signature_json = to_json_text(found.extraction.signature);
  analysis.findings_json = findings_json_text(parts_of(found));
  analysis.is_failure = found.extraction.evidence.is_failure;
  return analysis;
}

Analysis analyze_logs(const CaseFolder& folder, const std::vector<fs::path>& logs,
                      const std::optional<fs::path>& repository) {
  auto extraction = read_case_logs(folder, logs);
  if (extraction.has_error()) return refused(extraction.error());
  return analysis_of(analyze_case(std::move(*extraction), repository));
}

Checked<CaseRegistry::Linted> lint_files(const CaseFolder& folder, const CaseSettings& settings) {
  const auto found = lint_case(folder, settings);
  if (found.has_error()) return found.error();
  const std::string name = folder.root().filename().string();
  return CaseRegistry::Linted{lint_json_text(found->findings, found->skipped),
                              brief_markdown(parts_of(found->analysis), name, found->findings)};
}

struct GeneratedFiles {
  Refusal refused;
  Analysis analysis;
  std::vector<FileWrite> writes;
  std::string json;
};

GeneratedFiles generate_files(const CaseFolder& folder, const CaseSettings& settings) {
  auto found = generate_case(folder, settings);
  if (found.has_error()) return {found.error(), {}, {}, ""};
  std::string files = generation_json_text(found->writes, found->plan.variables);
  return {{}, analysis_of(found->analysis), std::move(found->writes), std::move(files)};
}

// Of case.yaml, empty where there is none; and what the writer is to find there.
std::string settings_text(const fs::path& file) {
  std::error_code error;
  return fs::exists(file, error) ? read_file(file, 64u << 10) : std::string{};
}
std::string hash_of(const std::string& text) { return text.empty() ? std::string{} : content_hash(text); }

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

asio::awaitable<Checked<CaseRegistry::KnownCase>> CaseRegistry::known(std::string case_name) {
  const auto find = [&case_name](Store& store) { return store.cases.find(case_name); };
  std::optional<CaseRow> row = co_await store_.read(find);
  if (!row) co_return Refusal{"case", "there is no case " + case_name, "add its folder first"};
  Checked<CaseFolder> found = find_case_folder(row->folder, settings_.case_roots, settings_.allow_network_file_systems);
  if (found.has_error()) co_return found.error();
  Checked<CaseSettings> settings = read_case_settings(*found);
  if (settings.has_error()) co_return settings.error();
  co_return KnownCase{std::move(*row), std::move(*found), std::move(*settings)};
}

asio::awaitable<Checked<CaseRow>> CaseRegistry::save(KnownCase of_case, Analysis analysis) {
  const CaseFolder& folder = of_case.folder;
  std::string file = fs::relative(folder.evidence(), folder.root()).string();
  std::string text = analysis.evidence_json + "\n";
  const Checked<void> written = co_await writer_.write(folder, std::move(file), std::move(text), std::nullopt);
  if (written.has_error()) co_return written.error();
  const auto store = [&of_case, &analysis](Store& rows) {
    const std::int64_t now = wall_ms();
    const CaseId id = of_case.row.id;
    rows.cases.save_analysis(id, analysis.evidence_json, analysis.signature_json, now);
    rows.cases.save_findings(id, analysis.findings_json);
    const std::string note = analysis.is_failure ? "" : "the CI logs show no failure";
    rows.events.append(case_event(of_case.row, "analyzed", note, now));
    return rows.cases.find(id).value();
  };
  CaseRow stored = co_await store_.write(store);
  co_return stored;
}

asio::awaitable<Checked<CaseRow>> CaseRegistry::analyze(std::string case_name) {
  Checked<KnownCase> found = co_await known(std::move(case_name));
  if (found.has_error()) co_return found.error();
  Checked<std::vector<fs::path>> logs = ci_logs(found->folder);
  if (logs.has_error()) co_return logs.error();
  auto work = [folder = found->folder, names = *logs, repository = checkout_of(found->folder, found->settings)] {
    return analyze_logs(folder, names, repository);
  };
  Analysis analysis = co_await pool_.run(std::move(work));
  if (!analysis.refused.reason.empty()) co_return analysis.refused;
  co_return co_await save(std::move(*found), std::move(analysis));
}

asio::awaitable<Checked<void>> CaseRegistry::remember_repository(const KnownCase& of_case) {
  const fs::path file = of_case.folder.settings();
  const std::string text = settings_text(file);
  std::string changed = with_repository(text, of_case.settings.repository);
  co_return co_await writer_.write(of_case.folder, file.filename().string(), std::move(changed), hash_of(text));
}

asio::awaitable<Checked<CaseRegistry::Generated>> CaseRegistry::generate(std::string case_name,
                                                                         std::optional<std::string> repository) {
  Checked<KnownCase> found = co_await known(std::move(case_name));
  if (found.has_error()) co_return found.error();
  const std::string known_repository = found->settings.repository;
  if (repository) {
    const auto named = name_repository(found->folder, found->settings, std::move(*repository));
    if (named.has_error()) co_return named.error();
  }
  auto work = [folder = found->folder, settings = found->settings] { return generate_files(folder, settings); };
  GeneratedFiles files = co_await pool_.run(std::move(work));
  if (!files.refused.reason.empty()) co_return files.refused;
  for (FileWrite& write : files.writes) {
    if (write.kind == WriteKind::unchanged) continue;
    const auto written = co_await writer_.write(found->folder, write.path, write.text, std::nullopt);
    if (written.has_error()) co_return written.error();
  }
  const KnownCase of_case = *found;
  if (of_case.settings.repository != known_repository) {
    const auto remembered = co_await remember_repository(of_case);
    if (remembered.has_error()) co_return remembered.error();
  }
  const Checked<CaseRow> row = co_await save(of_case, std::move(files.analysis));
  if (row.has_error()) co_return row.error();
  co_return Generated{*row, std::move(files.json)};
}

asio::awaitable<Checked<CaseRegistry::Linted>> CaseRegistry::lint(std::string case_name) {
  const Checked<KnownCase> found = co_await known(std::move(case_name));
  if (found.has_error()) co_return found.error();
  auto work = [folder = found->folder, settings = found->settings] { return lint_files(folder, settings); };
  co_return co_await pool_.run(std::move(work));
}

asio::awaitable<Checked<void>> CaseRegistry::approve(std::string case_name, std::string variable) {
  const Checked<KnownCase> found = co_await known(std::move(case_name));
  if (found.has_error()) co_return found.error();
  const auto& approved = found->settings.approved;
  if (std::find(approved.begin(), approved.end(), variable) != approved.end()) co_return Checked<void>{};
  const fs::path file = found->folder.settings();
  const std::string text = settings_text(file);
  Checked<std::string> changed = with_approval(text, variable, file.string());
  if (changed.has_error()) co_return changed.error();
  co_return co_await writer_.write(found->folder, file.filename().string(), std::move(*changed), hash_of(text));
}

}  // namespace ndr
