#include "storage/generated_files.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "analyzer/evidence/text.hpp"
#include "analyzer/stress/recipe.hpp"
#include "storage/atomic_file.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_file = 16u << 20;
constexpr const char* record_path = ".ndrepro/generated.json";

std::optional<std::string> text_of(const fs::path& file) {
  try {
    return read_file(file, largest_file);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory || error.code() == std::errc::not_a_directory)
      return std::nullopt;
    throw;
  }
}

struct Span {
  std::size_t begin = 0;
  std::size_t end = 0;
};
// The results, their markers included; nothing where there is no whole block.
std::optional<Span> results_in(const std::string& page) {
  const std::size_t begin = page.find(results_begin);
  const std::size_t end = begin == std::string::npos ? begin : page.find(results_end, begin);
  if (end == std::string::npos) return std::nullopt;
  return Span{begin, end + results_end.size()};
}

// What counts as the same text: a page without its results, a script without its recipe.
std::string hash_of(const std::string& text) {
  const auto results = results_in(text);
  return content_hash(results ? text.substr(0, results->begin) + text.substr(results->end) : without_recipe(text));
}

std::string with_results_of(const std::string& old_page, std::string page) {
  const auto from = results_in(old_page);
  const auto into = results_in(page);
  if (from && into) page.replace(into->begin, into->end - into->begin, old_page, from->begin, from->end - from->begin);
  return page;
}

// What `ndreproctl case new` leaves to be filled in, and nobody has.
bool is_skeleton(const std::string& text) {
  return contains(text, "run_test.sh: not filled in yet: ") ||
         contains(text, "What failed, where and when: link the CI job. Its logs belong into logs/.");
}

// path -> hash of what was generated; a record that cannot be understood is none.
std::map<std::string, std::string> recorded(const CaseFolder& folder) {
  std::map<std::string, std::string> hashes;
  const auto text = text_of(folder.root() / record_path);
  const auto record = json_from(text.value_or(""));
  if (!record.is_object()) return hashes;
  for (const auto& [path, hash] : record.items()) {
    if (hash.is_string()) hashes[path] = hash.get<std::string>();
  }
  return hashes;
}

}  // namespace

std::string_view to_text(WriteKind kind) {
  switch (kind) {
    case WriteKind::created:
      return "created";
    case WriteKind::updated:
      return "updated";
    case WriteKind::unchanged:
      return "unchanged";
    case WriteKind::kept:
      return "kept";
  }
  return "kept";
}

std::vector<FileWrite> plan_writes(const CaseFolder& folder, const std::vector<GeneratedFile>& files) {
  std::map<std::string, std::string> hashes = recorded(folder);
  std::vector<FileWrite> writes;
  for (const GeneratedFile& file : files) {
    FileWrite write{file.path, file.path, file.text, file.is_executable, WriteKind::created};
    if (const auto there = text_of(folder.root() / file.path)) {
      write.text = with_recipe_block(with_results_of(*there, file.text), recipe_block_of(*there));
      const auto known = hashes.find(file.path);
      const bool is_ours = (known != hashes.end() && known->second == hash_of(*there)) || is_skeleton(*there);
      write.kind = *there == write.text ? WriteKind::unchanged : is_ours ? WriteKind::updated : WriteKind::kept;
    }
    if (write.kind == WriteKind::kept)
      write.path += ".new";
    else
      hashes[file.path] = hash_of(write.text);
    writes.push_back(std::move(write));
  }
  nlohmann::ordered_json record = nlohmann::ordered_json::object();
  for (const auto& [path, hash] : hashes)
    record[path] = hash;
  writes.push_back({record_path, record_path, dump_json(record), false, WriteKind::updated});
  return writes;
}

std::string generation_json_text(const std::vector<FileWrite>& writes, const std::vector<PlannedVariable>& variables) {
  nlohmann::ordered_json files = nlohmann::ordered_json::array();
  for (const FileWrite& write : writes) {
    if (!write.is_record()) files.push_back({{"path", write.path}, {"outcome", to_text(write.kind)}});
  }
  nlohmann::ordered_json left = nlohmann::ordered_json::array();
  for (const PlannedVariable& variable : variables) {
    if (variable.fate != VariableFate::exported)
      left.push_back({{"name", variable.name},
                      {"fate", to_text(variable.fate)},
                      {"reason", variable.reason},
                      {"place", variable.place}});
  }
  return dump_json({{"files", files}, {"variables_not_exported", left}});
}

}  // namespace ndr
