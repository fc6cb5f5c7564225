#pragma once
#include <vector>

#include "analyzer/evidence/signature.hpp"
#include "storage/records.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// What a case offers to arms.
struct CaseTraits {
  std::vector<std::string> near;  // neighbourhood()
  int predecessors = 0;           // Policy
};

/// Shares of the search before anything is known, of the arms that work on this host. As measured on programs of all
/// classes (README, "How it finds rare failures"): no arm is best for all, so all are tried, the strong ones more
/// often. Those that need something of the case are left out where it has not got it.
std::vector<ArmWeight> arms_for(const Signature& wanted, const Settings& settings, const CaseTraits& traits);

/// Of a native failure whose stack CI's logs show: the functions of its innermost frames, and the classes that they are
/// members of ("Queue::"), a dozen names at most.
std::vector<std::string> neighbourhood(const Signature& wanted);

/// The same shares, moved by what each arm has shown on this host with other cases: by the share of them in which it
/// matched, (matched + 1) / (cases + 2), against the mean of all arms; by a factor of four at most.
std::vector<ArmWeight> learnt(std::vector<ArmWeight> arms, const std::vector<ArmHistory>& history);

}  // namespace ndr
