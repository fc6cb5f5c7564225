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

constexpr UsualWeight usual_weights[] = {{"copies", 0.15, 0.25}, {"noise", 0.20, 0.15},   {"yield", 0.15, 0.10},
                                         {"hold", 0.15, 0.01},   {"pct", 0.08, 0.01},     {"calls", 0.05, 0.10},
                                         {"chaos", 0.15, 0.20},  {"preempt", 0.10, 0.15}, {"affinity", 0.02, 0.02}};

bool is_script(const Signature& wanted) {
  return wanted.site_file.ends_with(".py") || wanted.test_name.find('[') != std::string::npos ||
         wanted.test_name.starts_with("test_") || wanted.statement.starts_with("assert ");
}

}  // namespace

std::vector<ArmWeight> arms_for(const Signature& wanted, const Settings& settings) {
  std::vector<ArmWeight> arms;
  for (const UsualWeight& usual : usual_weights) {
    const bool works = std::string_view{usual.arm} == "copies" ||
                       std::find(settings.arms.begin(), settings.arms.end(), usual.arm) != settings.arms.end();
    if (works) arms.push_back({usual.arm, is_script(wanted) ? usual.script : usual.native});
  }
  return arms;
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
