#include <nlohmann/json.hpp>

#include "storage/strict_json.hpp"
#include "supervisor/campaign/policy.hpp"

namespace ndr {

namespace {

nlohmann::ordered_json json_of(const std::vector<ArmWeight>& arms) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ArmWeight& arm : arms)
    list.push_back({{"arm", arm.name}, {"weight", arm.weight}});
  return list;
}

/// As the parameters of an axis' arm are written.
nlohmann::ordered_json json_of(const std::vector<Axis>& axes) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Axis& axis : axes)
    list.push_back({{"axis", axis.name}, {"parameters", ordered_json_from(parameters_of(arm_of(axis)))}});
  return list;
}

void read_axes(const nlohmann::json& list, Policy& policy) {
  for (const auto& axis : list) {
    const std::optional<Arm> arm = arm_from(axis.at("axis").get<std::string>(), json_text(axis.at("parameters")));
    if (arm) policy.axes.push_back({arm->name, arm->environment, arm->limits});
  }
}

}  // namespace

std::string to_json_text(const Policy& policy) {
  nlohmann::ordered_json object{{"mode", to_text(policy.mode)},
                                {"seed", std::to_string(policy.seed)},
                                {"budget_ms", policy.budget_ms},
                                {"attempt_ms", policy.attempt_ms},
                                {"confirmations", policy.confirmations},
                                {"boards", policy.boards},
                                {"plain_iterations", policy.plain_iterations},
                                {"device_timeout", policy.device_timeout},
                                {"watchdog_adjustable", policy.watchdog_adjustable},
                                {"operation_timeout_s", policy.operation_timeout_s},
                                {"noise_library", policy.noise_library},
                                {"holds_recipe", policy.holds_recipe},
                                {"slices", policy.slices},
                                {"arms", json_of(policy.arms)},
                                {"axes", json_of(policy.axes)},
                                {"near", policy.near},
                                {"predecessors", policy.predecessors},
                                {"expected_attempt_ms", policy.expected_attempt_ms}};
  if (policy.replay) object["replay"] = ordered_json_from(to_json_text(*policy.replay));
  if (policy.verification) object["verification"] = ordered_json_from(to_json_text(*policy.verification));
  return json_text(object);
}

std::optional<Policy> policy_from(const std::string& json) {
  try {
    const auto object = json_from(json);
    Policy policy;
    const auto mode = campaign_mode_from(object.at("mode").get<std::string>());
    if (!mode) return std::nullopt;
    policy.mode = *mode;
    policy.seed = std::stoull(object.at("seed").get<std::string>());
    object.at("budget_ms").get_to(policy.budget_ms);
    object.at("attempt_ms").get_to(policy.attempt_ms);
    object.at("confirmations").get_to(policy.confirmations);
    object.at("boards").get_to(policy.boards);
    object.at("plain_iterations").get_to(policy.plain_iterations);
    object.at("device_timeout").get_to(policy.device_timeout);
    object.at("watchdog_adjustable").get_to(policy.watchdog_adjustable);
    object.at("operation_timeout_s").get_to(policy.operation_timeout_s);
    policy.noise_library = object.value("noise_library", std::string{});  // a campaign of an older program has none
    policy.holds_recipe = object.value("holds_recipe", false);
    policy.slices = object.value("slices", false);
    if (object.contains("arms"))
      for (const auto& arm : object.at("arms"))
        policy.arms.push_back({arm.at("arm").get<std::string>(), arm.at("weight").get<double>()});
    if (object.contains("axes")) read_axes(object.at("axes"), policy);
    policy.predecessors = object.value("predecessors", 0);
    if (object.contains("near")) object.at("near").get_to(policy.near);
    object.at("expected_attempt_ms").get_to(policy.expected_attempt_ms);
    if (object.contains("replay")) {
      policy.replay = replay_from(json_text(object.at("replay")));
      if (!policy.replay) return std::nullopt;
    }
    if (!object.contains("verification")) return policy;
    policy.verification = verification_from(json_text(object.at("verification")));
    if (!policy.verification) return std::nullopt;
    return policy;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  } catch (const std::logic_error&) {  // the seed is no number
    return std::nullopt;
  }
}

}  // namespace ndr
