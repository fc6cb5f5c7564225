#pragma once
#include <string>

#include "supervisor/campaign/report.hpp"

namespace ndr {

/// "0.59 %", three digits.
std::string percent_text(double share);

// Parts of the results page, each ending with an empty line; empty where there is nothing to say.

/// How often under each arm, by which rule, and what was left out. Settings of one arm that all ran in vain are one
/// line, whose bound is for the mean of their rates.
std::string rates_section(const CampaignEnd& end);

/// Without a match: what CI had and the runs here had not.
std::string differences_section(const CampaignEnd& end);

/// What failed otherwise, by what was seen, and how far matches may be mistaken.
std::string others_section(const CampaignEnd& end);

/// Which places in the source matter to the failure, or that none stands out.
std::string where_section(const CampaignEnd& end);
/// What run_test.sh was given to do by itself, and what came of it.
std::string recipe_section(const CampaignEnd& end);

}  // namespace ndr
