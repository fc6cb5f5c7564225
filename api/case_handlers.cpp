#include <algorithm>
#include <nlohmann/json.hpp>

#include "analyzer/assert.hpp"
#include "api/handlers.hpp"
#include "api/listing.hpp"
#include "api/lookup.hpp"
#include "api/query.hpp"
#include "api/requests.hpp"
#include "storage/case_folder.hpp"
#include "storage/record_json.hpp"
#include "storage/strict_json.hpp"

namespace ndr {
namespace {

using Json = nlohmann::ordered_json;

/// The case without its evidence, which may be long, for lists.
Json summary_of(const CaseRow& row) {
  Json object = ordered_json_from(to_json_text(row));
  object.erase("evidence");
  return object;
}

struct CaseAndFindings {
  std::optional<CaseRow> row;
  std::optional<std::string> findings;
};

/// Both of the same analysis: another one may end between two questions.
struct FindAnalysis {
  std::string name;
  CaseAndFindings operator()(Store& store) const {
    CaseAndFindings found{store.cases.find(name), std::nullopt};
    if (found.row) found.findings = store.cases.findings(found.row->id);
    return found;
  }
};

Reply analysis_reply(const CaseAndFindings& found) {
  NDR_ASSERT(found.row.has_value());
  const CaseRow& row = *found.row;
  Json whole = ordered_json_from(to_json_text(row));
  Json analysis;
  analysis["case_name"] = row.name;
  for (const char* key : {"analyzed_at", "analyzed_at_ms", "signature", "evidence"})
    analysis[key] = whole[key];
  analysis["findings"] = found.findings ? ordered_json_from(*found.findings) : Json(nullptr);
  return json_reply(json_text(analysis));
}

/// The case, with what is still to be mended before it can run.
Reply added_reply(const CaseRow& row, bool is_new) {
  Json object = ordered_json_from(to_json_text(row));
  const auto script = check_run_script(CaseFolder{row.folder});
  object["note"] = script.has_error() ? Json(to_text(script.error())) : Json(nullptr);
  Reply reply = json_reply(json_text(object), is_new ? 201 : 200);
  reply.headers.push_back({"Location", "/v1/cases/" + row.name});
  return reply;
}

struct ListCases {
  std::string after;
  int limit;
  std::vector<CaseRow> operator()(Store& store) const { return store.cases.list(after, limit); }
};

std::string name_of(const std::filesystem::path& folder) {
  const std::filesystem::path plain = folder.lexically_normal();
  return plain.has_filename() ? plain.filename() : plain.parent_path().filename();
}

}  // namespace

Answering list_cases(Api& api, const Request& request) {
  if (auto problem = check_query(request, {"limit", "after"})) co_return *problem;
  const auto limit = limit_from(request);
  if (!limit) co_return limit.error();
  const ListCases work{request.query("after").value_or(""), *limit + 1};
  std::vector<CaseRow> rows = co_await api.services.store.read(work);
  std::optional<std::string> cursor;
  if (cut_to(rows, *limit)) cursor = rows.back().name;
  Json items = Json::array();
  std::transform(rows.begin(), rows.end(), std::back_inserter(items), summary_of);
  co_return list_reply(request, "cases", json_text(items), cursor);
}

Answering add_case(Api& api, const Request& request) {
  const auto folder = case_folder_from(request.body);
  if (!folder) co_return folder.error();
  const FindCase by_name{name_of(*folder)};
  const auto before = co_await api.services.store.read(by_name);
  const auto added = co_await api.services.cases.add(*folder, request.identity);
  if (!added) {
    // Of all refusals only that of a name which another folder has speaks of "folder"; the others name the path.
    co_return problem_of(added.error(), added.error().field == "folder" ? "case_exists" : "refused");
  }
  co_return added_reply(*added, !before);
}

Answering get_case(Api& api, const Request& request) {
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  co_return json_reply(to_json_text(*row));
}

Answering get_analysis(Api& api, const Request& request) {
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  if (!row->analyzed_at_ms)
    co_return Problem{"no_analysis",
                      row->name + " has not been analysed",
                      "POST " + request.raw_target + ", or `ndreproctl case analyze " + row->name + "`",
                      {},
                      {}};
  const FindAnalysis work{row->name};
  const CaseAndFindings found = co_await api.services.store.read(work);
  co_return analysis_reply(found);
}

Answering analyze_case(Api& api, const Request& request) {
  if (auto problem = check_empty(request.body)) co_return *problem;
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  const auto analyzed = co_await api.services.cases.analyze(row->name);
  if (!analyzed) co_return problem_of(analyzed.error());
  const FindAnalysis work{analyzed->name};
  const CaseAndFindings found = co_await api.services.store.read(work);
  co_return analysis_reply(found);
}

Answering generate_case(Api& api, const Request& request) {
  const auto repository = repository_from(request.body);
  if (!repository) co_return repository.error();
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  const auto generated = co_await api.services.cases.generate(row->name, *repository);
  if (!generated) co_return problem_of(generated.error());
  Json answer{{"case_name", row->name}};
  answer.update(ordered_json_from(generated->files_json));
  co_return json_reply(json_text(answer));
}

Answering lint_case(Api& api, const Request& request) {
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  const auto found = co_await api.services.cases.lint(row->name);
  if (!found) co_return problem_of(found.error());
  Json answer{{"case_name", row->name}};
  answer.update(ordered_json_from(found->findings_json));
  co_return json_reply(json_text(answer));
}

Answering brief_case(Api& api, const Request& request) {
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  auto found = co_await api.services.cases.lint(row->name);
  if (!found) co_return problem_of(found.error());
  co_return Reply{200, {{"Content-Type", "text/markdown; charset=utf-8"}}, std::move(found->brief)};
}

Answering approve_variable(Api& api, const Request& request) {
  const auto variable = variable_from(request.body);
  if (!variable) co_return variable.error();
  const auto row = co_await case_of(api, request);
  if (!row) co_return row.error();
  const auto approved = co_await api.services.cases.approve(row->name, *variable);
  if (!approved) co_return problem_of(approved.error());
  co_return json_reply(json_text(Json{{"case_name", row->name}, {"name", *variable}}));
}

}  // namespace ndr
