#include "supervisor/campaign/campaign_end.hpp"

#include <algorithm>
#include <set>

#include "storage/atomic_file.hpp"
#include "storage/evidence_json.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/campaign/order.hpp"
#include "supervisor/campaign/results_page.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"
#include "supervisor/work_pool.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr std::uint64_t largest_page = 4u << 20;
constexpr int most_looked_at = 1000;  // campaigns of one case
constexpr int all_resets = 10000;
constexpr int most_failures = 100000;
constexpr int signals_looked_at = 100;
constexpr int write_takes = 3;
constexpr std::uint64_t shown_run_bytes = 2000;  // of a run whose failure is said nowhere: its last words

std::optional<std::uint64_t> first_fault(const std::vector<LogSignalRow>& signals) {
  static const std::set<std::string> faults{"device_timeout", "contention",   "board_broken", "crash",
                                            "exception",      "test_timeout", "setup_error",  "worker_down"};
  for (const LogSignalRow& signal : signals)
    if (faults.contains(signal.signal_class)) return signal.offset;
  return std::nullopt;
}

std::optional<FirstMatch> first_match(Store& store, const CampaignEnd& end) {
  const auto row = std::find_if(end.attempts.begin(), end.attempts.end(),
                                [](const AttemptRow& one) { return one.verdict == Verdict::reproduced; });
  if (row == end.attempts.end()) return std::nullopt;
  FirstMatch match;
  match.row = *row;
  const auto is_match = [&](const RunFailureRow& run) {
    return run.attempt_id == row->id && run.verdict == Verdict::reproduced;
  };
  const auto run = std::find_if(end.failures.begin(), end.failures.end(), is_match);
  if (run != end.failures.end()) {
    match.run = *run;
    match.offset = run->log_offset;
  } else {
    match.offset = first_fault(store.attempts.signals(row->id, 0, signals_looked_at));
  }
  return match;
}

/// Of the case, where it is still that of this signature.
std::optional<Evidence> evidence_behind(Store& store, const CampaignRow& campaign) {
  const Checked<Signature> signature = signature_from_json(campaign.signature_json);
  const std::optional<CaseRow> of_case = store.cases.find(campaign.case_id);
  if (signature.has_error() || !of_case || !of_case->evidence_json) return std::nullopt;
  Checked<Evidence> evidence = evidence_from_json(*of_case->evidence_json);
  if (evidence.has_error() || signature_of(*evidence) != *signature) return std::nullopt;
  return std::move(*evidence);
}

/// As the signature has it; with the log's own words where they are known.
WantedFailure wanted_failure(const CampaignRow& campaign, const std::optional<Evidence>& evidence) {
  WantedFailure wanted;
  const Checked<Signature> signature = signature_from_json(campaign.signature_json);
  if (!signature.has_value() || signature->failure_type == FailureType::none) return wanted;
  wanted.type = to_text(signature->failure_type);
  wanted.test = signature->test_name;
  wanted.exception = signature->exception;
  wanted.message = signature->message_template;
  wanted.site = signature->site_file;
  if (!evidence) return wanted;
  if (evidence->test_id) wanted.test = evidence->test_id->value;
  if (evidence->throw_location) wanted.site = evidence->throw_location->value;
  if (!evidence->error_line) return wanted;
  wanted.message = evidence->error_line->value;
  const Origin& origin = evidence->error_line->origin;
  if (origin.file >= evidence->files.size()) return wanted;
  const std::filesystem::path log{evidence->files[origin.file]};
  wanted.log = "logs/" + log.filename().string() + ":" + std::to_string(origin.line);
  return wanted;
}

/// What the database knows beyond the campaign's own rows.
CampaignEnd completed(Store& store, CampaignEnd end) {
  end.failures = store.attempts.failures_of_campaign(end.campaign.id, 0, most_failures);
  end.first_match = first_match(store, end);
  end.evidence = evidence_behind(store, end.campaign);
  end.wanted = wanted_failure(end.campaign, end.evidence);
  end.fingerprint = this_host().fingerprint;
  CampaignRepository::Filter same_case;
  same_case.case_id = end.campaign.case_id;
  same_case.state = CampaignState::finished;
  same_case.limit = most_looked_at;
  end.others = store.campaigns.list(same_case);
  std::erase_if(end.others, [&](const CampaignRow& row) { return row.id == end.campaign.id; });
  return end;
}

/// A replay repeats what another campaign has found.
bool has_found(const CampaignRow& row) {
  if (row.mode == CampaignMode::replay) return false;
  return row.outcome == CampaignOutcome::reproduced || row.outcome == CampaignOutcome::deterministic ||
         row.outcome == CampaignOutcome::margin;
}

bool want_the_same(const CampaignRow& a, const CampaignRow& b) {
  const Checked<Signature> of_a = signature_from_json(a.signature_json);
  const Checked<Signature> of_b = signature_from_json(b.signature_json);
  return of_a.has_value() && of_b.has_value() && *of_a == *of_b;
}

/// The end of a campaign that ended before `now` did, as far as its rows tell.
std::optional<CampaignEnd> earlier_end(Store& store, const CampaignEnd& now, const CampaignRow& row) {
  const std::optional<Policy> policy = policy_from(row.policy_json);
  if (!policy) return std::nullopt;
  CampaignEnd end;
  end.campaign = row;
  end.policy = *policy;
  end.finish = {*row.outcome, row.reason};
  end.ended_at_ms = row.ended_at_ms.value_or(0);
  end.attempts = store.attempts.of_campaign(row.id);
  const Progress progress = progress_from(*policy, end.attempts, row.spent_ms, false, "");
  end.different_before_match = progress.different;
  end.dropped = progress.dropped;
  end.failures = store.attempts.failures_of_campaign(row.id, 0, most_failures);
  end.resets = resets_of(store, row);
  end.environment = now.environment;
  end.first_match = first_match(store, end);
  end.wanted = now.wanted;
  end.others = now.others;
  std::erase_if(end.others, [&](const CampaignRow& other) { return other.id == row.id; });
  end.others.insert(end.others.begin(), now.campaign);
  end.newest = NewestCampaign{now.campaign, now.attempts.size(), plain_rate(now)};
  return end;
}

/// The campaign that the page shows instead of this one: the newest that found the failure which this one has not.
std::optional<CampaignEnd> better_end(Store& store, const CampaignEnd& now) {
  if (has_found(now.campaign)) return std::nullopt;
  const auto better = std::find_if(now.others.begin(), now.others.end(), [&](const CampaignRow& row) {
    return has_found(row) && want_the_same(row, now.campaign);
  });
  return better == now.others.end() ? std::nullopt : earlier_end(store, now, *better);
}

/// The line that says what failed, and what stands around it; of a slice's run its own output alone.
void add_excerpt(const std::filesystem::path& log, FirstMatch& match) {
  std::optional<std::uint64_t>& offset = match.offset;
  if (!offset) return;
  const Checked<Signature> seen = signature_from_json(match.run ? match.run->failure_json : match.row.failure_json);
  const std::string message = seen.has_value() ? seen->message_template : std::string{};
  if (!match.run) {
    // The first log signal may be a line of source or of a traceback; what failed is said further down.
    offset = line_of_message(log, *offset, message).value_or(*offset);
    match.excerpt = excerpt(log, *offset);
    return;
  }
  const LogPart part{match.run->log_offset, match.run->log_offset + match.run->log_bytes};
  offset = line_of_message(log, part.begin, message, part).value_or(*offset);
  if (*offset == part.begin && match.run->log_bytes > shown_run_bytes) offset = part.end - shown_run_bytes;
  match.excerpt = excerpt(log, *offset, part);
}

std::string text_of(const std::filesystem::path& file) {
  try {
    return read_file(file, largest_page);
  } catch (const std::system_error&) {
    return {};
  }
}

/// By the last run of which the folder is still there.
void add_differences(const CaseFolder& folder, CampaignEnd& end) {
  if (!end.evidence || end.finish.outcome != CampaignOutcome::not_reproduced || end.attempts.empty()) return;
  const AttemptFolder last{folder.attempt(end.attempts.back().number)};
  const Checked<AttemptSpec> spec = attempt_spec_from(text_of(last.spec()));
  if (spec.has_error()) return;
  end.differences = differences_from_ci(*end.evidence, *spec, text_of(folder.run_script()), end.fingerprint);
}

void add_what_files_show(const CaseFolder& folder, CampaignEnd& end) {
  end.folder = folder.root().string();
  // Where the script has gone since, the campaign's outcome says so, and the command below is only advice.
  end.script = script_form(folder);
  add_differences(folder, end);
  if (!end.first_match) return;
  const std::filesystem::path log = folder.run_log(end.first_match->row.number);
  end.first_match->log = std::filesystem::relative(log, folder.root()).string();
  add_excerpt(log, *end.first_match);
}

/// What delays say of the place; `end` lives on while it is asked.
asio::awaitable<void> add_where(const Settings& settings, CampaignEnd& end) {
  DelayRecord record = delays_of(end);
  if (record.matched.empty()) co_return;
  WorkPool pool;
  auto work = [record = std::move(record), program = settings.own_program()] {
    return ask_where_it_races(record, program);
  };
  end.where = co_await pool.run(std::move(work));
}

/// The page as it is now; nothing where there is none.
std::optional<std::string> present_page(const CaseFolder& folder) {
  try {
    return read_file(folder.readme(), largest_page);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return std::nullopt;
    throw;
  }
}

/// Nothing where it went well, else why not.
asio::awaitable<std::string> write_page(CaseWriter& writer, CaseFolder folder, std::string name, std::string block) {
  std::string problem;
  try {
    for (int take = 0; take < write_takes; ++take) {
      const std::optional<std::string> present = present_page(folder);
      std::string text = with_results(present.value_or(""), name, block);
      std::optional<std::string> hash = present ? content_hash(*present) : "";
      // Somebody may be editing the page right now: what was read must still be there when it is replaced.
      const Checked<void> written =
          co_await writer.write(folder, folder.readme().filename().string(), std::move(text), std::move(hash));
      if (written.has_value()) co_return std::string{};
      problem = to_text(written.error());
    }
  } catch (const std::exception& error) {
    problem = error.what();
  }
  co_return problem;
}

}  // namespace

std::vector<ResetRow> resets_of(Store& store, const CampaignRow& campaign) {
  std::vector<ResetRow> resets;
  for (const std::string& board : texts_from(campaign.boards))
    for (const ResetRow& reset : store.boards.resets(board, all_resets))
      if (reset.campaign_id == campaign.id) resets.push_back(reset);
  std::sort(resets.begin(), resets.end(), [](const ResetRow& a, const ResetRow& b) { return a.id < b.id; });
  return resets;
}

void release_boards(Store& store, const CampaignRow& campaign, std::int64_t now) {
  for (const std::string& board : texts_from(campaign.boards)) {
    std::optional<BoardRow> row = store.boards.find(board);
    if (!row || row->leased_by != campaign.id) continue;
    row->leased_by.reset();
    row->changed_at_ms = now;
    store.boards.save(*row);
    store.events.append(board_state_event(*row, campaign.id, now));
  }
}

asio::awaitable<void> end_campaign(CampaignTools tools, CaseFolder folder, CampaignEnd end) {
  end.ended_at_ms = wall_ms();
  end.campaign.state = CampaignState::finished;
  end.campaign.outcome = end.finish.outcome;
  end.campaign.reason = end.finish.reason;
  end.campaign.ended_at_ms = end.ended_at_ms;
  const auto complete = [&end](Store& store) { return completed(store, std::move(end)); };
  end = co_await tools.store.read(complete);
  add_what_files_show(folder, end);
  co_await add_where(tools.settings, end);
  const auto compare = [&end](Store& store) { return better_end(store, end); };
  std::optional<CampaignEnd> better = co_await tools.store.read(compare);
  if (better) {
    add_what_files_show(folder, *better);
    co_await add_where(tools.settings, *better);
  }
  std::string block = results_block(better ? *better : end);
  std::string problem = co_await write_page(tools.writer, folder, end.campaign.case_name, std::move(block));
  if (!problem.empty()) log_warning("campaign {}: the results page: {}", end.campaign.id.value, problem);
  end.campaign.report_json = report_json(end);
  const auto finish = [&end, &problem](Store& store) {
    if (!problem.empty())
      store.events.append(note_event(end.campaign, "README.md was not written: " + problem, end.ended_at_ms));
    store.events.append(step_event(end.campaign, end.finish, end.ended_at_ms));
    store.campaigns.finish(end.campaign.id, end.finish.outcome, end.finish.reason, end.campaign.report_json,
                           end.ended_at_ms);
    release_boards(store, end.campaign, end.ended_at_ms);
    store.events.append(campaign_state_event(end.campaign, end.ended_at_ms));
  };
  co_await tools.store.write(finish);
}

}  // namespace ndr
