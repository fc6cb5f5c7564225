#pragma once
#include <optional>
#include <string_view>

namespace ndr {

// The closed words of the records; the CHECKs of schema/ hold the same lists.

/// How an attempt ended; judged in one place (supervisor/run/verdict).
enum class Verdict {
  reproduced,
  passed,
  different_failure,
  contention,
  hang,
  timed_out,
  setup_error,
  infrastructure,
  cancelled,
  lost
};
enum class CampaignState { queued, running, finished };
enum class CampaignOutcome {
  reproduced,
  not_reproduced,
  deterministic,
  margin,
  board_unusable,
  setup_error,
  cancelled,
  // Of a verification: whether the failure is gone after a fix.
  fixed,
  still_failing,
  undecided
};
enum class CampaignMode { quick, soak, verify, replay };
enum class AttemptPhase { screen, search, confirm, reduce, verify, replay };
enum class BoardState { unknown, clean, dirty, resetting, quarantined };
enum class ResetResult { verified, failed, unverified };

std::string_view to_text(Verdict);
std::string_view to_text(CampaignState);
std::string_view to_text(CampaignOutcome);
std::string_view to_text(CampaignMode);
std::string_view to_text(AttemptPhase);
std::string_view to_text(BoardState);
std::string_view to_text(ResetResult);
std::optional<Verdict> verdict_from(std::string_view);
std::optional<CampaignState> campaign_state_from(std::string_view);
std::optional<CampaignOutcome> campaign_outcome_from(std::string_view);
std::optional<CampaignMode> campaign_mode_from(std::string_view);
std::optional<AttemptPhase> attempt_phase_from(std::string_view);
std::optional<BoardState> board_state_from(std::string_view);
std::optional<ResetResult> reset_result_from(std::string_view);

/// The enumerator of this text form, by type. Enumerators count up from 0; to_text is empty past the last.
template <class Enum>
std::optional<Enum> enum_from(std::string_view text) {
  for (int i = 0; !to_text(static_cast<Enum>(i)).empty(); ++i)
    if (to_text(static_cast<Enum>(i)) == text) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace ndr
