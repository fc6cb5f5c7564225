#pragma once
#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "storage/record_enums.hpp"

namespace ndr {

/// Row ids, one type per table so that none is taken for another. 0: not stored yet.
template <class Tag>
struct RowId {
  std::int64_t value = 0;
  auto operator<=>(const RowId&) const = default;  // NOLINT(modernize-use-nullptr): its own 0
};
using HostId = RowId<struct HostTag>;
using CaseId = RowId<struct CaseTag>;
using CampaignId = RowId<struct CampaignTag>;
using AttemptId = RowId<struct AttemptTag>;
using ResetId = RowId<struct ResetTag>;
using EventId = RowId<struct EventTag>;

// Times are milliseconds since the Unix epoch (UTC), in _at_ms; durations end in _ms and are monotonic.

struct HostRow {
  HostId id;
  std::string name;
  std::string fingerprint;  // JSON: kernel, driver, packages
};

struct CaseRow {
  CaseId id;
  std::string name;    // unique, the folder's name
  std::string folder;  // absolute path
  std::string owner;   // who added it: "uid:1000" or "token"
  std::int64_t created_at_ms = 0;
  std::optional<std::string> evidence_json;  // of the last analysis
  std::optional<std::string> signature_json;
  std::optional<std::int64_t> analyzed_at_ms;
  bool archived = false;
};

struct CampaignRow {
  CampaignId id;
  CaseId case_id;
  std::string case_name;  // read with the row, never written
  HostId host_id;
  CampaignState state = CampaignState::queued;
  std::optional<CampaignOutcome> outcome;
  std::string reason;  // one line for people: why it ended so
  CampaignMode mode = CampaignMode::quick;
  std::string boards;          // JSON list of board ids leased; ["host"] without a board
  std::string signature_json;  // as wanted when the campaign began
  std::string policy_json;     // limits and ladder it runs under
  std::uint64_t seed = 0;
  std::int64_t budget_ms = 300000;
  std::int64_t spent_ms = 0;
  std::string requested_by;
  std::string report_json;  // rate, interval, per arm; empty until finished
  std::int64_t created_at_ms = 0;
  std::optional<std::int64_t> started_at_ms;
  std::optional<std::int64_t> ended_at_ms;
  bool cancel_requested = false;
};

struct AttemptRow {
  AttemptId id;
  CampaignId campaign_id;
  CaseId case_id;         // the campaign's; read with the row, as is
  std::string case_name;  // the first half of the attempt's name CASE/N
  HostId host_id;
  int number = 0;  // N of logs/run_N.log, dense and never reused within a case
  AttemptPhase phase = AttemptPhase::screen;
  std::string arm;
  std::string parameters;  // JSON
  std::uint64_t seed = 0;
  std::string subject;  // which build or revision was under test
  // The intent is this row without `spawned_at_ms`; the outcome is `verdict`.
  std::int64_t created_at_ms = 0;
  std::optional<std::int64_t> spawned_at_ms;
  std::optional<std::int64_t> ended_at_ms;
  std::optional<Verdict> verdict;
  std::string reason;  // closed vocabulary: "", oom, shim_lost, boot, no_progress, start_up, mid_run, shut_down, …
  std::string explanation;                 // one line for people
  std::optional<std::string> match_grade;  // analyzer MatchGrade
  std::string match_reasons;               // JSON list
  std::string failure_json;                // signature of what was seen; empty when nothing failed
  std::optional<int> exit_code;
  std::optional<int> term_signal;
  std::int64_t runs = 0;  // executions of the test command in it
  std::int64_t matched = 0;
  std::int64_t different = 0;
  std::int64_t infrastructure = 0;
  std::int64_t exposure_ms = 0;
  std::int64_t iterations = 0;
  std::uint64_t log_bytes = 0;
  std::uint64_t log_offset = 0;  // scanned so far, for attaching
  std::string slice_json;        // of a slice: its sum, as its log ends; empty for a single run
};

/// A run of a slice that failed, or that showed words of the wanted failure.
struct RunFailureRow {
  std::int64_t id = 0;
  AttemptId attempt_id;
  std::int64_t run = 0;  // number within the slice, from 1
  int copy = 0;
  std::uint64_t seed = 0;
  Verdict verdict = Verdict::different_failure;
  std::string explanation;
  std::optional<std::string> match_grade;
  std::string match_reasons;  // JSON list
  std::string failure_json;   // signature of what was seen
  std::optional<int> exit_code;
  std::optional<int> term_signal;
  std::int64_t duration_us = 0;
  std::uint64_t log_offset = 0;  // of its own output in the attempt's log
  std::uint64_t log_bytes = 0;
  std::string places_json;  // JSON list of [module, offset]: what was delayed in it
};

/// What the slices of one arm have shown on other cases of the same type of failure.
struct ArmHistory {
  std::string arm;
  std::int64_t cases = 0;    // in which it was used
  std::int64_t matched = 0;  // in which it matched
};

struct LogSignalRow {
  std::int64_t id = 0;
  AttemptId attempt_id;
  std::string rule;
  std::string signal_class;
  std::uint64_t offset = 0;
  std::string line;
  std::string fields_json;
  std::int64_t seen_at_ms = 0;
};

struct BoardRow {
  std::string name;  // "0" for /dev/tenstorrent/0; "host" for the pseudo-board
  BoardState state = BoardState::unknown;
  std::string reason;
  std::optional<CampaignId> leased_by;
  std::int64_t changed_at_ms = 0;
};

struct ResetRow {
  ResetId id;
  std::string board;
  std::optional<CampaignId> campaign_id;  // none: asked for by hand
  std::string command;                    // JSON argv
  std::string devices_before;             // JSON list
  std::string devices_after;
  std::string requested_by;
  std::int64_t created_at_ms = 0;
  std::optional<std::int64_t> ended_at_ms;
  std::optional<ResetResult> result;
  std::string reason;
  std::string output;  // at most 64 KiB
  std::optional<int> exit_code;
  std::int64_t duration_ms = 0;
};

/// One line of the story; its id is the id of the server-sent event.
struct EventRow {
  EventId id;
  std::int64_t at_ms = 0;
  std::string type;  // "campaign.state", "attempt.state", "attempt.signal", "board.state", "reset.state", …
  std::optional<CampaignId> campaign_id;
  std::optional<AttemptId> attempt_id;
  std::string subject;  // case name, board name
  std::string body;     // JSON object
};

}  // namespace ndr
