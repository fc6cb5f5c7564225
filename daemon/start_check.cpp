#include "daemon/start_check.hpp"

#include <system_error>
#include <utility>
#include <vector>

#include "analyzer/evidence/log_signal.hpp"
#include "storage/atomic_file.hpp"

namespace ndr {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t largest_pack = 1 << 20;

Checked<std::vector<SignalRule>> read_pack(const fs::path& file) try {
  return parse_signal_rules(read_file(file, largest_pack), file.string());
} catch (const std::system_error& unreadable) {
  return Refusal{"signal_rules", unreadable.what(), "name packs that the daemon's account can read"};
}

Checked<std::shared_ptr<const SignalRuleSet>> load_rules(const std::vector<fs::path>& packs) {
  std::vector<SignalRule> rules = builtin_signal_rules();
  for (const fs::path& file : packs) {
    auto pack = read_pack(file);
    if (pack.has_error()) return pack.error();
    rules.insert(rules.end(), pack->begin(), pack->end());
  }
  return SignalRuleSet::compile(std::move(rules));
}

}  // namespace

Checked<std::shared_ptr<const SignalRuleSet>> check_start(const Settings& settings) {
  return load_rules(settings.signal_rules);
}

}  // namespace ndr
