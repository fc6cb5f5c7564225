#include "supervisor/campaign/case_registry.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

#include "analyzer/evidence/extract.hpp"
#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/case_analysis.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t piece_size = 256u << 10;
constexpr std::size_t looked_at = 64u << 10;  // of a file's start, to tell text from other things

struct Analysis {
  Refusal refused;  // with a reason: the logs could not be read
  std::string evidence_json;
  std::string signature_json;
  std::string findings_json;
  bool is_failure = false;
};

/// The next piece of the file; empty at its end.
std::string_view read_piece(const UniqueFd& file, std::string& buffer, const fs::path& log) {
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got >= 0) return std::string_view{buffer}.substr(0, static_cast<std::size_t>(got));
    if (errno != EINTR) throw std::system_error{errno, std::generic_category(), "read " + log.string()};
  }
}

/// A tenth of control bytes is beyond any terminal's output: an archive, a screenshot, UTF-16.
bool is_text(std::string_view start) {
  const auto strange = std::count_if(start.begin(), start.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0 || byte == 0x7f || (byte < 0x20 && byte != '\n' && byte != '\r' && byte != '\t' && byte != 0x1b);
  });
  return static_cast<std::size_t>(strange) * 10 <= start.size();
}

/// Bytes fed; nothing where it is no text.
std::optional<std::uint64_t> feed_log(const UniqueFd& root, const fs::path& log, EvidenceExtractor& extractor) {
  const UniqueFd file = open_beneath(root, log, O_RDONLY | O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
    throw std::system_error{EINVAL, std::generic_category(), "read " + log.string()};
  extractor.begin_file(log.string());
  std::string buffer(piece_size, '\0');
  std::uint64_t fed = 0;
  for (std::string_view piece = read_piece(file, buffer, log); !piece.empty(); piece = read_piece(file, buffer, log)) {
    if (fed == 0 && !is_text(piece.substr(0, looked_at))) return std::nullopt;
    extractor.feed(piece);
    fed += piece.size();
  }
  return fed;
}

Analysis refused(const fs::path& log, std::string reason, std::string remedy) {
  Analysis analysis;
  analysis.refused = {log.string(), std::move(reason), std::move(remedy)};
  return analysis;
}

Analysis analyze_logs(const CaseFolder& folder, const std::vector<fs::path>& logs,
                      const std::optional<fs::path>& repository) {
  EvidenceExtractor extractor;
  std::uint64_t fed = 0;
  for (const fs::path& log : logs) {
    try {
      const UniqueFd root{::open(folder.root().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
      if (!root) throw std::system_error{errno, std::generic_category(), "open " + folder.root().string()};
      const auto bytes = feed_log(root, log, extractor);
      if (!bytes) return refused(log, "is no text", "save CI's log as text (UTF-8), and other files outside logs/");
      fed += *bytes;
    } catch (const std::system_error& error) {
      return refused(log, "cannot be read: " + error.code().message(), "let the daemon's account read it");
    }
  }
  if (fed == 0) return refused(folder.logs(), "holds only empty files", "put CI's log of the failure there");
  const CaseAnalysis found = analyze_case(extractor.finish(), repository);
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
