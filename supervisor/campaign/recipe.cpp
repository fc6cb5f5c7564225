#include "supervisor/campaign/recipe.hpp"

#include "storage/evidence_json.hpp"
#include "supervisor/campaign/slices.hpp"

namespace ndr {
namespace {

/// The arm whose parameters these are: a recipe's own name says nothing of it.
std::string name_of(const Progress& now, Arm arm) {
  for (const ArmRecord& record : now.slices) {
    arm.name = record.arm.name;
    if (record.arm == arm) return arm.name;
  }
  return "plain";
}

}  // namespace

Recipe recipe_of(const Policy& policy, const Progress& now, const Arm& arm, std::uint64_t seed,
                 const std::string& signature_json, const Settings& settings) {
  Recipe recipe;
  recipe.arm = name_of(now, arm);
  recipe.parameters = parameters_of(arm);
  recipe.words = recipe.arm + " " + recipe.parameters;
  recipe.iterations = arm.iterations;
  recipe.seed = seed;
  recipe.run_limit_ms = slice_plan(policy, now, arm).run_limit_ms;
  recipe.shim = settings.shim.string();
  const Checked<Signature> wanted = signature_from_json(signature_json);
  if (wanted.has_error()) return recipe;
  recipe.counts_standstill =
      wanted->failure_type == FailureType::hang || wanted->failure_type == FailureType::test_timeout;
  for (const std::string& literal : wanted->literals)
    if (literal.size() >= 8 && recipe.literals.size() < 8) recipe.literals.push_back(literal);
  return recipe;
}

}  // namespace ndr
