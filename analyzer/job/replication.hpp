#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "analyzer/evidence/evidence.hpp"
#include "analyzer/job/job_facts.hpp"

namespace ndr {

/// What this host has; the caller looks.
struct HostFacts {
  int boards = 0;
  std::function<bool(const std::string& path)> has_path;
};

/// What to do about something that CI had and this host has not.
enum class Substitute { mock, skip, simplify };
std::string_view to_text(Substitute substitute);

struct NotReplicable {
  std::string what;
  Substitute substitute = Substitute::skip;
  std::string reason;
  Sourced<std::string> seen;  // the value that says so, and where it was read (in the logs)
};

/// What of CI's circumstances cannot be had here: paths, container, secrets, boards, other hosts, tests before it.
std::vector<NotReplicable> not_replicable(const Evidence& evidence, const HostFacts& host);

/// How many chips a board of that name has; 1 where it is unknown.
int boards_of(std::string_view board);

}  // namespace ndr
