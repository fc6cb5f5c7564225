#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzer/refusal.hpp"
#include "storage/store.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// One order: is the failure gone?
struct VerifyRequest {
  std::string case_name;
  std::optional<CampaignId> against;  // none: the newest that reproduced it
  double risk = 0.05;                 // of calling fixed what is as it was
  std::int64_t budget_ms = 600000;
  std::optional<std::uint64_t> seed;
  std::string fixed;   // checkout with the fix; empty: the one that run_test.sh names
  std::string broken;  // checkout without it, for controls; empty: none
  std::string requested_by;
};

/// A campaign that showed the failure, with its attempts.
struct VerifyBasis {
  CampaignRow campaign;
  std::vector<AttemptRow> attempts;
};

/// The campaign that is asked for, else the newest of the case that ended as reproduced or deterministic. Refuses
/// (field: against) where there is none.
Checked<VerifyBasis> basis_of(Store& store, const CaseRow& of_case, std::optional<CampaignId> against);

/// What is to be repeated, and how often it failed before: the recipe (recipe_arm), where it matched as often as the
/// campaign was asked to confirm; else the arm that matched most, since the fewer matches there are, the more clean
/// runs it takes. Without checkouts. Refuses (field: against) a campaign in which nothing matched.
Checked<Verification> verification_of(const VerifyBasis& basis, double risk);

/// The verification as its queued row (without id of the host). Refuses (field: the request's member or the file) what
/// could only fail, as order_of does.
Checked<CampaignRow> verify_order(const VerifyRequest& request, const CaseRow& of_case, const VerifyBasis& basis,
                                  const Settings& settings);

}  // namespace ndr
