#include "daemon/start_check.hpp"

#include <system_error>
#include <utility>
#include <vector>

#include "analyzer/evidence/log_signal.hpp"
#include "storage/atomic_file.hpp"
#include "storage/file_system.hpp"

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
  const fs::path& folder = settings.state_folder;
  if (auto refused = refuse_state_on(network_file_system(folder), folder)) return *refused;
  return load_rules(settings.signal_rules);
}

std::optional<Refusal> refuse_state_on(std::optional<std::string_view> network, const fs::path& folder) {
  if (!network) return std::nullopt;
  return Refusal{"state_folder", folder.string() + " is on a network file system (" + std::string{*network} + ")",
                 "set state_folder to a folder on a local disk"};
}

}  // namespace ndr
