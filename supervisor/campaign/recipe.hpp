#pragma once
#include <cstdint>
#include <string>

#include "analyzer/stress/recipe.hpp"
#include "supervisor/campaign/policy.hpp"
#include "supervisor/settings.hpp"

namespace ndr {

/// The arm as a recipe for run_test.sh: with the signature's words, and the limit that its slices had.
Recipe recipe_of(const Policy& policy, const Progress& now, const Arm& arm, std::uint64_t seed,
                 const std::string& signature_json, const Settings& settings);

}  // namespace ndr
