#include "analyzer/job/replication.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "analyzer/assert.hpp"
#include "analyzer/evidence/formats.hpp"
#include "analyzer/evidence/text.hpp"

namespace ndr {
namespace {

constexpr std::size_t most_items = 100;

// Only what looks like a file of CI's machine: a checkout is where it is, and is named by other means.
bool is_foreign_place(std::string_view value) {
  return value.starts_with("/mnt/") || value.starts_with("/proj") || value.starts_with("/data") ||
         value.starts_with("/weka") || value.starts_with("/opt/") || value.starts_with("/home/") ||
         value.starts_with("/localdev/") || value.starts_with("/nfs");
}

bool is_checkout_variable(std::string_view name) {
  constexpr std::array<std::string_view, 4> names{"TT_METAL_HOME", "PYTHONPATH", "LD_LIBRARY_PATH",
                                                  "TT_METAL_RUNTIME_ROOT"};
  return std::find(names.begin(), names.end(), name) != names.end();
}

void add_paths(const Evidence& evidence, const HostFacts& host, std::vector<NotReplicable>& found) {
  for (const auto& [name, value] : evidence.environment) {
    if (is_checkout_variable(name) || !is_foreign_place(value.value) || found.size() >= most_items) continue;
    if (host.has_path && host.has_path(value.value)) continue;
    found.push_back({name + "=" + value.value, Substitute::mock,
                     "the path is not on this host: an empty folder stands for it; a test that reads from it needs the "
                     "real one",
                     value});
  }
}

void add_boards(const Evidence& evidence, const HostFacts& host, std::vector<NotReplicable>& found) {
  if (!evidence.board) return;
  const int wanted = boards_of(evidence.board->value);
  if (host.boards >= wanted) return;
  const std::string have = host.boards == 0 ? "no board" : std::to_string(host.boards) + " of them";
  found.push_back({evidence.board->value + " (" + std::to_string(wanted) + (wanted == 1 ? " board)" : " boards)"),
                   host.boards == 0 ? Substitute::skip : Substitute::simplify,
                   "this host has " + have + (host.boards == 0 ? ": run it where one is" : ": use a smaller mesh"),
                   *evidence.board});
}

}  // namespace

std::string_view to_text(Substitute substitute) {
  switch (substitute) {
    case Substitute::mock:
      return "mock";
    case Substitute::skip:
      return "skip";
    case Substitute::simplify:
      return "simplify";
  }
  NDR_ASSERT(false);
  return "";
}

int boards_of(std::string_view board) {
  constexpr std::array<std::pair<std::string_view, int>, 8> boards{{{"n300", 1},
                                                                    {"t3000", 4},
                                                                    {"loudbox", 4},
                                                                    {"quietbox", 4},
                                                                    {"galaxy", 32},
                                                                    {"tgg", 64},
                                                                    {"quad", 128},
                                                                    {"deskbox", 2}}};
  const std::string name = to_lower(board);
  const auto found = std::find_if(boards.begin(), boards.end(), [&](const auto& b) { return b.first == name; });
  return found == boards.end() ? 1 : found->second;
}

std::vector<NotReplicable> not_replicable(const Evidence& evidence, const HostFacts& host) {
  std::vector<NotReplicable> found;
  add_paths(evidence, host, found);
  add_boards(evidence, host, found);
  if (evidence.container_image)
    found.push_back({"container image " + evidence.container_image->value, Substitute::skip,
                     "the test runs in this host's own environment; a failure of the image's libraries would not show",
                     *evidence.container_image});
  if (evidence.rank_or_device && contains(evidence.rank_or_device->value, "rank"))
    found.push_back({"several ranks", Substitute::simplify, "all ranks run on this host, if its boards allow",
                     *evidence.rank_or_device});
  if (evidence.predecessor_count > 0 && !evidence.predecessors.empty())
    found.push_back(
        {std::to_string(evidence.predecessor_count) + " tests before it in the same process", Substitute::simplify,
         "the failing test runs alone; what the others left behind is missing, so an arm may run the last of "
         "them first",
         evidence.predecessors.back()});
  for (const auto& [name, origin] : evidence.secrets)
    found.push_back({"secret " + name, Substitute::skip,
                     "its value is not in the log; give it by hand if the test needs it",
                     sourced(std::string{"***"}, origin)});
  return found;
}

}  // namespace ndr
