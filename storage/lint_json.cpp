#include "storage/lint_json.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analyzer/printed_text.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

}  // namespace

std::string lint_json_text(const std::vector<LintFinding>& findings, const std::vector<std::string>& skipped) {
  Json list = Json::array();
  for (const LintFinding& finding : findings)
    list.push_back({{"rule", finding.rule},
                    {"severity", to_text(finding.severity)},
                    {"file", finding.file},
                    {"line", finding.line == 0 ? Json(nullptr) : Json(finding.line)},
                    {"text", finding.text},
                    {"remedy", finding.remedy}});
  Json rules = Json::array();
  for (const LintRule& rule : lint_rules())
    rules.push_back({{"id", rule.id}, {"text", rule.text}});
  const auto errors = std::count_if(findings.begin(), findings.end(),
                                    [](const LintFinding& f) { return f.severity == Severity::error; });
  return dump_json(Json{{"findings", list}, {"errors", errors}, {"rules", rules}, {"skipped", skipped}});
}

std::string brief_markdown(const AnalysisParts& parts, const std::string& case_name,
                           const std::vector<LintFinding>& findings) {
  std::string page = "# Brief: " + markdown_text(case_name) +
                     "\n\nThe stress test of this case is refined by hand from here.\n\n## Open\n\n";
  for (const LintFinding& finding : findings) {
    page +=
        "- [ ] " + std::string{to_text(finding.severity)} + " `" + finding.rule + "` " + markdown_text(finding.file);
    if (finding.line > 0) page += ":" + std::to_string(finding.line);
    page += ": " + markdown_text(finding.text) + "; " + markdown_text(finding.remedy) + "\n";
  }
  if (findings.empty()) page += "Nothing: every rule holds.\n";
  page +=
      "\n## Commands\n\n```bash\n"
      "ndreprod generate " +
      case_name +
      "        # writes the files anew; what was edited by hand stays, the new text is FILE.new\n"
      "ndreprod lint " +
      case_name + "            # says what is still open\n" + case_name +
      "/run_test.sh --help      # its parameters\n"
      "ndreproctl run " +
      case_name + " -f        # a campaign: how often, under what, how sure\n```\n";
  if (const auto& stress = parts.test.stress) {
    page += stress->is_slice ? "\n## The slice\n\n" : "\n## The whole original, since no slice is safe\n\n";
    page += markdown_block(stress->code, "python");
  }
  return page + "\n" + analysis_markdown(parts);
}

}  // namespace ndr
