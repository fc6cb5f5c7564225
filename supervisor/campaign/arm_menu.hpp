#pragma once
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "supervisor/arms/capability.hpp"
#include "supervisor/settings.hpp"
#include "supervisor/work_pool.hpp"

namespace ndr {

/// An arm as people see it: what it does, and whether it works here.
struct ArmOffer {
  std::string name;  // as campaigns have it
  std::string does;
  bool available = false;
  std::string why;  // Capability
  bool operator==(const ArmOffer&) const = default;
};

/// Pure: every arm there is, plain first, the site's axes last.
std::vector<ArmOffer> arm_offers(const std::vector<Capability>& seen, const std::vector<Axis>& axes);

/// What works on this host. The trials are made in a thread of its own, and hold for a minute. Lives on the I/O thread.
class ArmMenu {
public:
  struct Seen {
    std::vector<ArmOffer> arms;
    std::int64_t at_ms = 0;  // Unix epoch
  };

  explicit ArmMenu(const Settings& settings) : settings_(settings) {}
  ArmMenu(const ArmMenu&) = delete;
  ArmMenu& operator=(const ArmMenu&) = delete;

  boost::asio::awaitable<Seen> now();

private:
  const Settings& settings_;
  Seen seen_;
  std::int64_t seen_steady_ms_ = 0;  // 0: never
  WorkPool pool_;                    // last, so that its work ends before what it needs
};

}  // namespace ndr
