#pragma once
#include <string>

#include "analyzer/stress/stress_files.hpp"
#include "supervisor/campaign/report.hpp"

namespace ndr {

/// What a campaign says to people, as Markdown between the two markers: how often, under what, how sure, the first
/// match, what is unknown here, other campaigns. Texts of logs are cut and cannot leave their place in the page.
std::string results_block(const CampaignEnd& end);

/// The page with the block in place of the one between its markers; every other byte is kept. Appended where there are
/// no markers; a page of its own where `page` is empty.
std::string with_results(const std::string& page, const std::string& case_name, const std::string& block);

}  // namespace ndr
