#include "supervisor/campaign/campaign_end.hpp"

#include <algorithm>
#include <set>
#include <system_error>

#include "storage/atomic_file.hpp"
#include "supervisor/campaign/case_files.hpp"
#include "supervisor/campaign/results_page.hpp"
#include "supervisor/campaign/story.hpp"
#include "supervisor/clock.hpp"
#include "supervisor/log.hpp"

namespace ndr {
namespace asio = boost::asio;

namespace {

constexpr std::uint64_t largest_page = 4u << 20;
constexpr int most_earlier = 11;  // one may be the campaign itself
constexpr int signals_looked_at = 100;
constexpr int write_takes = 3;

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
  match.offset = first_fault(store.attempts.signals(row->id, 0, signals_looked_at));
  return match;
}

/// What the database knows beyond the campaign's own rows.
CampaignEnd completed(Store& store, CampaignEnd end) {
  end.first_match = first_match(store, end);
  CampaignRepository::Filter same_case;
  same_case.case_id = end.campaign.case_id;
  same_case.state = CampaignState::finished;
  same_case.limit = most_earlier;
  end.earlier = store.campaigns.list(same_case);
  std::erase_if(end.earlier, [&](const CampaignRow& row) { return row.id == end.campaign.id; });
  return end;
}

void add_what_files_show(const CaseFolder& folder, CampaignEnd& end) {
  end.folder = folder.root().string();
  try {
    end.has_contract = has_contract_line(folder);
    end.starts_workers = !end.has_contract && habits_of(read_file(folder.run_script(), largest_page)).starts_workers;
  } catch (const std::system_error&) {
    // The script has gone since; the campaign's outcome says so, and the command below is only advice.
  }
  if (!end.first_match) return;
  const std::filesystem::path log = folder.run_log(end.first_match->row.number);
  end.first_match->log = std::filesystem::relative(log, folder.root()).string();
  if (end.first_match->offset) end.first_match->excerpt = excerpt(log, *end.first_match->offset);
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
  const auto complete = [&end](Store& store) { return completed(store, std::move(end)); };
  end = co_await tools.store.read(complete);
  end.ended_at_ms = wall_ms();
  add_what_files_show(folder, end);
  std::string block = results_block(end);
  std::string problem = co_await write_page(tools.writer, folder, end.campaign.case_name, std::move(block));
  if (!problem.empty()) log_warning("campaign {}: the results page: {}", end.campaign.id.value, problem);
  end.campaign.state = CampaignState::finished;
  end.campaign.outcome = end.finish.outcome;
  end.campaign.reason = end.finish.reason;
  end.campaign.report_json = report_json(end);
  end.campaign.ended_at_ms = end.ended_at_ms;
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
