#pragma once
#include "analyzer/refusal.hpp"
#include "storage/process_identity.hpp"
#include "storage/unique_fd.hpp"

namespace ndr {

/// The one line of JSON on descriptor 3 for whoever started us; after it the descriptor is closed.
class ReadyLine {
public:
  static constexpr int descriptor = 3;

  explicit ReadyLine(bool wanted) : fd_(wanted ? descriptor : -1) {}
  void running(const ProcessIdentity& shim, int run_pid);
  void failed(const Refusal& refusal);

private:
  void say(const std::string& line);

  UniqueFd fd_;
};

}  // namespace ndr
