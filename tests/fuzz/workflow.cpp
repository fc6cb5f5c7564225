// A checkout's workflow, action, test configuration and script, all hostile: read to facts, and these written as JSON.
#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "analyzer/assert.hpp"
#include "analyzer/job/inspection.hpp"
#include "analyzer/job/job_search.hpp"
#include "analyzer/utf8.hpp"
#include "storage/inspection_json.hpp"
#include "tests/analyzer/job/source_tree_of.hpp"
#include "tests/fuzz/fuzz.hpp"

// The files of the checkout are cut at lines of "%%%".
void ndr::fuzz_one(std::string_view input) {
  constexpr std::array paths{".github/workflows/a.yaml", ".github/workflows/b.yaml",
                             ".github/actions/set-up/action.yml", "tests/lanes.yaml", "tests/run.sh"};
  std::map<std::string, std::string> files;
  for (const char* path : paths) {
    const auto end = input.find("%%%\n");
    files[path] = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 4);
  }
  const SourceTree tree = source_tree_of(files);
  const Inspection found = inspect(tree);
  FactTree facts;
  add_inspection(found, facts);
  NDR_ASSERT(is_utf8(json_text(facts.take())));
  for (const JobFacts& job : found.jobs) {
    NDR_ASSERT(job.rows.size() <= 300);
    if (job.rows.empty()) continue;
    FactFiles files_found;
    find_job(tree, job.rows.front().name, job.workflow, files_found);
  }
}
