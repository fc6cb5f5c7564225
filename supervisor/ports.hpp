#pragma once
#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/evidence/signature.hpp"
#include "analyzer/refusal.hpp"
#include "storage/case_folder.hpp"
#include "storage/records.hpp"
#include "supervisor/arms/invocation.hpp"

namespace ndr {

/// How an attempt is made as a slice; copies and tools come from its arm.
struct SlicePlan {
  std::int64_t duration_ms = 1000;
  std::int64_t run_limit_ms = 1000;  // SliceSpec
  std::int64_t runs = 0;             // at most; 0: as many as fit
  int enough_matches = 1;            // it ends with the so-many-th; 0: it goes on
  bool operator==(const SlicePlan&) const = default;
};

/// One attempt that a campaign has decided on. Its row is already stored: the intent comes before the act.
struct AttemptOrder {
  AttemptRow row;
  std::string case_name;
  CaseFolder folder{{}};
  Signature wanted;
  Arm arm;
  std::int64_t deadline_ms = 300000;
  std::vector<std::pair<std::string, std::string>> environment;  // approved by case.yaml; added to the base
  bool uses_board = false;
  std::optional<SlicePlan> slice;  // none: one run
  bool alone = false;              // the script as anybody would call it: no arguments, and nothing of ours around it
};

/// How it ended: the row with all columns of the outcome, not yet stored.
struct AttemptResult {
  AttemptRow row;
  bool board_suspect = false;             // the board may be dirty: reset before the next attempt
  std::vector<RunFailureRow> failures{};  // of a slice's runs
};

/// Makes attempts. One implementation runs them, tests have another.
class AttemptRunner {
public:
  virtual ~AttemptRunner() = default;
  virtual boost::asio::awaitable<AttemptResult> run(AttemptOrder order) = 0;
  /// The rest of one whose intent a daemon before us stored: attached, judged from its exit.json, or `lost`.
  virtual boost::asio::awaitable<AttemptResult> resume(AttemptOrder order) = 0;
  /// Ends a running attempt soon; its verdict will be `cancelled`.
  virtual void cancel(AttemptId id) = 0;
};

/// Resets boards and says what is there.
class BoardControl {
public:
  virtual ~BoardControl() = default;
  /// One reset, verified, with its retry; stored as rows and events. Never throws for a board's own doing. The caller
  /// has the board's lease.
  virtual boost::asio::awaitable<ResetRow> reset(std::string board, std::optional<CampaignId> campaign,
                                                 std::string requested_by) = 0;
  /// Why it must not be reset now: somebody holds it or may hold it, it cools down after a failed reset, too many of
  /// them failed; also, unless it is for a reset `by_hand`, it is quarantined. The reason goes on after "board 0".
  virtual boost::asio::awaitable<std::optional<Refusal>> why_not_reset(std::string board, bool by_hand) = 0;
};

/// Writes into case folders, as the account that runs their tests.
class CaseWriter {
public:
  virtual ~CaseWriter() = default;
  /// `file` is relative to the case; whole or not at all. Refuses (field: the file) what cannot be written, and a file
  /// that is not as expected: `expected_hash` is the content_hash of what should be there, empty for nothing there.
  virtual boost::asio::awaitable<Checked<void>> write(CaseFolder folder, std::string file, std::string text,
                                                      std::optional<std::string> expected_hash) = 0;
  /// Refuses (field: the folder) where nothing can be written.
  virtual boost::asio::awaitable<Checked<void>> check_writable(CaseFolder folder) = 0;
};

}  // namespace ndr
