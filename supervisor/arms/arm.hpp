#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ndr {

/// One way to amplify, with its parameters: what the campaign chooses and the runner turns into arguments.
struct Arm {
  std::string name = "plain";  // plain, workers, iterations, watchdog
  int iterations = 0;          // 0: the script's default
  int workers = 1;
  double watchdog_scale = 1;  // of the operation timeout; 0 switches it off (margin screen)
  bool operator==(const Arm&) const = default;
};

/// What an arm adds to the script's command line and environment.
struct Invocation {
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  bool operator==(const Invocation&) const = default;
};

/// With the contract line: --iterations, --workers, --seed; a hand-written script gets pytest arguments
/// instead
/// (`-n K --max-worker-restart=0`; iterations only by NDREPRO_ITERATIONS, which it may read).
Invocation invocation(const Arm& arm, std::uint64_t seed, bool has_contract);

/// JSON text of the parameters (stored with the attempt) and back; nothing for text of another form.
std::string parameters_of(const Arm& arm);
Arm arm_from(const std::string& name, const std::string& parameters);

}  // namespace ndr
