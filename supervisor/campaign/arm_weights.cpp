#include "supervisor/campaign/arm_weights.hpp"

#include <algorithm>
#include <string_view>

namespace ndr {
namespace {

struct UsualWeight {
  const char* arm;
  double native;
  double script;  // Python and shell: the interpreter has no instructions of the test's own
};

constexpr UsualWeight usual_weights[] = {
    {"copies", 0.15, 0.25},   {"noise", 0.20, 0.15}, {"yield", 0.15, 0.10},        {"hold", 0.15, 0.01},
    {"pct", 0.08, 0.01},      {"calls", 0.05, 0.10}, {"chaos", 0.15, 0.20},        {"preempt", 0.10, 0.15},
    {"affinity", 0.02, 0.02}, {"directed", 0.10, 0}, {"back_to_back", 0.03, 0.05}, {"predecessors", 0.10, 0.10}};
constexpr double axis_weight = 0.05;
constexpr double most_axes_weight = 0.2;  // of all of them together
constexpr std::size_t most_near = 12;

bool is_script(const Signature& wanted) {
  return wanted.site_file.ends_with(".py") || wanted.test_name.find('[') != std::string::npos ||
         wanted.test_name.starts_with("test_") || wanted.statement.starts_with("assert ");
}

/// Without parameters and unnamed namespaces, which each compiler writes in its own way.
std::string plain_name(std::string function) {
  for (const std::string_view unnamed : {"{anonymous}::", "(anonymous namespace)::"})
    for (std::size_t at = function.find(unnamed); at != std::string::npos; at = function.find(unnamed))
      function.erase(at, unnamed.size());
  return function.substr(0, function.find('('));
}

}  // namespace

std::vector<ArmWeight> arms_for(const Signature& wanted, const Settings& settings, const CaseTraits& traits) {
  const auto works = [&](std::string_view arm) {
    if (arm == "directed" && traits.near.empty()) return false;
    if (arm == "predecessors") return traits.predecessors > 0;
    if (arm == "copies" || arm == "back_to_back") return true;
    if (arm == "directed") arm = "hold";
    return std::find(settings.arms.begin(), settings.arms.end(), arm) != settings.arms.end();
  };
  std::vector<ArmWeight> arms;
  for (const UsualWeight& usual : usual_weights) {
    const double weight = is_script(wanted) ? usual.script : usual.native;
    if (weight > 0 && works(usual.arm)) arms.push_back({usual.arm, weight});
  }
  for (const Axis& axis : settings.axes)
    arms.push_back({axis.name, std::min(axis_weight, most_axes_weight / static_cast<double>(settings.axes.size()))});
  return arms;
}

std::vector<std::string> neighbourhood(const Signature& wanted) {
  std::vector<std::string> names;
  const auto add = [&names](std::string name) {
    const bool is_new = std::find(names.begin(), names.end(), name) == names.end();
    // Everything comes from main(), which tells nothing.
    if (name.size() >= 3 && name != "main" && is_new && names.size() < most_near) names.push_back(std::move(name));
  };
  std::vector<std::string> functions{wanted.site_function};
  for (const std::string& frame : wanted.frames)  // file:function
    functions.push_back(frame.substr(std::min(frame.size(), frame.find(':') + 1)));
  for (const std::string& function : functions) {
    const std::string name = plain_name(function);
    const std::size_t scope = name.rfind("::");
    add(name);
    if (scope != std::string::npos) add(name.substr(0, scope + 2));  // the other members of its class
  }
  return is_script(wanted) ? std::vector<std::string>{} : names;
}

std::vector<ArmWeight> learnt(std::vector<ArmWeight> arms, const std::vector<ArmHistory>& history) {
  const auto share_of = [&history](const std::string& arm) {
    const auto found =
        std::find_if(history.begin(), history.end(), [&arm](const ArmHistory& row) { return row.arm == arm; });
    if (found == history.end()) return 0.5;
    return static_cast<double>(found->matched + 1) / static_cast<double>(found->cases + 2);
  };
  double mean = 0;
  for (const ArmWeight& arm : arms)
    mean += share_of(arm.name) / static_cast<double>(arms.size());
  for (ArmWeight& arm : arms)
    arm.weight *= std::clamp(share_of(arm.name) / mean, 0.25, 4.0);
  return arms;
}

}  // namespace ndr
