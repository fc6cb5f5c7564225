#pragma once
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "supervisor/arms/noise/report.hpp"

namespace ndr::hold {

/// What is left of one process's holds: <folder>/hold-PID, of the form of noise/report.hpp; made at the first hold.
/// Sites are in the order of their first hold. After an exec the process has other addresses: begin_program().
class DelayBook {
public:
  DelayBook(std::string folder, pid_t pid) : folder_(std::move(folder)), pid_(pid) {}
  ~DelayBook();
  DelayBook(const DelayBook&) = delete;
  DelayBook& operator=(const DelayBook&) = delete;

  void add_point() { ++points_; }
  /// At `address` of a thread that is stopped now.
  void add(std::uint64_t address, std::uint64_t hold_ns);
  void begin_program() { sites_.clear(); }

private:
  bool map();
  noise::Site* site_at(std::uint64_t address);
  std::uint64_t module_at(std::uint64_t address, std::uint64_t& base);

  std::string folder_;
  pid_t pid_;
  std::uint64_t points_ = 0;
  noise::Report* report_ = nullptr;
  std::uint64_t sites_used_ = 0;
  std::map<std::uint64_t, noise::Site*> sites_;
};

}  // namespace ndr::hold
