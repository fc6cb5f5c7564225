#include "daemon/generate_command.hpp"

#include <algorithm>
#include <ostream>
#include <system_error>

#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"
#include "storage/lint_json.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/case_generation.hpp"
#include "supervisor/case_lint.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

struct NamedCase {
  CaseFolder folder;
  CaseSettings settings;
};

Checked<NamedCase> named_case(const GenerateOptions& options) {
  std::error_code error;
  const fs::path root = fs::canonical(options.folder, error);
  if (error || !fs::is_directory(root))
    return Refusal{options.folder.string(), "is no folder", "give a case folder: one that holds logs/"};
  auto settings = read_case_settings(CaseFolder{root});
  if (settings.has_error()) return settings.error();
  if (options.repository) settings->repository = fs::absolute(*options.repository).lexically_normal().string();
  return NamedCase{CaseFolder{root}, std::move(*settings)};
}

int refuse(const char* command, const Refusal& refusal, std::ostream& err) {
  err << "ndreprod " << command << ": " << printable(to_text(refusal)) << '\n';
  return 2;
}

void write(const fs::path& root, const FileWrite& file) {
  const fs::path path = root / file.path;
  fs::create_directories(path.parent_path());
  write_file_atomically(path, file.text, file.is_executable ? 0755 : 0644);
}

void print(const CaseGeneration& generation, std::ostream& out) {
  for (const FileWrite& file : generation.writes) {
    if (file.is_record()) continue;
    out << to_text(file.kind) << " " << printable(file.path);
    if (file.kind == WriteKind::kept) out << "   (" << printable(file.target) << " was edited by hand and stays)";
    out << '\n';
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
  for (const Refusal& problem : result.analysis.problems)
    out << "problem: " << printable(to_text(problem)) << '\n';
  const auto count = [&](Severity severity) {
    return std::count_if(result.findings.begin(), result.findings.end(),
                         [&](const auto& f) { return f.severity == severity; });
  };
  out << count(Severity::error) << " errors, " << count(Severity::warning) << " warnings, " << count(Severity::note)
      << " notes\n";
}

}  // namespace

int generate_command(const GenerateOptions& options, std::ostream& out, std::ostream& err) {
  const auto found = named_case(options);
  if (found.has_error()) return refuse("generate", found.error(), err);
  const auto generation = generate_case(found->folder, found->settings);
  if (generation.has_error()) return refuse("generate", generation.error(), err);
  for (const FileWrite& file : generation->writes) {
    if (file.kind != WriteKind::unchanged) write(found->folder.root(), file);
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
