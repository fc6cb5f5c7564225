#include "analyzer/job/job_search.hpp"

#include <algorithm>

#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr int deepest_workflow = 4;  // GitHub's own limit of nested workflows
constexpr std::size_t most_candidates = 50;

std::string folded(std::string_view text) { return to_lower(fold_spaces(text)); }

// Whether a name is what a pattern with `${{ }}` gaps says.
bool fits_name(std::string_view pattern, std::string_view name) {
  const auto begin = pattern.find("${{");
  const auto end = begin == std::string_view::npos ? begin : pattern.find("}}", begin);
  if (end == std::string_view::npos) return pattern == name;
  const std::string_view front = pattern.substr(0, begin);
  const auto last = pattern.rfind("}}");
  const std::string_view back = pattern.substr(last + 2);
  return name.size() >= front.size() + back.size() && name.starts_with(front) && name.ends_with(back) &&
         (front.size() + back.size() > 0);
}

std::vector<std::string> name_parts(const std::string& name) {
  std::vector<std::string> parts;
  std::string_view rest = name;
  for (auto slash = rest.find(" / "); slash != std::string_view::npos; slash = rest.find(" / ")) {
    parts.push_back(folded(rest.substr(0, slash)));
    rest.remove_prefix(slash + 3);
  }
  parts.push_back(folded(rest));
  return parts;
}

bool is_workflow(const std::string& path) {
  return path.starts_with(".github/workflows/") && (path.ends_with(".yaml") || path.ends_with(".yml"));
}

class Searcher {
public:
  Searcher(const SourceTree& tree, const std::string& job_name, const std::string& workflow, FactFiles& files)
      : tree_(tree), wanted_(name_parts(job_name)), workflow_(file_name(workflow)), files_(files) {}

  std::vector<JobCandidate> search() {
    for (const std::string& path : tree_.paths) {
      if (is_workflow(path)) look_into(path, {}, {}, 0);
    }
    std::stable_sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
    const int best = found_.empty() ? 0 : found_.front().score;
    std::erase_if(found_, [&](const JobCandidate& candidate) { return candidate.score < best; });
    return std::move(found_);
  }

private:
  void look_into(const std::string& path, const CallerInputs& inputs, const std::vector<std::string>& callers,
                 int depth) {
    for (JobFacts& job : workflow_jobs(tree_, path, files_, inputs)) {
      for (std::size_t row = 0; row < job.rows.size(); ++row) {
        std::vector<std::string> names = callers;
        names.push_back(job.rows[row].name);
        if (job.call)
          follow(*job.call, names, depth);
        else
          weigh(job, row, names);
      }
    }
  }
  void follow(const JobCall& call, const std::vector<std::string>& names, int depth) {
    const std::string callee = call.workflow.value.starts_with("./") ? tree_.find(call.workflow.value) : std::string{};
    if (!callee.empty() && depth < deepest_workflow) look_into(callee, call.with, names, depth + 1);
  }
  void weigh(const JobFacts& job, std::size_t row, const std::vector<std::string>& names) {
    std::size_t same = 0;  // parts from the end
    while (same < std::min(names.size(), wanted_.size()) &&
           fits_name(folded(names[names.size() - 1 - same]), wanted_[wanted_.size() - 1 - same]))
      ++same;
    if (same == 0 || found_.size() >= most_candidates) return;
    JobCandidate candidate{job, row, "", 0, ""};
    for (const std::string& name : names)
      candidate.name += (candidate.name.empty() ? "" : " / ") + name;
    const bool whole = same == wanted_.size() && same == names.size();
    const bool of_workflow = !workflow_.empty() && file_name(job.workflow) == workflow_;
    const bool literal = names.back().find("${{") == std::string::npos;
    candidate.score = static_cast<int>(same) * 4 + (whole ? 2 : 0) + (of_workflow ? 8 : 0) + (literal ? 1 : 0);
    candidate.reason = (whole ? "the whole name agrees" : "the end of the name agrees") +
                       std::string{of_workflow ? ", and the workflow's file" : ""} +
                       (literal ? "" : ", but for what only the runner knows");
    found_.push_back(std::move(candidate));
  }

  const SourceTree& tree_;
  std::vector<std::string> wanted_;
  std::string_view workflow_;
  FactFiles& files_;
  std::vector<JobCandidate> found_;
};

std::vector<ConfigurationCandidate> find_configurations(const SourceTree& tree, const std::string& job_name,
                                                        FactFiles& files) {
  std::vector<ConfigurationCandidate> found;
  const std::string last = name_parts(job_name).back();
  for (const std::string& path : tree.paths) {
    if (!path.starts_with("tests/") || !(path.ends_with(".yaml") || path.ends_with(".yml"))) continue;
    const auto text = tree.text(path);
    const auto document = text ? parse_yaml(*text, path) : Checked<YamlNode>{YamlNode{}};
    if (document.has_error() || !is_test_configuration(*document)) continue;
    for (ConfiguredTest& test : configured_tests(tree, path, *document, files)) {
      const std::string name = folded(test.name ? test.name->value : test.key);
      if (name.empty() || !last.starts_with(name) || found.size() >= most_candidates) continue;
      const std::string rest{trim(std::string_view{last}.substr(name.size()))};
      const auto sku = std::find_if(test.skus.begin(), test.skus.end(), [&](const auto& s) {
        return rest == "[" + folded(s) + "]" || rest == "(" + folded(s) + ")";
      });
      if (sku == test.skus.end() && !rest.empty()) continue;
      const std::string which = sku == test.skus.end() ? std::string{} : *sku;
      found.push_back({std::move(test), which, which.empty() ? "the name agrees" : "the name and the SKU agree"});
    }
  }
  return found;
}

}  // namespace

JobSearch find_job(const SourceTree& tree, const std::string& job_name, const std::string& workflow, FactFiles& files) {
  if (trim(job_name).empty()) return {};
  return {Searcher{tree, job_name, workflow, files}.search(), find_configurations(tree, job_name, files)};
}

const JobEnvironment* environment_of(const JobSearch& search) {
  if (search.jobs.size() != 1) return nullptr;
  const JobCandidate& candidate = search.jobs.front();
  const JobStep* step = candidate.job.rows[candidate.row].main_step();
  return step == nullptr ? nullptr : &step->environment;
}

}  // namespace ndr
