#include "storage/record_enums.hpp"

namespace ndr {

// No default in any switch: the compiler names the enumerator that lacks its text.

std::string_view to_text(Verdict value) {
  switch (value) {
    case Verdict::reproduced:
      return "reproduced";
    case Verdict::passed:
      return "passed";
    case Verdict::different_failure:
      return "different_failure";
    case Verdict::contention:
      return "contention";
    case Verdict::hang:
      return "hang";
    case Verdict::timed_out:
      return "timed_out";
    case Verdict::setup_error:
      return "setup_error";
    case Verdict::infrastructure:
      return "infrastructure";
    case Verdict::cancelled:
      return "cancelled";
    case Verdict::lost:
      return "lost";
  }
  return "";
}

std::string_view to_text(CampaignState value) {
  switch (value) {
    case CampaignState::queued:
      return "queued";
    case CampaignState::running:
      return "running";
    case CampaignState::finished:
      return "finished";
  }
  return "";
}

std::string_view to_text(CampaignOutcome value) {
  switch (value) {
    case CampaignOutcome::reproduced:
      return "reproduced";
    case CampaignOutcome::not_reproduced:
      return "not_reproduced";
    case CampaignOutcome::deterministic:
      return "deterministic";
    case CampaignOutcome::margin:
      return "margin";
    case CampaignOutcome::board_unusable:
      return "board_unusable";
    case CampaignOutcome::setup_error:
      return "setup_error";
    case CampaignOutcome::cancelled:
      return "cancelled";
    case CampaignOutcome::fixed:
      return "fixed";
    case CampaignOutcome::still_failing:
      return "still_failing";
    case CampaignOutcome::undecided:
      return "undecided";
  }
  return "";
}

std::string_view to_text(CampaignMode value) {
  switch (value) {
    case CampaignMode::quick:
      return "quick";
    case CampaignMode::soak:
      return "soak";
    case CampaignMode::verify:
      return "verify";
    case CampaignMode::replay:
      return "replay";
  }
  return "";
}

std::string_view to_text(AttemptPhase value) {
  switch (value) {
    case AttemptPhase::screen:
      return "screen";
    case AttemptPhase::search:
      return "search";
    case AttemptPhase::confirm:
      return "confirm";
    case AttemptPhase::reduce:
      return "reduce";
    case AttemptPhase::verify:
      return "verify";
    case AttemptPhase::replay:
      return "replay";
  }
  return "";
}

std::string_view to_text(BoardState value) {
  switch (value) {
    case BoardState::unknown:
      return "unknown";
    case BoardState::clean:
      return "clean";
    case BoardState::dirty:
      return "dirty";
    case BoardState::resetting:
      return "resetting";
    case BoardState::quarantined:
      return "quarantined";
  }
  return "";
}

std::string_view to_text(ResetResult value) {
  switch (value) {
    case ResetResult::verified:
      return "verified";
    case ResetResult::failed:
      return "failed";
    case ResetResult::unverified:
      return "unverified";
  }
  return "";
}

std::optional<Verdict> verdict_from(std::string_view text) { return enum_from<Verdict>(text); }
std::optional<CampaignState> campaign_state_from(std::string_view text) { return enum_from<CampaignState>(text); }
std::optional<CampaignOutcome> campaign_outcome_from(std::string_view text) { return enum_from<CampaignOutcome>(text); }
std::optional<CampaignMode> campaign_mode_from(std::string_view text) { return enum_from<CampaignMode>(text); }
std::optional<AttemptPhase> attempt_phase_from(std::string_view text) { return enum_from<AttemptPhase>(text); }
std::optional<BoardState> board_state_from(std::string_view text) { return enum_from<BoardState>(text); }
std::optional<ResetResult> reset_result_from(std::string_view text) { return enum_from<ResetResult>(text); }

}  // namespace ndr
