#include "daemon/generate_command.hpp"

#include <nlohmann/json.hpp>
#include <ostream>
#include <system_error>

#include "analyzer/utf8.hpp"
#include "storage/atomic_file.hpp"
#include "storage/strict_json.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/case_generation.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Checked<CaseGeneration> generate(const GenerateOptions& options) {
  std::error_code error;
  const fs::path root = fs::canonical(options.folder, error);
  if (error || !fs::is_directory(root))
    return Refusal{options.folder.string(), "is no folder", "give a case folder: one that holds logs/"};
  const CaseFolder folder{root};
  auto settings = read_case_settings(folder);
  if (settings.has_error()) return settings.error();
  if (options.repository) settings->repository = fs::absolute(*options.repository).lexically_normal().string();
  return generate_case(folder, *settings);
}

void write(const fs::path& root, const FileWrite& file) {
  const fs::path path = root / file.path;
  fs::create_directories(path.parent_path());
  write_file_atomically(path, file.text, file.is_executable ? 0755 : 0644);
}

Json json_of(const CaseGeneration& generation) {
  Json files = Json::array();
  for (const FileWrite& file : generation.writes) {
    if (!file.target.starts_with(".ndrepro/")) files.push_back({{"path", file.path}, {"outcome", to_text(file.kind)}});
  }
  Json variables = Json::array();
  for (const PlannedVariable& variable : generation.plan.variables) {
    if (variable.fate != VariableFate::exported)
      variables.push_back({{"name", variable.name},
                           {"fate", to_text(variable.fate)},
                           {"reason", variable.reason},
                           {"place", variable.place}});
  }
  return {{"files", files}, {"variables_not_exported", variables}};
}

void print(const CaseGeneration& generation, std::ostream& out) {
  for (const FileWrite& file : generation.writes) {
    if (file.target.starts_with(".ndrepro/")) continue;
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

}  // namespace

int generate_command(const GenerateOptions& options, std::ostream& out, std::ostream& err) {
  const auto generation = generate(options);
  if (generation.has_error()) {
    err << "ndreprod generate: " << printable(to_text(generation.error())) << '\n';
    return 2;
  }
  const fs::path root = fs::canonical(options.folder);
  for (const FileWrite& file : generation->writes) {
    if (file.kind != WriteKind::unchanged) write(root, file);
  }
  if (options.json)
    out << dump_json(json_of(*generation));
  else
    print(*generation, out);
  out.flush();
  return out ? 0 : 2;
}

}  // namespace ndr
