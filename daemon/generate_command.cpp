#include "daemon/generate_command.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <ostream>
#include <system_error>

#include "analyzer/printed_text.hpp"
#include "storage/atomic_file.hpp"
#include "storage/lint_json.hpp"
#include "storage/unique_fd.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/case_generation.hpp"
#include "supervisor/case_lint.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

struct NamedCase {
  CaseFolder folder;
  CaseSettings settings;
  bool is_new_repository = false;  // case.yaml does not name it yet
};

Checked<NamedCase> named_case(const GenerateOptions& options) {
  std::error_code error;
  const fs::path root = fs::canonical(options.folder, error);
  if (error || !fs::is_directory(root))
    return Refusal{options.folder.string(), "is no folder", "give a case folder: one that holds logs/"};
  if (!is_case_name(root.filename().string()))
    return Refusal{root.string(), "has a name that no case may have",
                   "use a-z, 0-9, dot, dash and underscore, at most 64 of them"};
  auto settings = read_case_settings(CaseFolder{root});
  if (settings.has_error()) return settings.error();
  NamedCase found{CaseFolder{root}, std::move(*settings)};
  if (!options.repository) return found;
  const std::string known = found.settings.repository;
  const auto named = name_repository(found.folder, found.settings, fs::absolute(*options.repository));
  if (named.has_error()) return named.error();
  found.is_new_repository = found.settings.repository != known;
  return found;
}

int refuse(const char* command, const Refusal& refusal, std::ostream& err) {
  err << "ndreprod " << command << ": " << printable(to_text(refusal)) << '\n';
  return 2;
}

// Beneath the case, through no link.
void write(const UniqueFd& root, const FileWrite& file) {
  const fs::path path{file.path};
  const UniqueFd folder = make_folder_beneath(root, path.parent_path());
  write_file_atomically(folder, path.filename().string(), file.text, file.is_executable ? 0755 : 0644);
}

// What the command line named is there the next time too.
void remember_repository(const UniqueFd& root, const CaseFolder& folder, const std::string& repository) {
  const std::string name = folder.settings().filename().string();
  std::error_code error;
  const std::string text =
      fs::exists(folder.settings(), error) ? read_file(folder.settings(), 64u << 10) : std::string{};
  write_file_atomically(root, name, with_repository(text, repository), 0644);
}

void print(const CaseGeneration& generation, std::ostream& out) {
  for (const FileWrite& file : generation.writes) {
    if (file.is_record()) continue;
    if (file.kind == WriteKind::kept)
      out << "kept " << printable(file.target) << ", which was edited by hand; wrote " << printable(file.path) << '\n';
    else
      out << to_text(file.kind) << " " << printable(file.path) << '\n';
  }
  const Evidence& evidence = generation.analysis.extraction.evidence;
  for (const LogOutcome& log : evidence.logs) {
    if (log.is_failure && !log.same_failure && log.file < evidence.files.size())
      out << "note: " << printable(evidence.files[log.file]) << " shows another failure: give it a case of its own\n";
  }
  for (const PlannedVariable& variable : generation.plan.variables) {
    if (variable.fate != VariableFate::exported)
      out << to_text(variable.fate) << " " << printable(variable.name) << ": " << variable.reason << "   ["
          << printable(variable.place) << "]\n";
  }
  if (const auto& stress = generation.analysis.test.stress)
    out << (stress->is_slice ? "slice: " : "whole original: ") << stress->statements_kept << " of "
        << stress->statements << " statements\n";
}

void print_lint(const CaseLint& result, std::ostream& out) {
  for (const LintFinding& finding : result.findings) {
    out << to_text(finding.severity) << " " << printable(finding.file);
    if (finding.line > 0) out << ":" << finding.line;
    out << ": " << printable(finding.text) << " [" << finding.rule << "]; " << printable(finding.remedy) << '\n';
  }
  for (const std::string& tool : result.skipped)
    out << "skipped: " << tool << " is not installed\n";
  const auto count = [&](Severity severity) {
    return std::count_if(result.findings.begin(), result.findings.end(),
                         [&](const auto& f) { return f.severity == severity; });
  };
  const auto counted = [&](Severity severity) {
    const auto number = count(severity);
    return std::to_string(number) + " " + std::string{to_text(severity)} + (number == 1 ? "" : "s");
  };
  out << counted(Severity::error) << ", " << counted(Severity::warning) << ", " << counted(Severity::note) << '\n';
}

}  // namespace

int generate_command(const GenerateOptions& options, std::ostream& out, std::ostream& err) {
  const auto found = named_case(options);
  if (found.has_error()) return refuse("generate", found.error(), err);
  const auto generation = generate_case(found->folder, found->settings);
  if (generation.has_error()) return refuse("generate", generation.error(), err);
  try {
    const UniqueFd root{::open(found->folder.root().c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
    if (!root) throw std::system_error{errno, std::generic_category(), "open"};
    for (const FileWrite& file : generation->writes)
      write(root, file);
    if (found->is_new_repository) remember_repository(root, found->folder, found->settings.repository);
  } catch (const std::system_error& error) {
    const Refusal refusal{found->folder.root().string(), error.what(), "no part of it may be a link; is it writable?"};
    return refuse("generate", refusal, err);
  }
  if (options.json)
    out << generation_json_text(generation->writes, generation->plan.variables);
  else
    print(*generation, out);
  out.flush();
  return out ? 0 : 2;
}

int lint_command(const GenerateOptions& options, std::ostream& out, std::ostream& err) {
  const auto found = named_case(options);
  if (found.has_error()) return refuse("lint", found.error(), err);
  const auto result = lint_case(found->folder, found->settings);
  if (result.has_error()) return refuse("lint", result.error(), err);
  if (options.json)
    out << lint_json_text(result->findings, result->skipped);
  else
    print_lint(*result, out);
  out.flush();
  return !out ? 2 : result->has_errors() ? 1 : 0;
}

int brief_command(const GenerateOptions& options, std::ostream& out, std::ostream& err) {
  const auto found = named_case(options);
  if (found.has_error()) return refuse("brief", found.error(), err);
  const auto result = lint_case(found->folder, found->settings);
  if (result.has_error()) return refuse("brief", result.error(), err);
  out << brief_markdown(parts_of(result->analysis), found->folder.root().filename().string(), result->findings)
      << std::flush;
  return out ? 0 : 2;
}

}  // namespace ndr
